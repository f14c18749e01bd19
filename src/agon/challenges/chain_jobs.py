"""What the worker does for challenges on a chain."""

from __future__ import annotations

from typing import Any

from agon.challenges import inferences, mintings, registry, settlements
from agon.kernel import logs
from agon.kernel.jobs import Work

log = logs.get("agon.challenges.chain")


async def dispatch(work: Work, _payload: dict[str, Any] | None = None) -> None:
    """One cycle: cancel what is over, open what is ready, queue what is due."""
    grace_s = work.runtime.settings["settle_grace_s"]
    async with work.database.as_worker() as conn:
        turn = await conn.fetchval("select agon.dispatch_challenges($1)", grace_s)
        await conn.fetchval("select agon.enqueue_registrations()")
        await conn.fetchval("select agon.enqueue_settlements()")
        await conn.fetchval("select agon.enqueue_mintings()")
    log.debug("jobs.dispatched", **turn)


async def register(work: Work, payload: dict[str, Any]) -> None:
    """Write a description to the chain's registry."""
    await registry.register(work.database, work.runtime, payload["challenge_id"])


async def infer(work: Work, payload: dict[str, Any]) -> None:
    """Ask for the inference of a challenge."""
    fee_wei = work.runtime.settings["aivm_fee_wei"]
    outcome = await inferences.infer(work.database, payload["challenge_id"], fee_wei)
    log.debug("inference.asked", outcome=outcome, **payload)


async def settle(work: Work, payload: dict[str, Any]) -> None:
    """Mean the next call of a challenge's settlement."""
    call = await settlements.settle(work.database, payload["challenge_id"])
    log.debug("settlement.meant", call=call, **payload)


async def mint(work: Work, payload: dict[str, Any]) -> None:
    """Mean the achievements of a finalized challenge."""
    meant = await mintings.mint(work.database, payload["challenge_id"])
    log.debug("achievements.meant", mints=meant, **payload)
