"""Coming for the first time: with a password, by mail, without a name, or by invitation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agon.auth import flows, mailing
from agon.auth.desk import Desk
from agon.commons.people import sessions, users
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal, Refused

HOUR = timedelta(hours=1)

DISABLED = Refusal(
    code="signup_disabled", message="Signups not allowed for this instance", status=422
)
ANONYMOUS_DISABLED = Refusal(
    code="anonymous_provider_disabled", message="Anonymous sign-ins are disabled", status=422
)
TAKEN = Refusal(code="user_already_exists", message="User already registered", status=422)

User = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Who signs up. data: of their own, for user_metadata; redirect_to: where the mail leads."""

    email: str
    password: str
    data: Mapping[str, Any]
    redirect_to: str
    challenge: flows.Challenge | None = None


async def with_password(desk: Desk, newcomer: Newcomer) -> sessions.Session | User | Refusal:
    """A session where addresses need no proof; else the user, who has mail now.

    Whoever signs up with an address that is taken gets the same answer as everybody, and the
    address gets no mail.
    """
    if not desk.settings["auth_sign_ups"]:
        return DISABLED
    hashed = await users.new_password(desk.runtime, newcomer.password, newcomer.email)
    autoconfirms = desk.autoconfirms
    async with desk.acting() as conn:
        refusal = await _limit(conn, desk)
        if refusal is None and not autoconfirms:
            refusal = await mailing.limit(conn, desk, newcomer.email)
        if refusal:
            return refusal
        signed = await conn.fetchval(
            "select agon.sign_up($1, $2, $3, $4)",
            newcomer.email,
            hashed,
            newcomer.data,
            autoconfirms,
        )
        if signed["outcome"] == "taken":
            if autoconfirms:
                return TAKEN
            now = await conn.fetchval("select agon.now()")
            return users.stand_in(newcomer.email, newcomer.data, now)
        if autoconfirms:
            return await sessions.begin(conn, desk.terms, signed["user_id"], "password")
        user_id = uuid.UUID(signed["user_id"])
        flow_id = await flows.begin(conn, newcomer.challenge, newcomer.redirect_to)
        letter = mailing.Letter(
            kind="signup",
            user_id=user_id,
            to=newcomer.email,
            email=newcomer.email,
            redirect_to=newcomer.redirect_to,
            flow_id=flow_id,
            keeps_password=True,
        )
        await mailing.send(conn, desk, letter)
        return await load(conn, user_id)


async def without_name(desk: Desk, data: Mapping[str, Any]) -> sessions.Session | Refusal:
    """A session for somebody who may say later who they are."""
    if not desk.settings["auth_sign_ups"]:
        return DISABLED
    if not desk.settings["auth_anonymous"]:
        return ANONYMOUS_DISABLED
    async with desk.acting() as conn:
        refusal = await _limit(conn, desk)
        if refusal:
            return refusal
        user_id = await conn.fetchval("select agon.sign_up_anonymously($1)", data)
        return await sessions.begin(conn, desk.terms, user_id, "anonymous")


async def by_mail(
    desk: Desk,
    email: str,
    data: Mapping[str, Any],
    redirect_to: str,
    challenge: flows.Challenge | None,
    *,
    may_sign_up: bool,
) -> Refusal | None:
    """Mail a code and a link that sign in; who is new is signed up by answering. Nobody learns
    from the answer whether the address is known."""
    async with desk.acting() as conn:
        refusal = await mailing.limit(conn, desk, email)
        if refusal:
            return refusal
        found = await conn.fetchval("select agon.find_mailbox($1)", email)
        kind = "magiclink" if found and found["is_confirmed"] else "signup"
        user_id = uuid.UUID(found["user_id"]) if found else None
        if user_id is None and may_sign_up and desk.settings["auth_sign_ups"]:
            refusal = await _limit(conn, desk)
            if refusal:
                return refusal
            user_id = await conn.fetchval("select agon.sign_up_by_mail($1, $2)", email, data)
        if user_id is not None:
            letter = mailing.Letter(
                kind=kind,
                user_id=user_id,
                to=email,
                email=email,
                redirect_to=redirect_to,
                flow_id=await flows.begin(conn, challenge, redirect_to),
            )
            await mailing.send(conn, desk, letter)
    return None


async def invite(desk: Desk, email: str, data: Mapping[str, Any], redirect_to: str) -> User:
    """Make a user for the service, and mail the invitation. Raises PT403 `not_admin`, PT422
    `email_exists`."""
    async with desk.acting() as conn:
        user = await conn.fetchval(
            "select agon.admin_create_user(null, $1, null, $2)", email, {"user_metadata": data}
        )
        user_id = uuid.UUID(user["id"])
        letter = mailing.Letter(
            kind="invite", user_id=user_id, to=email, email=email, redirect_to=redirect_to
        )
        await mailing.send(conn, desk, letter)
        return await load(conn, user_id)


async def load(conn: Conn, user_id: uuid.UUID) -> User:
    """A user as clients know it."""
    return await conn.fetchval("select agon.user_json($1)", user_id)


async def _limit(conn: Conn, desk: Desk) -> Refusal | None:
    """Count a sign-up of this network address."""
    wait_s = await conn.fetchval(
        "select agon.spend_for('sign_up', $1, $2, $3)",
        desk.visit.address or "",
        desk.settings["auth_sign_ups_per_hour"],
        HOUR,
    )
    return users.over_limit(wait_s) if wait_s else None


def granted(outcome: Any) -> Any:
    """An outcome that is no refusal; the transaction that found it is over. Raises Refused."""
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return outcome
