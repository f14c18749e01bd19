"""What people change about themselves."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agon.auth import flows, mailing
from agon.auth.desk import Desk
from agon.auth.sign_ups import User
from agon.commons.people import passwords, users
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal, Refused

SAME_PASSWORD = Refusal(
    code="same_password",
    message="New password should be different from the old password.",
    status=422,
)
NEEDS_ADDRESS = Refusal(
    code="validation_failed",
    message="Updating password of an anonymous user without an email or phone is not allowed",
    status=422,
)
NEEDS_NONCE = Refusal(
    code="reauthentication_needed", message="Password update requires reauthentication"
)
WRONG_NONCE = Refusal(
    code="reauthentication_not_valid", message="Nonce has expired or is invalid", status=422
)
NO_ADDRESS = Refusal(
    code="validation_failed",
    message="Reauthentication requires the user to have an email",
    status=422,
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What to change; None: leave it."""

    email: str | None
    password: str | None
    data: Mapping[str, Any] | None
    nonce: str | None
    redirect_to: str
    challenge: flows.Challenge | None


async def load(desk: Desk) -> User:
    """The caller. Raises PT403 `bad_jwt`, `session_not_found`, `user_not_found`, `user_banned`."""
    async with desk.acting() as conn:
        return await conn.fetchval("select agon.load_own_user()")


async def update(desk: Desk, change: Change) -> User | Refusal:
    """Change the caller. A new password ends their other sessions; a new address waits for the
    answers to two mails, one to each address, unless addresses need no proof."""
    hashed = None
    if change.password is not None:
        hashed = await _password(desk, change, change.password)
        if isinstance(hashed, Refusal):
            return hashed
    async with desk.acting() as conn:
        if change.email and not desk.autoconfirms:
            refusal = await mailing.limit(conn, desk, change.email)
            if refusal:
                return refusal
        changed = await conn.fetchval(
            "select agon.update_own_user($1, $2, $3, $4, $5)",
            change.email,
            hashed,
            change.data,
            desk.autoconfirms,
            mailing.lifetime(desk),
        )
        if changed:
            refusal = changed["present"] and await mailing.limit(conn, desk, changed["present"])
            if refusal:
                raise Refused(refusal)  # the change must not stay
            await send_change(conn, desk, change, changed)
        return await conn.fetchval("select agon.load_own_user()")


async def reauthenticate(desk: Desk) -> Refusal | None:
    """Mail the caller a code, for a change of password."""
    user = await load(desk)
    if not user["email"]:
        return NO_ADDRESS
    async with desk.acting() as conn:
        refusal = await mailing.limit(conn, desk, user["email"])
        if refusal:
            return refusal
        letter = mailing.Letter(
            kind="reauthentication",
            user_id=uuid.UUID(user["id"]),
            to=user["email"],
            email=user["email"],
            redirect_to=desk.site_url,
        )
        await mailing.send(conn, desk, letter)
    return None


async def send_change(conn: Conn, desk: Desk, change: Change, changed: Mapping[str, Any]) -> None:
    """Mail both addresses; an address that somebody else has gets none."""
    flow_id = await flows.begin(conn, change.challenge, change.redirect_to)
    user_id, present, new = uuid.UUID(changed["user_id"]), changed["present"], change.email or ""
    halves = [("email_change_new", new, None if changed["is_taken"] else user_id)]
    if present:
        halves.append(("email_change_current", present, user_id))
    for kind, to, whose in halves:
        letter = mailing.Letter(
            kind=kind,
            user_id=whose,
            to=to,
            email=present,
            new_email=new,
            redirect_to=change.redirect_to,
            flow_id=flow_id,
        )
        await mailing.send(conn, desk, letter)


async def _password(desk: Desk, change: Change, password: str) -> str | Refusal:
    """The hash of the caller's new password, or why not."""
    async with desk.acting() as conn:
        own = await conn.fetchval("select agon.load_own_password()")
        wait_s = await conn.fetchval("select agon.spend_new_password()")
        if wait_s:
            return users.over_limit(wait_s)
        if own["is_anonymous"] and not change.email:
            return NEEDS_ADDRESS
        if desk.settings["auth_nonce"] and not own["is_fresh"]:
            if change.nonce is None:
                return NEEDS_NONCE
            if not await conn.fetchval(
                "select agon.use_reauthentication_nonce($1, $2)",
                mailing.hashes(desk.runtime.jwt_keys, own["email"] or "", change.nonce),
                mailing.ATTEMPTS_MAX,
            ):
                return WRONG_NONCE
    hashed = await users.new_password(desk.runtime, password, change.email or own["email"])
    if own["encrypted_password"] and await passwords.verify_password(
        password, own["encrypted_password"]
    ):
        return SAME_PASSWORD
    return hashed
