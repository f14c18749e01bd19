"""Fixtures: one server a run, one database a test."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import places, servers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[servers.TestServer]:
    """The run's Postgres, with a migrated template."""
    with servers.running() as running:
        asyncio.run(places.make_template(running))
        yield running


@pytest.fixture
async def place(server: servers.TestServer, tmp_path: Path) -> AsyncIterator[places.Place]:
    """A fresh migrated database of the test's own."""
    async with places.opened(server, f"agon_test_{next(_numbers)}", tmp_path) as opened:
        yield opened
