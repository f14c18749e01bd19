"""What the worker does of epochs."""

from __future__ import annotations

from typing import Any

from agon.epochs import avatars, days, reconciling
from agon.epochs.providers.making import Desk
from agon.kernel import logs
from agon.kernel.jobs import Work

log = logs.get("agon.epochs")


async def enqueue_reconciliation(work: Work) -> None:
    """Every night, where there is a chain."""
    pool = await work.database.pool("agon_worker")
    await pool.fetchval("select agon.enqueue_owner_reconciliation()")


async def reconcile_owners(work: Work, _payload: dict[str, Any]) -> None:
    """Compare the owners' history with the chain."""
    await reconciling.run(work)


async def generate_avatar(work: Work, payload: dict[str, Any]) -> None:
    """Have an outside party make an avatar, as far as it is."""
    desk = Desk(database=work.database, runtime=work.runtime)
    outcome = await avatars.generate(desk, payload["generation_id"])
    log.debug("avatar.handled", outcome=outcome, **payload)


async def advance(work: Work, _payload: dict[str, Any] | None = None) -> None:
    """Open the day that it is, where a profile is active, and make every move that is due."""
    async with work.database.as_worker() as conn:
        await days.open_due(conn)
    async with work.database.as_worker() as conn:
        for move in await days.advance(conn):
            log.info("epoch.moved", **move)
