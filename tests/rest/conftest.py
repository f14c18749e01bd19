"""A place with films, and its data door."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.places import Place
from tests.rest.cinema import SCHEMA
from tests.rest.doors import served


@pytest.fixture
async def films(place: Place) -> Place:
    await place.owner.execute(SCHEMA)
    return place


@pytest.fixture
async def door(films: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with served(films) as client:
        yield client
