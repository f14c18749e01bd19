"""The caller's own account: `/user`, and the code for changing its password."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from agon.auth import bodies, flows, members
from agon.auth.bodies import Body
from agon.auth.desk import PREFIX, MemberDesk
from agon.auth.refusals import AuthRoute, granted
from agon.commons.people import users
from agon.kernel.errors import refuse

NOT_THEIRS = ("app_metadata", "role", "aud", "ban_duration", "email_confirm", "is_super_admin")

router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=AuthRoute)


@router.get("/user")
async def get_user(desk: MemberDesk) -> Any:
    """The caller."""
    return await members.load(desk)


@router.put(
    "/user",
    openapi_extra=bodies.described(
        "email", "password", "nonce", *bodies.CHALLENGE, data=bodies.OBJECT
    ),
)
async def put_user(desk: MemberDesk, body: Body, redirect_to: str | None = None) -> Any:
    """Change the caller's address, password or user_metadata."""
    bodies.refuse_phone(body)
    if any(body.get(name) is not None for name in NOT_THEIRS):
        raise refuse("not_admin", "Updating these fields requires the secret key", status=403)
    email = bodies.text(body, "email")
    change = members.Change(
        email=users.email_of(email) if email else None,
        password=bodies.text(body, "password"),
        data=bodies.metadata(body, "data"),
        nonce=bodies.text(body, "nonce"),
        redirect_to=desk.redirect_url(redirect_to),
        challenge=flows.challenge_of(body),
    )
    return granted(await members.update(desk, change))


@router.get("/reauthenticate")
@router.post("/reauthenticate")
async def reauthenticate(desk: MemberDesk) -> dict[str, Any]:
    """Mail the caller a code that a change of password may need."""
    granted(await members.reauthenticate(desk))
    return {}
