"""Strava's API v3, as far as the collector speaks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.standins.server import Standin, serve

ATHLETE = 1513
CODE = "code-1"
EXPIRES_AT = 1_900_000_000


@asynccontextmanager
async def standin(
    activities: Sequence[dict[str, Any]] = (),
    streams: Mapping[int, dict[str, Any]] | None = None,
    *,
    accepts: str = "access-1",
    refreshes: str = "refresh-1",
) -> AsyncIterator[Standin]:
    """accepts, refreshes: the tokens that are valid at first; refreshing makes access-2 and so on.

    activities: DetailedActivity objects; streams: by activity id, StreamSets keyed by type.
    """
    valid = {"access": accepts, "refresh": refreshes}
    by_id = {activity["id"]: activity for activity in activities}

    def handed_out() -> dict[str, Any]:
        number = int(valid["refresh"].rpartition("-")[2]) + 1
        valid.update(access=f"access-{number}", refresh=f"refresh-{number}")
        return {
            "token_type": "Bearer",
            "access_token": valid["access"],
            "refresh_token": valid["refresh"],
            "expires_at": EXPIRES_AT,
            "expires_in": 21_600,
        }

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("client_secret") != "strava-secret":
            return _fault(400, "Application", "client_id")
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != valid["refresh"]:
                return _fault(400, "RefreshToken", "refresh_token")
            return web.json_response(handed_out())
        if form.get("code") != CODE:
            return _fault(400, "AuthorizationCode", "code")
        athlete = {"id": ATHLETE, "username": "marianne_t", "firstname": "Marianne"}
        return web.json_response(handed_out() | {"athlete": athlete})

    def is_stranger(request: web.Request) -> bool:
        return request.headers.get("Authorization") != f"Bearer {valid['access']}"

    async def listing(request: web.Request) -> web.Response:
        if is_stranger(request):
            return _fault(401, "Athlete", "access_token")
        after, size = int(request.query["after"]), int(request.query["per_page"])
        new = sorted((a for a in activities if _start_s(a) > after), key=_start_s)
        first = (int(request.query["page"]) - 1) * size
        return web.json_response(new[first : first + size])

    async def activity(request: web.Request) -> web.Response:
        if is_stranger(request):
            return _fault(401, "Athlete", "access_token")
        found = by_id.get(int(request.match_info["id"]))
        return web.json_response(found) if found else _fault(404, "Activity", "id")

    async def stream_set(request: web.Request) -> web.Response:
        found = (streams or {}).get(int(request.match_info["id"]))
        if found is None:
            return _fault(404, "Activity", "streams")
        keys = request.query["keys"].split(",")
        return web.json_response({key: found[key] for key in keys if key in found})

    async with serve(
        {
            "POST /oauth/token": token,
            "GET /api/v3/athlete/activities": listing,
            "GET /api/v3/activities/{id}": activity,
            "GET /api/v3/activities/{id}/streams": stream_set,
        }
    ) as running:
        yield running


def _fault(status: int, resource: str, field: str) -> web.Response:
    fault = {"resource": resource, "field": field, "code": "invalid"}
    return web.json_response({"message": "Bad Request", "errors": [fault]}, status=status)


def _start_s(activity: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(activity["start_date"]).timestamp())
