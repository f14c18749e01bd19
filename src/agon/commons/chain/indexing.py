"""The walk of the index: final blocks by ranges, newer ones by their hashes, and back where the
chain turned out otherwise. Each step is one transaction, which moves the cursor or leaves no trace.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass
from typing import Any

from agon.commons.chain import artifacts, heads, logs, reading, rpc
from agon.kernel import logs as journal
from agon.kernel.database import Database
from agon.kernel.errors import Refused, retry_after_s
from agon.kernel.jobs import Work

RACES_MAX = 20
"""Steps in a row that came too late: another worker, or the chain itself, was faster."""
TURN = "agon chain index"
"""The lock that the worker holds which asks the node."""
WAIT_S_MAX = 60.0
RACES = frozenset({"chain_moved_on", "chain_parent_differs", "chain_block_gone"})
LOUD = frozenset({"reorganisation_too_deep", "chain_differs"})
"""What no waiting mends."""

log = journal.get("agon.chain")


@dataclass(frozen=True, kw_only=True)
class Done:
    """What one catching up did. next_block: the first that is not read; head: of the node."""

    chain_id: int
    next_block: int
    head: int
    finalized: int
    blocks: int = 0
    logs: int = 0
    undone: int = 0
    is_behind: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(kw_only=True)
class Walk:
    """One catching up: what it works with, and what it has done so far."""

    database: Database
    node: rpc.Node
    abi_of: Any
    confirmations: int
    start_block: int
    stop: asyncio.Event
    blocks: int = 0
    logs: int = 0
    undone: int = 0


def walk(work: Work, node: rpc.Node, stop: asyncio.Event | None = None) -> Walk:
    """A walk with the settings of this process. It ends early, between two steps, once stopped."""
    settings = work.runtime.settings
    return Walk(
        database=work.database,
        node=node,
        abi_of=abi_of,
        confirmations=settings["chain_confirmations"],
        start_block=settings["chain_start_block"],
        stop=stop or asyncio.Event(),
    )


def abi_of(name: str, version: int) -> logs.Abi:
    """The ABI of one of our contracts."""
    return artifacts.load(name, version).abi


async def catch_up(walk: Walk) -> Done:
    """Read all that the chain holds and we do not.

    Raises Refused `chain_differs`, `reorganisation_too_deep`, `chain_block_too_large`,
    `log_malformed`, and rpc.Fault and the refusals of `rpc`; what was done until then stays done.
    """
    races = 0
    while True:
        try:
            done = await _step(walk)
        except Refused as refused:
            races += 1
            if refused.refusal.code not in RACES or races == RACES_MAX:
                raise
            continue
        races = 0
        if done is not None:
            return done


async def _step(walk: Walk) -> Done | None:
    """One survey and what follows from it; Done if there was nothing left to do."""
    known = await _known(walk.database)
    seen = await heads.survey(walk.node, known, walk.confirmations)
    chain = known if known and known["chain_id"] == seen.chain_id else await _open(walk, seen)
    if await has_parted(walk.database, chain, seen):
        await _undo(walk, chain, seen)
    elif seen.standing == "behind" or walk.stop.is_set() or chain["next_block"] > seen.head.number:
        return await _rest(walk, chain, seen)
    elif chain["next_block"] <= seen.finalized:
        await _read_final(walk, chain, seen)
    else:
        await _read_new(walk, chain, seen)
    return None


async def has_parted(database: Database, chain: Mapping[str, Any], seen: heads.Survey) -> bool:
    """Whether the node holds another block than we do, at our newest, or at its lower head."""
    if seen.standing != "behind":
        return seen.standing == "parted"
    kept = await kept_blocks(database, chain, seen.head.number, seen.head.number)
    return bool(kept) and kept[0][1] != seen.head.hash


async def kept_blocks(
    database: Database, chain: Mapping[str, Any], first: int, last: int
) -> list[tuple[int, str]]:
    """Numbers and hashes of those blocks that are kept; the newest first."""
    async with database.as_worker() as conn:
        rows = await conn.fetch(
            "select number, hash from agon.read_blocks($1, $2, $3)",
            chain["chain_id"],
            first,
            last,
        )
    return [(row["number"], row["hash"]) for row in rows]


async def _known(database: Database) -> Mapping[str, Any] | None:
    async with database.as_worker() as conn:
        return await conn.fetchval("select agon.read_chain(agon.the_chain())")


async def _open(walk: Walk, seen: heads.Survey) -> Mapping[str, Any]:
    async with walk.database.as_worker() as conn:
        await conn.execute("select agon.open_chain($1, $2)", seen.chain_id, walk.start_block)
        return await conn.fetchval("select agon.read_chain($1)", seen.chain_id)


async def _rest(walk: Walk, chain: Mapping[str, Any], seen: heads.Survey) -> Done:
    """Nothing to read: only how far the chain is may be news, from a node that is not behind."""
    is_behind = seen.standing == "behind"
    if not is_behind:
        async with walk.database.as_worker() as conn:
            await conn.execute(
                "select agon.note_head($1, $2, $3)", seen.chain_id, seen.finalized, seen.head.number
            )
    return Done(
        chain_id=seen.chain_id,
        next_block=chain["next_block"],
        head=seen.head.number,
        finalized=max(chain["finalized_block"], seen.finalized),
        blocks=walk.blocks,
        logs=walk.logs,
        undone=walk.undone,
        is_behind=is_behind,
    )


async def _undo(walk: Walk, chain: Mapping[str, Any], seen: heads.Survey) -> None:
    """Back to the newest block that the chain still holds."""
    least = min(chain["finalized_block"], chain["next_block"] - 1)
    kept = await kept_blocks(walk.database, chain, least, seen.head.number)
    shared = await heads.common_ancestor(walk.node, kept)
    first_undone = kept[-1][0] if shared is None else shared + 1
    async with walk.database.as_worker() as conn:
        await conn.execute("select agon.undo_blocks($1, $2)", seen.chain_id, first_undone)
    walk.undone += chain["next_block"] - first_undone
    log.warning("chain.reorganised", first_undone=first_undone, was_at=chain["next_block"] - 1)


async def _read_final(walk: Walk, chain: Mapping[str, Any], seen: heads.Survey) -> None:
    """By ranges, some of them fetched ahead."""
    book = logs.book(chain["contracts"], walk.abi_of)
    ranges = reading.final_ranges(walk.node, book, chain["next_block"], seen.finalized)
    async with aclosing(ranges) as stretches:
        async for stretch in stretches:
            await _write(walk, stretch, book, seen)
            if walk.stop.is_set():
                break


async def _read_new(walk: Walk, chain: Mapping[str, Any], seen: heads.Survey) -> None:
    """A run of blocks, each asked for by its hash."""
    book = logs.book(chain["contracts"], walk.abi_of)
    run = await reading.new_blocks(walk.node, book, chain["next_block"], seen.head.number)
    await _write(walk, run, book, seen)


async def _write(walk: Walk, stretch: reading.Stretch, book: logs.Book, seen: heads.Survey) -> None:
    """Blocks, logs, effects and cursor, in one transaction."""
    blocks = stretch.blocks
    async with walk.database.as_worker() as conn:
        if stretch.count:
            await conn.execute("select agon.open_stage()")
            await conn.copy_to_table(
                "chain_stage",
                schema_name="pg_temp",
                source=io.BytesIO(stretch.rows),
                format="text",
            )
        await conn.execute(
            "select agon.index_range($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            seen.chain_id,
            stretch.first,
            stretch.last,
            seen.finalized,
            seen.head.number,
            book.edition,
            [block.number for block in blocks],
            [block.hash for block in blocks],
            [block.parent_hash for block in blocks],
            [block.mined_s for block in blocks],
        )
    walk.blocks += stretch.last - stretch.first + 1
    walk.logs += stretch.count


async def run(work: Work, stop: asyncio.Event) -> None:
    """The host: follows the chain until stopped. Of several workers one asks the node, as long as
    its connection holds the turn and the node answers it. Who writes is settled by the rows."""
    if work.runtime.settings["rpc_url"] is None:
        await stop.wait()
        return
    async with (
        rpc.connect(work.runtime) as node,
        work.database.dedicated("agon_worker") as turn,
    ):
        is_ours, wait_s, poll_s = False, 0.0, work.runtime.settings["chain_poll_ms"] / 1000
        while not stop.is_set() and not turn.is_closed():
            is_ours = is_ours or await turn.fetchval(
                "select pg_try_advisory_lock(hashtextextended($1, 0))", TURN
            )
            if is_ours:
                wait_s = await _follow(walk(work, node, stop), wait_s, poll_s)
            if is_ours and wait_s:
                await turn.execute("select pg_advisory_unlock(hashtextextended($1, 0))", TURN)
                is_ours = False
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s or poll_s)


async def _follow(walk: Walk, waited_s: float, poll_s: float) -> float:
    """Catch up; answers how long to wait before the next time, longer after each failure."""
    try:
        done = await catch_up(walk)
    except Refused as error:
        asked_s = retry_after_s(error.refusal)
        again_in_s = max(asked_s or 0.0, min(WAIT_S_MAX, max(poll_s, 2 * waited_s)))
        say = log.error if error.refusal.code in LOUD else log.warning
        say("chain.waits", why=str(error), again_in_s=again_in_s)
        return again_in_s
    if done.logs:
        log.info("chain.read", to=done.next_block - 1, logs=done.logs)
    return 0.0
