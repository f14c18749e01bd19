"""Sessions for a proof: `POST /token?grant_type=…`; and their end."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from agon.auth import bodies, sign_ins
from agon.auth.bodies import Body
from agon.auth.desk import PREFIX, AnyDesk, Desk, MemberDesk
from agon.auth.refusals import AuthRoute, granted
from agon.commons.people import users
from agon.kernel.errors import refuse

router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=AuthRoute)


@router.post(
    "/token",
    openapi_extra=bodies.described(
        "email",
        "password",
        "refresh_token",
        "auth_code",
        "code_verifier",
        "chain",
        "message",
        "signature",
    ),
)
async def token(desk: AnyDesk, body: Body, grant_type: str = "") -> Any:
    """A session for a password, a refresh token, a code, or a signed message."""
    grant = GRANTS.get(grant_type)
    if grant is None:
        raise refuse("invalid_credentials", "unsupported_grant_type")
    return granted(await grant(desk, body))


@router.post("/logout", status_code=204)
async def logout(desk: MemberDesk, scope: str = "global") -> Response:
    """End the caller's sessions: all (global), this one (local), or all but this one (others)."""
    async with desk.acting() as conn:
        await conn.execute("select agon.close_sessions($1)", scope)
    return Response(status_code=204)


async def _password(desk: Desk, body: Body) -> Any:
    bodies.refuse_phone(body)
    text = bodies.wanted(body, "email")
    password = bodies.wanted(body, "password")
    return await sign_ins.with_password(desk, users.email_of(text), password)


async def _refresh_token(desk: Desk, body: Body) -> Any:
    return await sign_ins.with_refresh_token(desk, bodies.wanted(body, "refresh_token"))


async def _pkce(desk: Desk, body: Body) -> Any:
    code, verifier = bodies.wanted(body, "auth_code"), bodies.wanted(body, "code_verifier")
    return await sign_ins.with_flow_code(desk, code, verifier)


async def _web3(desk: Desk, body: Body) -> Any:
    if bodies.wanted(body, "chain") != "ethereum":
        raise refuse("web3_unsupported_chain", "Unsupported chain")
    message = body.get("message")
    if not isinstance(message, str):
        raise refuse("validation_failed", "message is required")
    return await sign_ins.with_wallet(desk, message, bodies.wanted(body, "signature"))


GRANTS = {
    "password": _password,
    "refresh_token": _refresh_token,
    "pkce": _pkce,
    "web3": _web3,
}
