"""Reminders by mail: subscribed, confirmed by who has the address, and sent once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.challenges import links, prompts
from agon.challenges.invites import challenge_number
from agon.commons.notifications import mails
from agon.kernel import clock, logs
from agon.kernel.database import Conn, Database
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

TYPES = ("proof_deadline", "finalization")
DECIDED_PER_RUN_MAX = 500

log = logs.get("agon.challenges.reminders")


async def subscribe(conn: Conn, runtime: Runtime, body: Mapping[str, Any]) -> dict[str, Any]:
    """Subscribe an address, as the engine for a signed-in caller: {outcome, email, challenge_id,
    type}, outcome `subscribed`, or `confirmation_sent` where the address is not known to be the
    caller's.

    body: {email, challenge_id, type}. Raises Refused `reminder_type_unknown`,
    `challenge_id_malformed`, and the database's refusals.
    """
    type = body.get("type")
    if type not in TYPES:
        raise refuse(
            "reminder_type_unknown",
            "There is no such reminder.",
            details="/type",
            hint=f"It is one of {', '.join(TYPES)}.",
            status=422,
        )
    token = links.new_token()
    added = await conn.fetchval(
        "select agon.add_reminder($1, $2, $3, $4)",
        str(body.get("email", "")),
        challenge_number(body.get("challenge_id")),
        type,
        links.digest(token),
    )
    title, is_asked = added.pop("challenge"), added.pop("mail")
    if is_asked:
        await mails.post(
            conn,
            to=added["email"],
            template="reminder_confirmation",
            values={
                "site_name": runtime.settings["site_name"],
                "email": added["email"],
                "challenge": title or f"challenge {added['challenge_id']}",
                "link": links.reminder(runtime, "confirm", token),
            },
        )
    return added


async def send_due(database: Database, runtime: Runtime) -> int:
    """Queue the mail of what is due, and end what is past: how many were queued."""
    async with database.as_worker() as conn:
        now_ms = clock.to_ms(await conn.fetchval("select agon.now()"))
        ends_before_ms = now_ms - prompts.PROOF_MS + prompts.DEADLINE_MAIL_MS
        rows = await conn.fetch(
            "select agon.reminders_to_decide($1, $2)", ends_before_ms, DECIDED_PER_RUN_MAX
        )
    queued = 0
    for (row,) in rows:
        challenge = prompts.Challenge(
            id=row["challenge_id"], status=row["status"], title=row["title"], end_ms=row["end_ms"]
        )
        match prompts.for_subscriber(challenge, row["type"], row["ended_ms"], now_ms):
            case "send":
                queued += await _send(database, runtime, challenge, row)
            case "drop":
                async with database.as_worker() as conn:
                    await conn.execute("select agon.drop_reminder($1)", row["id"])
    return queued


async def _send(
    database: Database, runtime: Runtime, challenge: prompts.Challenge, row: Mapping[str, Any]
) -> bool:
    """Note one as sent and queue its mail, together; False when another was first."""
    token = links.new_token()
    async with database.as_worker() as conn:
        email = await conn.fetchval(
            "select agon.take_reminder($1, $2)", row["id"], links.digest(token)
        )
        if email is None:
            return False
        await mails.post(
            conn,
            to=email,
            template=row["type"],
            values={
                "site_name": runtime.settings["site_name"],
                "email": email,
                "challenge": challenge.name,
                "link": links.challenge(runtime, challenge.id),
            },
            unsubscribe=links.reminder(runtime, "unsubscribe", token),
            idempotency_key=f"challenges.reminder:{row['id']}",
        )
    return True
