"""Who is calling: the bearer token, verified, as an actor."""

from __future__ import annotations

from fastapi import Request

from agon.kernel import clock
from agon.kernel.database import ANONYMOUS, Actor

BEARER = "bearer "


async def actor_of(request: Request) -> Actor:
    """The caller. Without a token: anon. Raises Refused (401) for a token that does not hold."""
    header = request.headers.get("authorization", "")
    if not header:
        return ANONYMOUS
    token = header[len(BEARER) :] if header.lower().startswith(BEARER) else header
    claims = await request.app.state.runtime.verify_token(token.strip(), clock.now_s())
    return Actor(role=claims["role"], claims=claims)
