"""The doors on a socket, for clients that know nothing of Python."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from agon.app import serve
from agon.kernel import runtime
from agon.systems import SYSTEMS
from agon.web.protocol import Protocol
from tests import places
from tests.servers import TestServer
from tests.standins import github
from tests.standins.server import Standin

HERE = Path(__file__).parent
START_S_MAX = 20
STOP_S_MAX = 5

OPEN = {
    "AGON_REST_SCHEMAS": "public,shop",
    "AGON_REST_AGGREGATES": "true",
    "AGON_REST_EXPLAIN": "true",
    "AGON_REST_TX_ROLLBACK": "true",
    "AGON_REDIRECT_URLS": "https://app.agon.example/**",
}
"""Everything that a setting opens, open."""
STRICT = {
    "AGON_REST_ROWS_MAX": "3",
    "AGON_AUTH_AUTOCONFIRM": "off",
    "AGON_JWT_SECRET": "super-secret-jwt-token-with-at-least-32-characters-long",
}
"""Without the settings that open something; a bound that six films reach, addresses that must be
confirmed, and the secret that Supabase's well-known development keys are signed with."""


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Two servers over one database, and the keys that both take.

    url: the one of `OPEN`, which also has a GitHub; strict_url: the one of `STRICT`; home: where
    mail is kept as files.
    """

    url: str
    strict_url: str
    publishable: str
    secret: str
    home: Path
    place: places.Place


class _Server(uvicorn.Server):
    """It says when it has started, and leaves the signals to whoever runs the tests."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun.set()

    @contextlib.contextmanager
    def capture_signals(self):
        yield


@asynccontextmanager
async def listening(process: runtime.Runtime, line: socket.socket, *, work: bool = False):
    """The whole application on a bound socket, as `agon serve` runs it."""
    config = uvicorn.Config(
        serve(process, work=work),
        http=Protocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STOP_S_MAX,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[line]))
    try:
        begun = asyncio.create_task(server.begun.wait())
        await asyncio.wait((begun, task), timeout=START_S_MAX, return_when="FIRST_COMPLETED")
        begun.cancel()
        if task.done():
            task.result()
        assert server.started, "the server ended while it was starting"
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def opened(server: TestServer, folder: Path) -> AsyncIterator[Doors]:
    """The film library behind both servers."""
    async with AsyncExitStack() as stack:
        line, strict_line = stack.enter_context(_bound()), stack.enter_context(_bound())
        party = await stack.enter_async_context(github.standin())
        given = {"AGON_PUBLIC_URL": _url(line)} | OPEN | _github(party)
        place = await stack.enter_async_context(
            places.opened(server, "agon_test_clients", folder, given)
        )
        for name in ("schema.sql", "functions.sql"):
            await place.owner.execute((HERE / name).read_text("utf-8"))
        strict = _beside(place, folder, {"AGON_PUBLIC_URL": _url(strict_line)} | STRICT)
        await stack.enter_async_context(listening(place.runtime, line, work=True))
        await stack.enter_async_context(listening(strict, strict_line))
        keys = place.runtime.api_keys
        yield Doors(
            url=_url(line),
            strict_url=_url(strict_line),
            publishable=keys.publishable,
            secret=keys.secret,
            home=folder,
            place=place,
        )


def _github(party: Standin) -> dict[str, str]:
    return {
        "AGON_GITHUB_CLIENT_ID": github.CLIENT_ID,
        "AGON_GITHUB_CLIENT_SECRET": github.CLIENT_SECRET,
        "AGON_GITHUB_URL": party.url,
        "AGON_GITHUB_API_URL": party.url + github.API,
        "AGON_OUTBOUND_ALLOW": "{}:{}".format(*party.address),
    }


def _beside(place: places.Place, folder: Path, environ: Mapping[str, str]) -> runtime.Runtime:
    """A second process of the same home and database, with other settings."""
    process = runtime.begin(
        SYSTEMS,
        environ={"AGON_HOME": str(folder), "AGON_LOG_LEVEL": "error", **environ},
        folder=folder,
    )
    process.__dict__["urls"] = place.runtime.urls
    return process


def _bound() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _url(line: socket.socket) -> str:
    return "http://{}:{}".format(*line.getsockname())
