"""What the worker does: send mail, and forget old mail."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from agon.commons.notifications import mails
from agon.kernel import logs
from agon.kernel.jobs import Work

KEPT_DAYS = 30
"""Rows of mail that was sent or failed; their idempotency keys hold as long."""

log = logs.get("agon.notifications")


async def send_mail(work: Work, payload: dict[str, Any]) -> None:
    """Send one mail."""
    outcome = await mails.send(work.database, work.runtime, uuid.UUID(payload["mail_id"]))
    log.debug("mail.handled", outcome=outcome, mail=payload["mail_id"])


async def forget_mails(work: Work) -> None:
    """Delete the rows of old mail."""
    pool = await work.database.pool("agon_worker")
    await pool.fetchval("select agon.forget_mails($1)", timedelta(days=KEPT_DAYS))
