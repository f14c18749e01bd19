"""The auth door of a place with settings of its own, for visitors from any network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from agon.app import serve
from tests import places
from tests.auth.visitors import VERSION, publish_key
from tests.servers import TestServer


@dataclass(frozen=True, kw_only=True)
class Door:
    """One server; whoever comes through it comes from a network."""

    place: places.Place
    app: FastAPI

    def visitor(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client at an address."""
        transport = httpx.ASGITransport(
            app=self.app, raise_app_exceptions=False, client=(address, 4711)
        )
        return httpx.AsyncClient(
            transport=transport, base_url="http://agon.test/auth/v1", headers=VERSION
        )


@asynccontextmanager
async def opened(
    server: TestServer, folder: Path, name: str, **environ: str
) -> AsyncIterator[Door]:
    """The door of a new place. name: of its database, once a run."""
    async with places.opened(server, name, folder, environ) as place:
        await publish_key(place)
        app = serve(place.runtime, work=False)
        app.state.database, app.state.processes = place.database, None
        yield Door(place=place, app=app)
