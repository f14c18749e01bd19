"""Riot's sign-on, account-v1 and match-v5, as far as the collector speaks them.

The regional route, elsewhere a part of the host name, is the first part of the path:
base_url is `{url}/{route}`.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.standins.server import Standin, serve

API_KEY = "RGAPI-test"
CODE = "code-1"
REFRESH = "refresh-1"
BASIC = "Basic " + base64.b64encode(b"agon:riot-secret").decode()


@asynccontextmanager
async def standin(
    matches: Sequence[dict[str, Any]] = (), *, puuid: str = "puuid-1", platform: str = "kr"
) -> AsyncIterator[Standin]:
    """matches: as match-v5 answers; platform: where the player plays, "" for nowhere."""

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        if request.headers.get("Authorization") != BASIC:
            return web.json_response({"error": "invalid_client"}, status=401)
        if form.get("code") != CODE and form.get("refresh_token") != REFRESH:
            return web.json_response({"error": "invalid_grant"}, status=400)
        answer = {"token_type": "Bearer", "access_token": "access-1", "expires_in": 3_600}
        if form.get("grant_type") == "authorization_code":
            answer |= {"refresh_token": REFRESH, "scope": "openid offline_access"}
        return web.json_response(answer)

    async def me(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer access-1":
            return _fault(401, "Unauthorized")
        return web.json_response({"puuid": puuid, "gameName": "Riot Tuxedo", "tagLine": "TUXC1"})

    async def region(request: web.Request) -> web.Response:
        if is_stranger(request):
            return _fault(403, "Forbidden")
        if request.match_info["puuid"] != puuid or not platform:
            return _fault(404, "Data not found")
        return web.json_response({"puuid": puuid, "game": "lol", "region": platform})

    async def listing(request: web.Request) -> web.Response:
        if is_stranger(request):
            return _fault(403, "Forbidden")
        since_ms = int(request.query["startTime"]) * 1000
        new = [m for m in matches if m["info"]["gameStartTimestamp"] >= since_ms]
        new.sort(key=lambda match: match["info"]["gameStartTimestamp"], reverse=True)
        first = int(request.query["start"])
        page = new[first : first + int(request.query["count"])]
        return web.json_response([m["metadata"]["matchId"] for m in page])

    async def match(request: web.Request) -> web.Response:
        if is_stranger(request):
            return _fault(403, "Forbidden")
        name = request.match_info["id"]
        found = next((m for m in matches if m["metadata"]["matchId"] == name), None)
        return web.json_response(found) if found else _fault(404, "Data not found")

    async with serve(
        {
            "POST /token": token,
            "GET /{route}/riot/account/v1/accounts/me": me,
            "GET /{route}/riot/account/v1/region/by-game/lol/by-puuid/{puuid}": region,
            "GET /{route}/lol/match/v5/matches/by-puuid/{puuid}/ids": listing,
            "GET /{route}/lol/match/v5/matches/{id}": match,
        }
    ) as running:
        yield running


def is_stranger(request: web.Request) -> bool:
    return request.headers.get("X-Riot-Token") != API_KEY


def _fault(status: int, message: str) -> web.Response:
    return web.json_response({"status": {"message": message, "status_code": status}}, status=status)
