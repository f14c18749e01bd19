"""Telling people what they did not ask for: loads what is due, lets `prompts` decide, writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from agon.challenges import claims, prompts
from agon.commons.chain import rpc
from agon.kernel import clock, logs
from agon.kernel.database import Conn, Database
from agon.kernel.errors import Refused
from agon.kernel.events import Event
from agon.kernel.runtime import Runtime

TYPES = ("challenge_final_push", "proof_window_open")
CLAIMS_PER_RUN_MAX = 200
"""Wallets of which the chain is asked in one run; the others' turn comes with the next."""
AGAIN = timedelta(minutes=10)
"""Until a node is asked again that could not say."""

log = logs.get("agon.challenges.telling")


async def tell_participants(database: Database) -> int:
    """Tell those who have not passed that the end is near, or proofs are due: how many."""
    async with database.as_worker() as conn:
        now_ms = await _now_ms(conn)
        rows = await conn.fetch(
            "select agon.challenges_to_prompt($1, $2, $3)", *prompts.window(now_ms), list(TYPES)
        )
    reached = 0
    for (row,) in rows:
        challenge = prompts.Challenge(**{**row, "told": tuple(row["told"])})
        prompt = prompts.for_participants(challenge, now_ms)
        if prompt is None:
            continue
        async with database.as_worker() as conn:
            reached += await conn.fetchval(
                "select agon.prompt_participants($1, $2, $3, $4, $5)",
                challenge.id,
                prompt.type,
                prompt.title,
                prompt.body,
                prompt.data,
            )
    return reached


async def note_end(conn: Conn, event: Event) -> None:
    """A challenge is over; who may have something to claim is asked about, unless that is old."""
    if prompts.is_worth_asking(clock.to_ms(event.created_at), await _now_ms(conn)):
        await conn.execute(
            "select agon.open_claim_prompts($1, $2)",
            event.payload["challenge_id"],
            event.created_at,
        )


async def tell_claimants(database: Database, runtime: Runtime) -> int:
    """Tell wallets what the chain would pay them, and those who let it lie once more: how many.

    Nothing is told without a chain. Raises Refused `chain_…` where the node does not answer; what
    is due stays so.
    """
    if not runtime.settings["rpc_url"]:
        return 0
    async with database.as_worker() as conn:
        now_ms = await _now_ms(conn)
        rows = await conn.fetch("select agon.due_claim_prompts($1)", CLAIMS_PER_RUN_MAX)
    if not rows:
        return 0
    told = 0
    async with rpc.connect(runtime) as node:
        for (row,) in rows:
            step = await _claim_step(node, row, now_ms)
            async with database.as_worker() as conn:
                await conn.execute(
                    "select agon.end_claim_prompt($1, $2, $3, $4, $5, $6)",
                    row["challenge_id"],
                    row["subject"],
                    row["type"],
                    asdict(step.tell) if step.tell else None,
                    step.next,
                    clock.from_ms(step.due_ms) if step.due_ms is not None else None,
                )
            told += step.tell is not None
    return told


async def _claim_step(node: rpc.Node, row: Mapping[str, Any], now_ms: int) -> prompts.ClaimStep:
    """What one wallet is told, by what its claims would pay; later, where the node cannot say."""
    claimable: list[dict[str, str]] = []
    try:
        if row["calls"]:
            claimable = await claims.simulate(
                node, row["challenge_id"], row["subject"], row["calls"]
            )
    except Refused as refused:
        if refused.refusal.code != claims.CALL_FAILED:
            raise  # the node does not answer at all: the others would wait as long, one by one
        log.warning("claims.not_told", challenge=row["challenge_id"], why=str(refused))
        due_ms = now_ms + AGAIN // timedelta(milliseconds=1)
        return prompts.ClaimStep(next=row["type"], due_ms=due_ms)
    challenge = prompts.Challenge(
        id=row["challenge_id"], status=row["status"] or "", title=row["title"]
    )
    return prompts.for_claimant(challenge, row["type"], row["ended_ms"], claimable, now_ms)


async def _now_ms(conn: Conn) -> int:
    return clock.to_ms(await conn.fetchval("select agon.now()"))
