"""What the worker does: send mail, and forget old mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from agon.commons.notifications import mails
from agon.kernel import outside
from agon.kernel.jobs import Later, Work

KEPT_DAYS = 30
"""Rows of mail that was sent or failed; their idempotency keys hold as long."""


async def send_mail(work: Work, payload: dict[str, Any]) -> Later | None:
    """Send one mail."""
    return await outside.carry(work, mails.SENDING, payload["key"])


async def forget_mails(work: Work) -> None:
    """Delete the rows of old mail."""
    pool = await work.database.pool("agon_worker")
    await pool.fetchval("select agon.forget_mails($1)", timedelta(days=KEPT_DAYS))
