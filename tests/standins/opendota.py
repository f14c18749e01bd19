"""OpenDota's API, as far as the collector speaks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.standins.server import Standin, serve

SUMMARY_KEYS = ("match_id", "radiant_win", "duration", "game_mode", "lobby_type", "start_time")


@asynccontextmanager
async def standin(
    matches: Sequence[dict[str, Any]] = (), *, now_s: int = 2_000_000_000
) -> AsyncIterator[Standin]:
    """matches: as /matches/{id} answers; a player's list holds those with the account id."""

    async def listing(request: web.Request) -> web.Response:
        account = int(request.match_info["id"])
        since_s = now_s - int(request.query["date"]) * 86_400
        mine = [m for m in matches if m["start_time"] >= since_s and _plays(m, account)]
        newest = sorted(mine, key=lambda match: match["start_time"], reverse=True)
        first = int(request.query["offset"])
        page = newest[first : first + int(request.query["limit"])]
        return web.json_response([{key: m[key] for key in SUMMARY_KEYS} for m in page])

    async def match(request: web.Request) -> web.Response:
        name = int(request.match_info["id"])
        found = next((m for m in matches if m["match_id"] == name), None)
        if found is None:
            return web.json_response({"error": "Not Found"}, status=404)
        return web.json_response(found)

    async with serve({"GET /players/{id}/matches": listing, "GET /matches/{id}": match}) as running:
        yield running


def _plays(match: dict[str, Any], account: int) -> bool:
    return any(player["account_id"] == account for player in match["players"])
