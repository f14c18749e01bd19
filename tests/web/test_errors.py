"""What handlers raise, as answers."""

from __future__ import annotations

import errno

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from agon.web import errors


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ConnectionResetError("gone"), 503, "database_unreachable"),
        (asyncpg.InterfaceError("connection is closed"), 503, "database_unreachable"),
        (asyncpg.ConnectionDoesNotExistError("closed"), 503, "08003"),
        (OSError(errno.ENOSPC, "No space left on device"), 500, "internal_error"),
        (TimeoutError(), 500, "internal_error"),
        (ValueError("a mistake"), 500, "internal_error"),
    ],
)
async def test_only_a_lost_database_is_called_unreachable(error, status, code):
    app = FastAPI()
    errors.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as api:
        answer = await api.get("/")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
