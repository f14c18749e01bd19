"""Keeping the live boards: a round compares what Redis has with what Postgres holds, and mends it.

It goes by state and not by events, so that nothing can be missed: whatever door a claim came by,
and whether Redis is new, was away or is back from an older snapshot, the next round is the same.
Any number of processes may keep the same boards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from agon.epochs import board, live
from agon.kernel import logs
from agon.kernel.database import Database
from agon.kernel.jobs import Work

ROUND_S = 0.25
"""So far a board may be behind claims that came by another door than HTTP, beside the round."""
ANSWER_S_MAX = 1.0
"""A whole board may be written at once."""

log = logs.get("agon.redis")


async def run(work: Work, stop: asyncio.Event) -> None:
    """Keep the boards of the epochs that are live, until told to stop."""
    async with live.opened(work.runtime, ANSWER_S_MAX) as kept:
        if kept is None:
            await stop.wait()
            return
        epochs: Collection[str] = ()
        while not stop.is_set():
            epochs = await once(work.database, kept, epochs)
            try:
                async with asyncio.timeout(ROUND_S):
                    await stop.wait()
            except TimeoutError:
                continue


async def once(database: Database, kept: live.Live, epochs: Collection[str]) -> list[str]:
    """One round over these epochs; the ones that are live, for the next.

    Redis is looked at before Postgres is asked: what it knew by then was committed, so Postgres
    knows it, too; and a board is served for FRESH_MS from the look on, however long a round takes.
    """
    seen = {epoch: await kept.look(epoch) for epoch in epochs}
    async with database.as_worker() as conn:
        rows = await conn.fetch("select * from agon.live_boards()")
    for held in rows:
        look = seen.get(held["epoch_id"])
        if look is not None:
            await _mend(database, kept, look, held)
    return [held["epoch_id"] for held in rows]


async def _mend(
    database: Database, kept: live.Live, seen: live.Look, held: Mapping[str, Any]
) -> None:
    epoch = held["epoch_id"]
    seqs = {int(slot): seq for slot, seq in held["seqs"].items()}
    if board.is_ahead(seen.seqs, seqs):
        log.warning("redis.board_given_up", epoch=epoch, why="Postgres was set back")
        await kept.forget(epoch, seen)
        return
    slots = board.behind(seen.seqs, seqs)
    shown = slots and await database.ask(
        "select array(select agon.board_slots($1::text::uuid, $2))", epoch, slots
    )
    await kept.put(seen, held, shown)
