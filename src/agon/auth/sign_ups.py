"""Coming for the first time: with a password, by mail, without a name, or by invitation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agon.auth import bodies, flows, mailing
from agon.auth.desk import Desk
from agon.commons.people import sessions, users
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal

DISABLED = Refusal(
    code="signup_disabled", message="Signups not allowed for this instance", status=422
)
ANONYMOUS_DISABLED = Refusal(
    code="anonymous_provider_disabled", message="Anonymous sign-ins are disabled", status=422
)
TAKEN = Refusal(code="user_already_exists", message="User already registered", status=422)

REMINDERS = {"recovery": "recovery", "signup": "signup", "email_change": "email_change_new"}
"""What somebody may ask for again, and the mail that nobody gets who does."""

User = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Who comes with an address. data: of their own, for user_metadata; redirect_to: where the mail
    leads; password: where the sign-up is by one."""

    email: str
    data: Mapping[str, Any]
    redirect_to: str
    password: str = field(default="", repr=False)
    challenge: flows.Challenge | None = None


def newcomer_of(desk: Desk, body: Mapping[str, Any], redirect_to: str | None) -> Newcomer:
    """Who comes, by what a client sends. Raises Refused `validation_failed`."""
    return Newcomer(
        email=users.email_of(bodies.wanted(body, "email")),
        data=bodies.metadata(body, "data") or {},
        redirect_to=desk.redirect_url(redirect_to),
        challenge=flows.challenge_of(body),
    )


async def with_password(desk: Desk, newcomer: Newcomer) -> sessions.Session | User | Refusal:
    """A session where addresses need no proof; else the user, who has mail now.

    Whoever signs up with an address that is taken gets the same answer as everybody, after the
    same work, and the address gets no mail.
    """
    async with desk.acting() as conn:
        refusal = await _admit(conn, desk)
        if refusal:
            return refusal
        former = await conn.fetchval("select agon.load_open_password($1)", newcomer.email)
    hashed = await users.new_password(desk.runtime, newcomer.password, newcomer.email, like=former)
    async with desk.acting() as conn:
        if not desk.autoconfirms:
            refusal = await mailing.limit(conn, desk, newcomer.email)
            if refusal:
                return refusal
        signed = await conn.fetchval(
            "select agon.sign_up($1, $2, $3, $4, $5)",
            newcomer.email,
            hashed,
            newcomer.data,
            desk.autoconfirms,
            _stand_in_ids(desk, newcomer.email),
        )
        user_id = _user_id(signed)
        if not desk.autoconfirms:
            await _mail(conn, desk, newcomer, signed, "signup")
            return signed["user"]
        if user_id is None:
            return TAKEN
        return await sessions.begin(conn, desk.terms, user_id, "password")


async def without_name(desk: Desk, data: Mapping[str, Any]) -> sessions.Session | Refusal:
    """A session for somebody who may say later who they are."""
    async with desk.acting() as conn:
        refusal = await _admit(conn, desk)
        if refusal is None and not desk.settings["auth_anonymous"]:
            return ANONYMOUS_DISABLED
        if refusal:
            return refusal
        user_id = await conn.fetchval("select agon.sign_up_anonymously($1)", data)
        return await sessions.begin(conn, desk.terms, user_id, "anonymous")


async def by_mail(desk: Desk, newcomer: Newcomer, *, may_sign_up: bool) -> Refusal | None:
    """Mail a code and a link that sign in; who is new is signed up by answering. Nobody learns
    from the answer whether the address is known."""
    async with desk.acting() as conn:
        refusal = await mailing.limit(conn, desk, newcomer.email)
        may_sign_up = may_sign_up and desk.settings["auth_sign_ups"]
        if refusal is None and may_sign_up:
            # For everybody: counted for the new alone, it would tell who is new.
            refusal = await _admit(conn, desk)
        if refusal:
            return refusal
        found = await conn.fetchval(
            "select agon.sign_up_by_mail($1, $2, $3, $4)",
            newcomer.email,
            newcomer.data,
            may_sign_up,
            _stand_in_ids(desk, newcomer.email),
        )
        await _mail(conn, desk, newcomer, found, "magiclink")
    return None


async def invite(desk: Desk, newcomer: Newcomer) -> User:
    """Make a user for the service, and mail the invitation; who has not answered one yet gets
    another. Raises PT403 `not_admin`, PT422 `email_exists`."""
    async with desk.acting() as conn:
        user_id = await conn.fetchval(
            "select agon.admin_prepare_link('invite', $1, null, null, $2, $3)",
            newcomer.email,
            newcomer.data,
            mailing.lifetime(desk),
        )
        await _mail(conn, desk, newcomer, {"user_id": str(user_id)}, "invite")
        return await conn.fetchval("select agon.user_json($1)", user_id)


async def remind(desk: Desk, kind: str, newcomer: Newcomer) -> Refusal | None:
    """Mail somebody what an account of theirs waits for (recovery, signup, email_change), if they
    have one that does. Nobody learns whether they have."""
    async with desk.acting() as conn:
        refusal = await mailing.limit(conn, desk, newcomer.email)
        if refusal:
            return refusal
        found = await conn.fetchval("select agon.find_mailbox($1, $2)", kind, newcomer.email)
        await _mail(conn, desk, newcomer, found, REMINDERS[kind])
    return None


async def _mail(
    conn: Conn, desk: Desk, newcomer: Newcomer, found: Mapping[str, Any] | None, kind: str
) -> None:
    """found: whose mail it is, and of what kind; without it, one of that kind is for nobody."""
    found = found or {}
    letter = mailing.Letter(
        kind=found.get("kind", kind),
        user_id=_user_id(found),
        to=newcomer.email,
        email=found.get("email", newcomer.email),
        new_email=found.get("new_email", newcomer.email),
        redirect_to=newcomer.redirect_to,
        flow_id=await flows.begin(conn, newcomer.challenge, newcomer.redirect_to),
    )
    await mailing.send(conn, desk, letter)


async def _admit(conn: Conn, desk: Desk) -> Refusal | None:
    """Whether there may be one more sign-up from this network, which is counted."""
    if not desk.settings["auth_sign_ups"]:
        return DISABLED
    wait_s = await conn.fetchval("select agon.spend_sign_up()")
    return users.over_limit(wait_s) if wait_s else None


def _stand_in_ids(desk: Desk, email: str) -> list[uuid.UUID]:
    """Of a user and its identity that are shown for an address which somebody has: always the same
    ones, as a true user's are."""
    made = mailing.keyed(desk.runtime.jwt_keys[0], "stand-in", email)
    return [uuid.UUID(bytes=made[at : at + 16], version=4) for at in (0, 16)]


def _user_id(found: Mapping[str, Any]) -> uuid.UUID | None:
    return uuid.UUID(found["user_id"]) if found.get("user_id") else None
