"""Fixtures: one server a run, one database a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from agon.app import serve
from tests import places, servers


@pytest.fixture(scope="session")
def server() -> Iterator[servers.TestServer]:
    """The run's Postgres, with a migrated template."""
    with servers.running() as running:
        asyncio.run(places.make_template(running))
        yield running


@pytest.fixture
async def place(server: servers.TestServer, tmp_path: Path) -> AsyncIterator[places.Place]:
    """A fresh migrated database of the test's own."""
    async with places.opened(server, "agon_test", tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(place: places.Place) -> AsyncIterator[httpx.AsyncClient]:
    """The HTTP server of a place, called in process."""
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes = place.database, None
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as client:
        yield client
