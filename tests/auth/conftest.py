"""Places with an auth door: one where addresses need no proof, one where they do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests import places
from tests.auth.visitors import door_of, publish_key
from tests.servers import TestServer


@pytest.fixture
async def door(place: places.Place) -> AsyncIterator[httpx.AsyncClient]:
    """The door as it stands in development."""
    await publish_key(place)
    async with door_of(place) as client:
        yield client


@pytest.fixture
async def strict(server: TestServer, tmp_path: Path) -> AsyncIterator[places.Place]:
    """A place where addresses need proof."""
    environ = {
        "AGON_AUTH_AUTOCONFIRM": "off",
        "AGON_AUTH_MAIL_EVERY_SECONDS": "0",
        "AGON_SITE_URL": "https://play.example",
        "AGON_REDIRECT_URLS": "https://*.apps.example/**,agon://callback",
    }
    name = "agon_auth"
    async with places.opened(server, name, tmp_path, environ) as opened:
        await publish_key(opened)
        yield opened


@pytest.fixture
async def gate(strict: places.Place) -> AsyncIterator[httpx.AsyncClient]:
    """The door of `strict`."""
    async with door_of(strict) as client:
        yield client
