"""What programs act as bots with: made for a bot's owner, shown once, ended at any time."""

from __future__ import annotations

from typing import Any

from agon.commons.people import agent_credentials
from agon.kernel.database import Conn

DAYS_DEFAULT = 30


async def issue(conn: Conn, slug: str, days: int = DAYS_DEFAULT) -> dict[str, Any]:
    """A new credential of a bot: {credential: in clear, never shown again, id, prefix,
    bot_identity_id, issued_for, created_at, expires_at, revoked_at}.

    Raises PT404 `bot_unknown`, PT403 `not_your_bot`, PT409 `bot_unowned`, `too_many_credentials`,
    PT422 `days_out_of_range`.
    """
    secret = agent_credentials.new()
    kept = await conn.fetchval(
        "select agon.issue_bot_credential($1, $2, $3, $4)", slug, secret.sha256, secret.prefix, days
    )
    return {"credential": secret.text, **kept}


async def listed(conn: Conn, slug: str) -> list[dict[str, Any]]:
    """The credentials of a bot, without their secrets, the newest first."""
    rows = await conn.fetch("select * from agon.list_bot_credentials($1) as shown", slug)
    return [row["shown"] for row in rows]


async def revoke(conn: Conn, slug: str, credential: str) -> bool:
    """End a credential, by its id; False when none held."""
    return await conn.fetchval("select agon.revoke_bot_credential($1, $2)", slug, credential)
