"""What the worker does of epochs."""

from __future__ import annotations

from typing import Any

from agon.epochs import reconciling
from agon.kernel.jobs import Work


async def enqueue_reconciliation(work: Work) -> None:
    """Every night, where there is a chain."""
    pool = await work.database.pool("agon_worker")
    await pool.fetchval("select agon.enqueue_owner_reconciliation()")


async def reconcile_owners(work: Work, _payload: dict[str, Any]) -> None:
    """Compare the owners' history with the chain."""
    await reconciling.run(work)
