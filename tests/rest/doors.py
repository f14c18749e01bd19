"""The data door of a place, over HTTP, in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from agon.app import opened, serve
from agon.kernel import migrate, runtime
from agon.rest.system import SYSTEM
from agon.systems import SYSTEMS
from tests.places import Place

WITH_REST = SYSTEMS if SYSTEM in SYSTEMS else (*SYSTEMS, SYSTEM)
UNLIMITED = {
    "AGON_REQUESTS_PER_S_USER": "0",
    "AGON_REQUESTS_PER_S_KEY": "0",
    "AGON_REQUESTS_PER_S_ADDRESS": "0",
}


@asynccontextmanager
async def served(place: Place, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server with these settings. `client.process` is its runtime."""
    folder = place.runtime.home
    if SYSTEM not in SYSTEMS:
        await migrate.run(place.owner, migrate.collect(WITH_REST))
    process = runtime.begin(
        WITH_REST,
        environ={"AGON_HOME": str(folder), "AGON_LOG_LEVEL": "error", **UNLIMITED, **environ},
        folder=folder,
    )
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
