"""The owners' history compared with what the contracts say, all at one block, and corrected.

The block is settled: indexed here, and never undone. What the contracts said there is compared with
the history as it was there, so it does not matter how far either has come since.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from agon.commons.chain import answers, artifacts, calls, heads, rpc
from agon.kernel import logs
from agon.kernel.database import Database
from agon.kernel.jobs import Work

BOTS_PER_PAGE_MAX = 10_000
TOKENS_PER_CALL_MAX = 700
"""OwnersLens answers in place of a contract's code: 24,576 bytes at most (EIP-170), 32 a token."""
CALLS_AT_ONCE_MAX = 4
WORD_HEX = 64
NOBODY = "0x" + "0" * 40

log = logs.get("agon.epochs")

Bot = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of it. block: -1 where nothing is settled yet; corrected: id, was and became."""

    block: int
    compared: int
    corrected: tuple[Mapping[str, Any], ...]


async def run(work: Work, *, force: bool = False) -> int:
    """Compare with the configured node; how many differed. Raises Refused and rpc.Fault.

    force: correct any number of them.
    """
    most = None if force else work.runtime.settings["reconcile_owners_max"]
    async with rpc.connect(work.runtime) as node:
        done = await reconcile(work.database, node, most)
    log.info("owners.compared", block=done.block, bots=done.compared, wrong=len(done.corrected))
    return len(done.corrected)


async def reconcile(database: Database, node: rpc.Node, most: int | None = None) -> Comparison:
    """Compare each bot's owner at the settled block, a page of bots at a time, and correct what
    differs at once. Refused, with nothing corrected: `owners_differ_widely` (more than most)."""
    chain_id = await node.chain_id()
    async with database.as_worker() as conn:
        block = await conn.fetchval("select agon.settled_block($1)", chain_id)
    if block < 0:
        return Comparison(block=block, compared=0, corrected=())
    (header,) = await heads.headers(node, [block])
    if header is None:
        raise answers.malformed(f"it lacks block {block}, which is final")
    compared, wrong, after = 0, [], UUID(int=0)
    while bots := await _page(database, chain_id, block, after):
        wrong += await _differing(database, chain_id, block, bots, await owners(node, bots, block))
        compared, after = compared + len(bots), bots[-1]["id"]
    corrected = await _correct(database, chain_id, header, wrong, most)
    return Comparison(block=block, compared=compared, corrected=corrected)


async def owners(node: rpc.Node, bots: Sequence[Bot], block: int) -> list[str | None]:
    """Who owns each bot at a block, in their order; None where the token does not exist.

    bots: with contract_address and token_id (decimal). Raises as `rpc.Node.call`.
    """
    order = sorted(range(len(bots)), key=lambda at: bots[at]["contract_address"])
    turns = asyncio.Semaphore(CALLS_AT_ONCE_MAX)
    found: list[str | None] = [None] * len(bots)

    async def ask(contract: str, places: Sequence[int]) -> None:
        async with turns:
            tokens = [int(bots[at]["token_id"]) for at in places]
            said = await _look(node, contract, tokens, block)
        for at, owner in zip(places, said, strict=True):
            found[at] = owner

    asking = []
    for contract, places in itertools.groupby(order, lambda at: bots[at]["contract_address"]):
        every = list(places)
        for start in range(0, len(every), TOKENS_PER_CALL_MAX):
            asking.append(ask(contract, every[start : start + TOKENS_PER_CALL_MAX]))
    await asyncio.gather(*asking)
    return found


async def _look(
    node: rpc.Node, contract: str, tokens: Sequence[int], block: int
) -> list[str | None]:
    """Many tokens by one call: the lens stands in the call's data, and nowhere on the chain."""
    data = calls.encode_deployment(artifacts.load("OwnersLens"), contract, tokens)
    answer = await node.call("eth_call", {"data": "0x" + data.hex()}, hex(block))
    words = str(answer).removeprefix("0x").lower()
    if len(words) != WORD_HEX * len(tokens) or words.strip("0123456789abcdef"):
        raise answers.malformed("it holds not one owner a token")
    said = ["0x" + words[start + 24 : start + 64] for start in range(0, len(words), WORD_HEX)]
    return [None if owner == NOBODY else owner for owner in said]


async def _page(database: Database, chain_id: int, block: int, after: UUID) -> list[Any]:
    async with database.as_worker() as conn:
        return await conn.fetch(
            "select * from agon.bots_to_reconcile($1, $2, $3, $4)",
            chain_id,
            block,
            after,
            BOTS_PER_PAGE_MAX,
        )


async def _differing(
    database: Database, chain_id: int, block: int, bots: Sequence[Bot], found: Sequence[str | None]
) -> list[Any]:
    async with database.as_worker() as conn:
        return await conn.fetch(
            "select * from agon.differing_owners($1, $2, $3, $4)",
            chain_id,
            block,
            [bot["id"] for bot in bots],
            list(found),
        )


async def _correct(
    database: Database,
    chain_id: int,
    header: answers.Header,
    wrong: Sequence[Mapping[str, Any]],
    most: int | None,
) -> tuple[Mapping[str, Any], ...]:
    async with database.as_worker() as conn:
        rows = await conn.fetch(
            "select * from agon.correct_owners($1, $2, $3, $4, $5, $6, $7)",
            chain_id,
            header.number,
            header.hash,
            datetime.fromtimestamp(header.mined_s, UTC),
            [each["id"] for each in wrong],
            [each["owner"] for each in wrong],
            most,
        )
    return tuple(dict(row) for row in rows)
