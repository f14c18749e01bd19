"""Invites: those that go out by mail get a link; the others are told by SQL alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.challenges import links
from agon.commons.notifications import mails
from agon.kernel.database import Conn, Database
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

METHODS = ("email", "wallet", "steam")
LISTED_MAX = 100


async def create(conn: Conn, inviter: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Invite somebody, as the engine for a caller who owns the inviting wallet.

    body: {challenge_id, method, value}. Raises Refused `challenge_id_malformed`,
    `invite_method_unknown`, and the database's refusals.
    """
    method, challenge_id = body.get("method"), body.get("challenge_id")
    if method not in METHODS:
        raise refuse(
            "invite_method_unknown",
            "There is no such way to invite somebody.",
            details="/method",
            hint=f"It is one of {', '.join(METHODS)}.",
            status=422,
        )
    return await conn.fetchval(
        "select to_jsonb(agon.create_invite($1, $2, $3, $4))",
        inviter,
        challenge_number(challenge_id),
        method,
        str(body.get("value", "")),
    )


def challenge_number(given: object) -> int:
    """The number of a challenge that a body names. Raises Refused `challenge_id_malformed`."""
    if type(given) is not int or not 0 <= given < 2**63:
        raise refuse(
            "challenge_id_malformed",
            "challenge_id is not the number of a challenge.",
            details="/challenge_id",
            status=422,
        )
    return given


async def deliver(database: Database, runtime: Runtime, invite_id: str) -> str | None:
    """Send what waits: a mail with its link, or a notification to the wallet behind a Steam
    account. The invite's status afterwards; None where there is no such invite."""
    async with database.as_worker() as conn:
        letter = await conn.fetchval("select agon.load_letter($1)", invite_id)
        if letter is None:
            return await conn.fetchval("select status from agon.deliver_invite($1)", invite_id)
        token = links.new_token()
        mail_id = await mails.post(
            conn,
            to=letter["to"],
            template="challenge_invite",
            values={
                "site_name": runtime.settings["site_name"],
                "email": letter["to"],
                "inviter": letter["inviter"],
                "challenge": letter["challenge"] or f"challenge {letter['challenge_id']}",
                "link": links.invite(runtime, invite_id, token),
            },
            idempotency_key=f"challenges.invite:{invite_id}",
        )
        await conn.execute(
            "select agon.note_letter($1, $2, $3)", invite_id, links.digest(token), mail_id
        )
        return "sent"
