"""Who is calling: the bearer token, verified, as an actor."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from agon.kernel import clock
from agon.kernel.database import ANONYMOUS, Actor

BEARER = "bearer "
SCHEME = HTTPBearer(
    scheme_name="bearer",
    bearerFormat="JWT",
    description="`agon token` mints one.",
    auto_error=False,
)
Described = Annotated[HTTPAuthorizationCredentials | None, Security(SCHEME)]


async def actor_of(request: Request, _described: Described) -> Actor:
    """The caller. Without a token: anon. Raises Refused (401) for a token that does not hold.

    _described: the scheme for OpenAPI; we read the header ourselves.
    """
    header = request.headers.get("authorization", "")
    if not header:
        return ANONYMOUS
    token = header[len(BEARER) :] if header.lower().startswith(BEARER) else header
    claims = await request.app.state.runtime.verify_token(token.strip(), clock.now_s())
    return Actor(role=claims["role"], claims=claims)
