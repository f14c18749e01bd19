"""The data door of a place, over HTTP, in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from agon.app import opened, serve
from agon.kernel import runtime
from agon.systems import SYSTEMS
from tests.places import Place

UNLIMITED = {
    "AGON_REQUESTS_PER_S_USER": "0",
    "AGON_REQUESTS_PER_S_KEY": "0",
    "AGON_REQUESTS_PER_S_ADDRESS": "0",
}


def begun(folder: Path, **environ: str) -> runtime.Runtime:
    """A process in this folder, as its settings say."""
    given = {"AGON_HOME": str(folder), "AGON_LOG_LEVEL": "error", **environ}
    return runtime.begin(SYSTEMS, environ=given, folder=folder)


@asynccontextmanager
async def served(place: Place, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server with these settings. `client.process` is its runtime."""
    process = begun(place.runtime.home, **(UNLIMITED | environ))
    process.__dict__["urls"] = place.runtime.urls
    app = serve(process, work=False)
    app.state.database, app.state.processes = place.database, None
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with (
        opened(app),
        httpx.AsyncClient(transport=transport, base_url="http://agon.test") as client,
    ):
        client.process = process
        client.app = app
        yield client
