"""Doors: paths that published clients know, in front of the routes and beside them.

A door with a callable of its own answers without the routes' machinery: that is the hot path. A
door without one stands before routes, and only adds what browsers of other origins need.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agon.kernel.database import Database
from agon.kernel.manifest import System, load
from agon.kernel.runtime import Runtime
from agon.web.gate import Gate
from agon.web.headers import Headers, headers_of
from agon.web.status import REQUESTS, SECONDS

HEADERS_KEY = "agon.headers"
"""Where a door finds its headers in the scope: as a mapping."""

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")
PREFLIGHT_S = 24 * 3600
EXPOSED = (
    "Content-Encoding, Content-Location, Content-Profile, Content-Range, Content-Type, Date, Link, "
    "Location, Preference-Applied, Proxy-Status, Range-Unit, Retry-After, Server, "
    "Transfer-Encoding, X-Supabase-Api-Version, X-Total-Count"
)
ANY_ORIGIN = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
]
LABELS_MAX = 1024

Doors = dict[str, ASGIApp | None]
"""By prefix, the longest first; None where the routes answer."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """What a door leans on."""

    runtime: Runtime
    database: Database
    gate: Gate


def closed(systems: Iterable[System]) -> Doors:
    """The doors of all systems before the server has started: the routes answer."""
    prefixes = [door.prefix for system in systems for door in system.doors]
    return dict.fromkeys(sorted(prefixes, key=len, reverse=True))


@asynccontextmanager
async def opened(server: Server, doors: Doors) -> AsyncIterator[None]:
    """Open them, for the length of the block."""
    async with AsyncExitStack() as stack:
        for system in server.runtime.systems:
            for door in system.doors:
                if door.open is not None:
                    opening = load(door.open)(server)
                    doors[door.prefix] = await stack.enter_async_context(opening)
        try:
            yield
        finally:
            doors.update(dict.fromkeys(doors))


class Entrance:
    """Where requests part: through a door by how their path begins, or on to the routes."""

    def __init__(self, app: ASGIApp, doors: Doors):
        self._app, self._doors = app, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = self._prefix_of(scope)
        if prefix is None:
            await self._app(scope, receive, send)
            return
        app = self._doors[prefix]
        if scope["type"] != "http":
            await (app or self._app)(scope, receive, send)
            return
        scope[HEADERS_KEY] = headers = headers_of(scope["headers"])
        if b"origin" in headers:
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _preflight(headers, send)
                return
            send = _to_any_origin(send)
        if app is None:
            await self._app(scope, receive, send)
        else:
            await _measured(app, prefix, scope, receive, send)

    def _prefix_of(self, scope: Scope) -> str | None:
        if scope["type"] == "lifespan":
            return None
        path = scope["path"]
        for prefix in self._doors:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return prefix
        return None


async def _measured(app: ASGIApp, prefix: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Count and time it under the door's prefix: its paths are made of what callers write."""
    started, status = time.perf_counter(), 500

    async def note(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)
        await send(message)

    try:
        await app(scope, receive, note)
    finally:
        method = scope["method"] if scope["method"] in METHODS else "(other)"
        requests, seconds = _meters(method, prefix, status)
        requests.inc()
        seconds.observe(time.perf_counter() - started)


@lru_cache(LABELS_MAX)
def _meters(method: str, prefix: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, prefix, status), SECONDS.labels(method, prefix)


def _to_any_origin(send: Send) -> Send:
    async def allow(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *ANY_ORIGIN]
        await send(message)

    return allow


async def _preflight(headers: Headers, send: Send) -> None:
    """What a browser asks before it sends what the page wants to send."""
    asked = headers.get(b"access-control-request-headers", b"")
    allowed = b"Authorization" + (b", " + asked if asked else b"")
    answer = [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", ", ".join(METHODS).encode()),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", str(PREFLIGHT_S).encode()),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": answer})
    await send({"type": "http.response.body", "body": b""})
