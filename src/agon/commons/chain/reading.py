"""Asking a node for logs, in a way that a node which knows nothing cannot answer with nothing.

Final blocks are asked for by ranges, and with each range for its last block; newer ones by hash,
and with the logs for the block of that hash. Who does not know a block has not seen its logs. Where
there are none though the block's bloom filter may hold ours, its receipts have the last word.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from agon.commons.chain import blooms, heads, logs, ranges, rpc
from agon.commons.chain.answers import Header, header, malformed
from agon.kernel.errors import Refused, refuse

RANGES_AHEAD = 3
"""Ranges that are fetched while one is written, once the first has shown how dense logs are."""
NEW_BLOCKS_MAX = 40
"""Of one run; each is two calls of a batch."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Blocks first to last as they were read: those to keep, and rows of their logs for COPY."""

    first: int
    last: int
    blocks: Sequence[Header]
    rows: bytes
    count: int


async def final_ranges(
    node: rpc.Node, book: logs.Book, first: int, last: int
) -> AsyncIterator[Stretch]:
    """Blocks first to last in order, by ranges as large as the node takes.

    Raises Refused `chain_block_too_large` for a block whose logs it does not give even alone.
    """
    width, ahead = ranges.Width(), 0
    fetching: deque[tuple[int, int, asyncio.Task[Stretch]]] = deque()
    upcoming = first
    try:
        while fetching or upcoming <= last:
            while upcoming <= last and len(fetching) <= ahead:
                end = _end_of_range(book, upcoming, last, width.blocks)
                fetching.append(
                    (upcoming, end, asyncio.create_task(_range(node, book, upcoming, end)))
                )
                upcoming = end + 1
            start, end, task = fetching[0]
            try:
                stretch = await task
            except Refused as error:
                width = _narrower(width, start, end, error)
                await _drop(fetching)
                upcoming = start
                continue
            fetching.popleft()
            if book.asked(start, end):
                width = ranges.answered(width, end - start + 1, stretch.count)
                ahead = RANGES_AHEAD
            yield stretch
    finally:
        await _drop(fetching)


async def new_blocks(node: rpc.Node, book: logs.Book, first: int, head: int) -> Stretch:
    """The run of blocks from the first on, as far as each follows on the one before.

    Raises Refused `chain_block_gone` if the chain is being reorganised right now.
    """
    run, found = await _linked(node, range(first, min(head, first + NEW_BLOCKS_MAX - 1) + 1)), None
    while found is None:
        try:
            found = await _logs_of(node, book, run)
        except Refused as error:
            if _size_hint(error) is None:
                raise
            if len(run) == 1:
                raise _too_large(first, error) from error
            run = run[: len(run) // 2]
    return Stretch(
        first=first,
        last=run[-1].number,
        blocks=run,
        rows=b"".join(each.rows for each in found),
        count=sum(each.count for each in found),
    )


def _end_of_range(book: logs.Book, first: int, last: int, blocks: int) -> int:
    """Where no contract is read, there is nothing to ask for, however far that goes."""
    quiet_until = book.quiet_until(first)
    end = quiet_until - 1 if quiet_until > first else first + blocks - 1
    return min(last, end)


async def _range(node: rpc.Node, book: logs.Book, first: int, last: int) -> Stretch:
    asked = book.asked(first, last)
    calls = [heads.asked_for(last)]
    if asked is not None:
        span = {"fromBlock": hex(first), "toBlock": hex(last)}
        calls.append(("eth_getLogs", [span | asked]))
    answers = await node.batch(calls)
    end = header(answers[0])
    if end is None or end.number != last:
        raise malformed(f"it gives logs up to block {last}, which it does not know")
    found = logs.harvest(answers[1], book, first, last) if asked else logs.EMPTY
    return Stretch(
        first=first,
        last=last,
        blocks=await _blocks_of(node, found.blocks, end),
        rows=found.rows,
        count=found.count,
    )


async def _blocks_of(
    node: rpc.Node, told: Mapping[int, tuple[str, int | None]], end: Header
) -> list[Header]:
    """The blocks of a range to keep: those with logs, and its last, on which the next follows."""
    untimed = [n for n, (_, mined_s) in told.items() if mined_s is None and n != end.number]
    known = {each.number: each for each in await heads.headers(node, untimed) if each}
    known[end.number] = end
    for number, (block_hash, mined_s) in told.items():
        if number not in known and mined_s is not None:
            known[number] = Header(
                number=number, hash=block_hash, parent_hash=None, mined_s=mined_s
            )
        if number not in known or known[number].hash != block_hash:
            raise malformed(f"it gives logs of block {number} that it does not hold")
    return list(known.values())


async def _linked(node: rpc.Node, numbers: Sequence[int]) -> list[Header]:
    run: list[Header] = []
    for block in await heads.headers(node, numbers):
        if block is None or (run and block.parent_hash != run[-1].hash):
            break
        run.append(block)
    if not run:
        raise _gone(numbers[0])
    return run


async def _logs_of(node: rpc.Node, book: logs.Book, run: Sequence[Header]) -> list[logs.Harvest]:
    calls: list[rpc.Call] = []
    asked_of = [block for block in run if book.asked(block.number, block.number)]
    for block in asked_of:
        filter_ = {"blockHash": block.hash, **(book.asked(block.number, block.number) or {})}
        calls += [("eth_getBlockByHash", [block.hash, False]), ("eth_getLogs", [filter_])]
    answers = await node.settle(calls)
    found = []
    for block, there, said in zip(asked_of, answers[::2], answers[1::2], strict=True):
        if there is None:
            raise _gone(block.number)
        for each in (there, said):
            if isinstance(each, rpc.Fault):
                raise _gone(block.number) if ranges.is_unknown_block(each.message) else each
        harvest = logs.harvest(said, book, block.number, block.number)
        if any(told[0] != block.hash for told in harvest.blocks.values()):
            raise malformed(f"logs asked for by the hash of block {block.number} are of another")
        found.append(harvest)
    await _doubt(node, book, [b for b, each in zip(asked_of, found, strict=True) if not each.count])
    return found


async def _doubt(node: rpc.Node, book: logs.Book, blocks: Sequence[Header]) -> None:
    """A node may know a block before it can find its logs. Not every node tells receipts by block;
    where it does not, the empty list stands, since a bloom filter alone proves nothing."""
    doubtful = [
        block
        for block in blocks
        if block.bloom and blooms.may_hold(block.bloom, book.told(block.number))
    ]
    answers = await node.settle([("eth_getBlockReceipts", [each.hash]) for each in doubtful])
    for block, receipts in zip(doubtful, answers, strict=True):
        if isinstance(receipts, list):
            held = logs.of_receipts(receipts)
            if logs.harvest(held, book, block.number, block.number).count:
                raise malformed(f"it keeps back the logs of block {block.number}")


def _narrower(width: ranges.Width, first: int, last: int, error: Refused) -> ranges.Width:
    """Fewer blocks, if that may help; else the error."""
    hint = _size_hint(error)
    if hint is None:
        raise error
    narrower = ranges.refused(width, last - first + 1, hint)
    if narrower is None:
        raise _too_large(first, error) from error
    return narrower


def _size_hint(error: Refused) -> ranges.Hint | None:
    if isinstance(error, rpc.Fault):
        return ranges.too_large(error.code, error.message)
    return ranges.Hint() if error.refusal.code == "chain_timeout" else None


def _too_large(number: int, error: Exception) -> Refused:
    return refuse(
        "chain_block_too_large",
        f"The node does not give the logs of block {number}, not even alone.",
        details=str(error),
        hint="No block is skipped: raise the node's limits, or use another node.",
        status=503,
    )


def _gone(number: int) -> Refused:
    return refuse(
        "chain_block_gone",
        f"The node no longer holds block {number} that it just named.",
        hint="The chain is being reorganised, or several nodes answer; it is read again.",
        status=503,
    )


async def _drop(fetching: deque[tuple[int, int, asyncio.Task[Stretch]]]) -> None:
    tasks = [task for _, _, task in fetching]
    fetching.clear()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
