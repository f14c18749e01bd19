"""Strava's API v3, as far as the collector speaks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.standins.server import Standin, serve

ATHLETE = 1513
CODE = "code-1"
EXPIRES_AT = 1_900_000_000


@dataclass(kw_only=True)
class _Athlete:
    """One athlete's account: what it holds, and the tokens that are valid now."""

    activities: Sequence[dict[str, Any]]
    streams: Mapping[int, dict[str, Any]]
    access: str
    refresh: str

    def hand_out(self) -> dict[str, Any]:
        number = int(self.refresh.rpartition("-")[2]) + 1
        self.access, self.refresh = f"access-{number}", f"refresh-{number}"
        return {
            "token_type": "Bearer",
            "access_token": self.access,
            "refresh_token": self.refresh,
            "expires_at": EXPIRES_AT,
            "expires_in": 21_600,
        }

    def is_stranger(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") != f"Bearer {self.access}"

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("client_secret") != "strava-secret":
            return _fault(400, "Application", "client_id")
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != self.refresh:
                return _fault(400, "RefreshToken", "refresh_token")
            return web.json_response(self.hand_out())
        if form.get("code") != CODE:
            return _fault(400, "AuthorizationCode", "code")
        athlete = {"id": ATHLETE, "username": "marianne_t", "firstname": "Marianne"}
        return web.json_response(self.hand_out() | {"athlete": athlete})

    async def listing(self, request: web.Request) -> web.Response:
        if self.is_stranger(request):
            return _fault(401, "Athlete", "access_token")
        after, size = int(request.query["after"]), int(request.query["per_page"])
        new = sorted((a for a in self.activities if _start_s(a) > after), key=_start_s)
        first = (int(request.query["page"]) - 1) * size
        return web.json_response(new[first : first + size])

    async def activity(self, request: web.Request) -> web.Response:
        if self.is_stranger(request):
            return _fault(401, "Athlete", "access_token")
        number = int(request.match_info["id"])
        found = next((each for each in self.activities if each["id"] == number), None)
        return web.json_response(found) if found else _fault(404, "Activity", "id")

    async def stream_set(self, request: web.Request) -> web.Response:
        found = self.streams.get(int(request.match_info["id"]))
        if found is None:
            return _fault(404, "Activity", "streams")
        keys = request.query["keys"].split(",")
        return web.json_response({key: found[key] for key in keys if key in found})


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
    athlete = _Athlete(
        activities=activities, streams=streams or {}, access=accepts, refresh=refreshes
    )
    async with serve(
        {
            "POST /oauth/token": athlete.token,
            "GET /api/v3/athlete/activities": athlete.listing,
            "GET /api/v3/activities/{id}": athlete.activity,
            "GET /api/v3/activities/{id}/streams": athlete.stream_set,
        }
    ) as running:
        yield running


def _fault(status: int, resource: str, field: str) -> web.Response:
    fault = {"resource": resource, "field": field, "code": "invalid"}
    return web.json_response({"message": "Bad Request", "errors": [fault]}, status=status)


def _start_s(activity: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(activity["start_date"]).timestamp())
