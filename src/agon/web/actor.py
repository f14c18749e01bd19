"""Who is calling a route, as the actor that its transactions run as."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from agon.kernel.database import Actor
from agon.web.headers import headers_of

SCHEME = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="JWT",
    description="`agon token` mints one.",
    auto_error=False,
)
Described = Annotated[HTTPAuthorizationCredentials | None, Security(SCHEME)]


async def actor_of(request: Request, _described: Described) -> Actor:
    """The caller. Without a token or key: anon. Raises Refused (401) for one that does not hold,
    and `rate_limited`.

    _described: the scheme for OpenAPI; we read the headers ourselves.
    """
    headers = headers_of(request.scope["headers"])
    return (await request.app.state.gate.identify(headers, address_of(request))).actor


def address_of(request: Request) -> str:
    """Where a request comes from; empty where nobody knows."""
    return request.client.host if request.client else ""
