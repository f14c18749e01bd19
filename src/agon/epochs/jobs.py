"""What the worker does of epochs."""

from __future__ import annotations

from datetime import date
from typing import Any

from agon.epochs import avatars, days, reconciling, settling
from agon.kernel import logs, outside
from agon.kernel.errors import Refused
from agon.kernel.jobs import Later, Work

log = logs.get("agon.epochs")


async def reconcile_owners(work: Work, _payload: dict[str, Any]) -> None:
    """Compare the owners' history with the chain."""
    await reconciling.run(work)


async def generate_avatar(work: Work, payload: dict[str, Any]) -> Later | None:
    """Have an outside party make an avatar, as far as it is."""
    return await outside.carry(work, avatars.GENERATION, payload["key"])


async def advance(work: Work, _payload: dict[str, Any] | None = None) -> None:
    """Make every move that is due, and open the day that it is, where a profile is active. Moves
    come first: a day that cannot be opened keeps none from going on."""
    async with work.database.as_worker() as conn:
        for move in await days.advance(conn):
            log.info("epoch.moved", **move)
    async with work.database.as_worker() as conn:
        await days.open_due(conn)


async def settle(work: Work, payload: dict[str, Any]) -> None:
    """Settle a day. A refusal is said and not tried again here: the schedule asks each minute."""
    try:
        outcome = await settling.settle(work, date.fromisoformat(payload["day"]))
    except Refused as refused:
        log.error("epoch.unsettled", why=str(refused), details=refused.refusal.details, **payload)
        return
    log.info("epoch.settled" if outcome == "settled" else "epoch.waits", outcome=outcome, **payload)
