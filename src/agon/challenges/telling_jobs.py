"""What the worker does for invites, notifications and reminders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from agon.challenges import invites, reminders, telling
from agon.kernel import logs
from agon.kernel.jobs import Work

UNCONFIRMED_DAYS = 7

log = logs.get("agon.challenges.telling")


async def deliver_invite(work: Work, payload: dict[str, Any]) -> None:
    """Send one invite."""
    status = await invites.deliver(work.database, work.runtime, payload["invite_id"])
    log.debug("invite.delivered", status=status, **payload)


async def expire_invites(work: Work) -> None:
    """Give up invites that nobody took."""
    pool = await work.database.pool("agon_worker")
    await pool.fetchval("select agon.expire_invites()")


async def tell(work: Work) -> None:
    """Tell participants and claimants what is due."""
    reached = await telling.tell_participants(work.database)
    claimants = await telling.tell_claimants(work.database, work.runtime)
    log.debug("notifications.told", participants=reached, claimants=claimants)


async def remind(work: Work) -> None:
    """Send the reminders that are due."""
    queued = await reminders.send_due(work.database, work.runtime)
    log.debug("reminders.queued", mails=queued)


async def sweep_reminders(work: Work) -> None:
    """Forget addresses that nobody confirmed."""
    pool = await work.database.pool("agon_worker")
    await pool.fetchval("select agon.sweep_reminders($1)", timedelta(days=UNCONFIRMED_DAYS))
