"""What the worker does: judge, and collect from linked accounts."""

from __future__ import annotations

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
    await work.database.ask("select agon.dispatch_after_verdict($1, $2)", challenge_id, grace_s)
    log.debug("verdict.judged", outcome=outcome, **payload)


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
