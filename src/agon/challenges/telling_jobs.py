"""What the worker does for invites, notifications and reminders."""

from __future__ import annotations

from typing import Any

from agon.challenges import invites, reminders, telling
from agon.kernel import logs
from agon.kernel.jobs import Work

log = logs.get("agon.challenges.telling")


async def deliver_invite(work: Work, payload: dict[str, Any]) -> None:
    """Send one invite."""
    status = await invites.deliver(work.database, work.runtime, payload["invite_id"])
    log.debug("invite.delivered", status=status, **payload)


async def tell(work: Work, _payload: dict[str, Any]) -> None:
    """Tell participants and claimants what is due."""
    reached = await telling.tell_participants(work.database)
    claimants = await telling.tell_claimants(work.database, work.runtime)
    log.debug("notifications.told", participants=reached, claimants=claimants)


async def remind(work: Work, _payload: dict[str, Any]) -> None:
    """Send the reminders that are due."""
    queued = await reminders.send_due(work.database, work.runtime)
    log.debug("reminders.queued", mails=queued)
