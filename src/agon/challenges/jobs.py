"""What the worker does: judge, and collect from linked accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from agon.challenges import accounts, evidence, verdicts
from agon.commons.content import files
from agon.kernel import logs
from agon.kernel.jobs import Work

log = logs.get("agon.challenges")


async def judge(work: Work, payload: dict[str, Any]) -> None:
    """Judge one participant of one challenge, whose verdict may have been the last to wait for."""
    challenge_id, grace_s = payload["challenge_id"], work.runtime.settings["settle_grace_s"]
    outcome = await verdicts.judge(work.database, challenge_id, payload["subject"])
    pool = await work.database.pool("agon_worker")
    await pool.execute("select agon.dispatch_after_verdict($1, $2)", challenge_id, grace_s)
    log.debug("verdict.judged", outcome=outcome, **payload)


async def collect_due(work: Work) -> None:
    """Hand out the accounts whose turn has come."""
    pool = await work.database.pool("agon_worker")
    every = timedelta(minutes=work.runtime.settings["collect_every_minutes"])
    await pool.fetchval("select agon.enqueue_collections($1, $2)", every, accounts.DUE_ACCOUNTS_MAX)


async def sweep_nonces(work: Work) -> None:
    """Forget bindings that nobody finished."""
    pool = await work.database.pool("agon_worker")
    await pool.fetchval("select agon.sweep_nonces()")


async def collect(work: Work, payload: dict[str, Any]) -> None:
    """Ask one account for new activities."""
    runtime = work.runtime
    desk = evidence.Desk(
        database=work.database, folder=files.folder(runtime), processes=work.processes
    )
    async with runtime.outbound() as client:
        await accounts.collect(
            work.database,
            client,
            desk,
            runtime.settings,
            runtime.sealing_keys,
            payload["account_id"],
        )
