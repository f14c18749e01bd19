"""The server that every stand-in runs on: literal routes, a record of requests, ordered faults."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from agon.kernel import outbound

BODY_BYTES_MAX = 128 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A request that came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a party does instead of answering. truncate: halve the body that it would have sent."""

    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    delay_s: float = 0
    truncate: bool = False


def rate_limited(retry_after_s: int | None = None) -> Fault:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Fault(status=429, headers=headers, body=b'{"message":"Rate Limit Exceeded"}')


def broken(status: int = 500) -> Fault:
    return Fault(status=status, body=b"<html>Internal Server Error</html>")


def hanging(seconds: float) -> Fault:
    return Fault(delay_s=seconds)


def truncated() -> Fault:
    return Fault(truncate=True)


@dataclass(kw_only=True)
class Standin:
    """A running party. url: without a trailing slash; address: for the client's exemptions."""

    url: str
    address: tuple[str, int]
    heard: list[Heard] = field(default_factory=list)
    faults: list[tuple[str, Fault]] = field(default_factory=list)

    def order(self, path: str, fault: Fault, times: int = 1) -> None:
        """Commit the fault at the next requests whose path starts so."""
        self.faults += [(path, fault)] * times

    def paths(self) -> list[str]:
        return [heard.path for heard in self.heard]


class Waits(list[float]):
    """Stands in for sleep: takes no time, and lists what was waited."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@asynccontextmanager
async def calling(
    *parties: Standin, waits: Waits | None = None, **settings: Any
) -> AsyncIterator[outbound.Client]:
    """The client for strangers, with leave to call these parties. settings: of outbound."""
    exempt = frozenset(party.address for party in parties)
    given = outbound.Settings(**{"exempt": exempt} | settings)
    async with outbound.client(given, sleep=Waits() if waits is None else waits) as client:
        yield client


@asynccontextmanager
async def serve(routes: Mapping[str, Handler]) -> AsyncIterator[Standin]:
    """Run a party on a free port of 127.0.0.1. routes: "GET /path/{name}" -> handler."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        standin = Standin(url="http://{}:{}".format(*address), address=address)
        app = web.Application(middlewares=[_listen(standin)], client_max_size=BODY_BYTES_MAX)
        for route, handler in routes.items():
            app.router.add_route(*route.split(" ", 1), handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            yield standin
        finally:
            await runner.cleanup()


def _listen(standin: Standin) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
    @web.middleware
    async def listen(request: web.Request, handler: Handler) -> web.StreamResponse:
        standin.heard.append(
            Heard(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers=dict(request.headers),
                body=await request.read(),
            )
        )
        ordered = next((item for item in standin.faults if request.path.startswith(item[0])), None)
        if ordered is None:
            return await handler(request)
        standin.faults.remove(ordered)
        return await _commit(ordered[1], request, handler)

    return listen


async def _commit(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    if fault.truncate:
        whole = await handler(request)
        body = whole.body if isinstance(whole, web.Response) and whole.body else b""
        half = bytes(body)[: len(bytes(body)) // 2]
        return web.Response(body=half, content_type="application/json")
    await asyncio.sleep(fault.delay_s)
    return web.Response(status=fault.status, headers=dict(fault.headers), body=fault.body)
