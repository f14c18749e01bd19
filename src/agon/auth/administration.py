"""What the service does to people's accounts. That it is the service, the acts check."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from agon.auth import bodies, mailing
from agon.auth.desk import Desk
from agon.auth.refusals import validation_failed
from agon.auth.sign_ups import User
from agon.commons.people import users

PER_PAGE = 50
PER_PAGE_MAX = 1000
PAGE_MAX = 1_000_000

LINK_KINDS = (
    "signup", "invite", "magiclink", "recovery", "email_change_current", "email_change_new",
)  # fmt: skip


def fields_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What an admin changes, as agon.admin_update_user takes it. Raises Refused
    `validation_failed`."""
    fields: dict[str, Any] = {
        "email_confirm": bodies.flag(body, "email_confirm"),
        "phone_confirm": bodies.flag(body, "phone_confirm"),
        "phone": bodies.text(body, "phone"),
        "user_metadata": bodies.metadata(body, "user_metadata"),
        "app_metadata": bodies.metadata(body, "app_metadata"),
    }
    role = bodies.text(body, "role")
    if role not in (None, "authenticated"):
        raise validation_failed("role must be authenticated: users never become the service")
    fields = {name: value for name, value in fields.items() if value}
    ban = bodies.text(body, "ban_duration")
    if ban is not None:
        fields["ban_s"] = None if ban == "none" else bodies.seconds_of(ban)
    return fields


async def create(desk: Desk, body: Mapping[str, Any]) -> User:
    """Make a user. Raises PT403 `not_admin`, PT422 `email_exists`."""
    await require_service(desk)
    email = bodies.text(body, "email")
    if email is None and bodies.text(body, "phone") is None:
        raise validation_failed("Cannot create a user without either an email or phone")
    chosen = bodies.text(body, "id")
    user_id = bodies.identifier(chosen, "id") if chosen else None
    email = users.email_of(email) if email else None
    hashed = await _password(desk, body, email)
    async with desk.acting() as conn:
        return await conn.fetchval(
            "select agon.admin_create_user($1, $2, $3, $4)",
            user_id,
            email,
            hashed,
            fields_of(body),
        )


async def update(desk: Desk, user_id: uuid.UUID, body: Mapping[str, Any]) -> User:
    """Change a user. Raises PT403 `not_admin`, PT404 `user_not_found`, PT422 `email_exists`."""
    await require_service(desk)
    email = bodies.text(body, "email")
    email = users.email_of(email) if email else None
    hashed = await _password(desk, body, email)
    async with desk.acting() as conn:
        return await conn.fetchval(
            "select agon.admin_update_user($1, $2, $3, $4)", user_id, email, hashed, fields_of(body)
        )


async def list_page(desk: Desk, page: int, per_page: int) -> tuple[list[User], int]:
    """A page of users, the newest first, and how many there are in all."""
    async with desk.acting() as conn:
        found = await conn.fetchval("select agon.admin_list_users($1, $2)", page, per_page)
    return found["users"], found["total"]


def links(page: int, per_page: int, total: int) -> str:
    """The `link` header: the next page and the last one, where there are such."""
    last = max(1, -(-total // per_page))
    listed = []
    if page < last:
        listed.append(f'</admin/users?page={page + 1}&per_page={per_page}>; rel="next"')
    listed.append(f'</admin/users?page={last}&per_page={per_page}>; rel="last"')
    return ", ".join(listed)


async def load(desk: Desk, user_id: uuid.UUID) -> User:
    """Any user. Raises PT403 `not_admin`, PT404 `user_not_found`."""
    async with desk.acting() as conn:
        return await conn.fetchval("select agon.admin_get_user($1)", user_id)


async def delete(desk: Desk, user_id: uuid.UUID, *, softly: bool) -> None:
    """Delete a user. Raises PT403 `not_admin`, PT404 `user_not_found`."""
    async with desk.acting() as conn:
        await conn.execute("select agon.admin_delete_user($1, $2)", user_id, softly)


async def generate_link(desk: Desk, body: Mapping[str, Any], redirect_to: str) -> User:
    """What a mail would carry, for the service to send itself: the user, with `action_link`,
    `email_otp`, `hashed_token`, `verification_type` and `redirect_to`."""
    kind = bodies.wanted(body, "type")
    if kind not in LINK_KINDS:
        raise validation_failed(f"type must be one of {', '.join(LINK_KINDS)}")
    await require_service(desk)
    email = users.email_of(bodies.wanted(body, "email"))
    data = bodies.metadata(body, "data") or {}
    hashed = None
    if kind == "signup":
        password = bodies.wanted(body, "password")
        hashed = await users.new_password(desk.runtime, password, email)
    new_email = None
    if kind.startswith("email_change"):
        new_email = users.email_of(bodies.wanted(body, "new_email"))
    async with desk.acting() as conn:
        user_id = await conn.fetchval(
            "select agon.admin_prepare_link($1, $2, $3, $4, $5, $6)",
            kind,
            email,
            new_email,
            hashed,
            data,
            mailing.lifetime(desk),
        )
        letter = mailing.Letter(
            kind=kind,
            user_id=user_id,
            to=new_email if kind == "email_change_new" and new_email else email,
            email=email,
            redirect_to=redirect_to,
        )
        proof = await mailing.make(conn, desk, letter)
        user = await conn.fetchval("select agon.user_json($1)", user_id)
    return user | {
        "action_link": proof.link,
        "email_otp": proof.code,
        "hashed_token": proof.token,
        "verification_type": kind,
        "redirect_to": redirect_to,
    }


async def require_service(desk: Desk) -> None:
    """Before a password is hashed for nobody. Raises PT403 `not_admin`."""
    async with desk.acting() as conn:
        await conn.execute("select agon.require_service()")


async def _password(desk: Desk, body: Mapping[str, Any], email: str | None) -> str | None:
    password = bodies.text(body, "password")
    return await users.new_password(desk.runtime, password, email) if password else None
