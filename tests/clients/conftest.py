"""Fixtures: the doors, once a run, and clients of several callers."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from supabase import AsyncClient, AsyncClientOptions, create_async_client

from tests.clients import serving
from tests.servers import TestServer

HERE = Path(__file__).parent
PASSWORD = "correct horse battery staple"

Connect = Callable[..., Awaitable[AsyncClient]]
_numbers = itertools.count(1)


def cases(topic: str) -> list[Any]:
    """The cases of a topic that both clients are held to, as parameters."""
    listed = json.loads((HERE / f"cases_{topic}.json").read_text("utf-8"))
    return [pytest.param(case, id=case["name"]) for case in listed]


def fresh(stem: str) -> str:
    """A name that nothing else in this run has."""
    return f"{stem}-{next(_numbers)}"


@pytest.fixture(scope="session")
async def doors(
    server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[serving.Doors]:
    """Both servers, and the film library behind them."""
    async with serving.opened(server, tmp_path_factory.mktemp("clients")) as opened:
        yield opened


@pytest.fixture(scope="session")
async def connect(doors: serving.Doors) -> AsyncIterator[Connect]:
    """Makes clients: `await connect(key, url=…, **options)`; anon's without a key."""
    made: list[AsyncClient] = []

    async def connect(key: str | None = None, url: str | None = None, **given: Any) -> AsyncClient:
        options = AsyncClientOptions(auto_refresh_token=False, **given)
        client = await create_async_client(url or doors.url, key or doors.publishable, options)
        made.append(client)
        return client

    yield connect
    for client in made:
        await client.postgrest.aclose()
        await client.auth.close()


@pytest.fixture(scope="session")
async def anon(connect: Connect) -> AsyncClient:
    """A client with the publishable key, signed out."""
    return await connect()


@pytest.fixture(scope="session")
async def service(doors: serving.Doors, connect: Connect) -> AsyncClient:
    """A client with the secret key."""
    return await connect(doors.secret)


@pytest.fixture(scope="session")
async def strict(doors: serving.Doors, connect: Connect) -> AsyncClient:
    """A client of the server without the settings that open something."""
    return await connect(url=doors.strict_url)


@pytest.fixture
async def member(service: AsyncClient, connect: Connect) -> AsyncClient:
    """A client that a new user is signed in with."""
    email = f"{fresh('member')}@agon.example"
    await service.auth.admin.create_user(
        {"email": email, "password": PASSWORD, "email_confirm": True}
    )
    client = await connect()
    await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    return client
