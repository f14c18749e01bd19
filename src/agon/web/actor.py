"""Who is calling a route, as the actor that its transactions run as."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from agon.kernel import clock
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
    """The caller. Without a token or key: anon. Raises Refused (401) for one that does not hold.

    _described: the scheme for OpenAPI; we read the headers ourselves.
    """
    headers = headers_of(request.scope["headers"])
    return (await request.app.state.callers.identify(headers, clock.now_s())).actor
