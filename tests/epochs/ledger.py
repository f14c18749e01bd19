"""Transfers told to the database as the indexer tells them, and what must come of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.places import wallet

CHAIN = 31337
CONTRACT = "0x" + "b0" * 20
OTHER_CONTRACT = "0x" + "b1" * 20
NOBODY = "0x" + "0" * 40
ADA, BOB, CLEO = wallet("ada"), wallet("bob"), wallet("cleo")
START = datetime(2026, 3, 1, tzinfo=UTC)
BLOCK_S = 12
ROW = """
    select i.chain_id, i.contract_address, i.token_id::text as token_id, o.owner_address,
      o.source, o.from_block, o.from_log, o.to_block, o.to_log, o.effective_from, o.effective_to
    from public.bot_identity_owners o join public.bot_identities i on i.id = o.bot_identity_id
    order by i.chain_id, i.contract_address, i.token_id, o.from_block, o.from_log
"""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One log of a BotIdentity contract."""

    block: int
    log: int = 0
    token: int = 1
    sender: str = NOBODY
    receiver: str
    contract: str = CONTRACT
    chain: int = CHAIN


def mined_at(block: int) -> datetime:
    """When a block of ours was mined."""
    return START + timedelta(seconds=BLOCK_S * block)


async def write(owner: asyncpg.Connection, transfers: Sequence[Transfer]) -> None:
    """The logs alone, without their effects."""
    await owner.executemany(
        """
        insert into agon.chain_logs (chain_id, block_number, log_index, tx_hash, address, contract,
          event, args, mined_at)
        values ($1, $2, $3, $4, $5, 'BotIdentity', 'Transfer', $6, $7)
        """,
        [
            (t.chain, t.block, t.log, "0x" + "1" * 64, t.contract,
             {"from": t.sender, "to": t.receiver, "tokenId": str(t.token)}, mined_at(t.block))
            for t in transfers
        ],
    )  # fmt: skip


async def tell(
    owner: asyncpg.Connection, transfers: Sequence[Transfer], blocks: tuple[int, int] | None = None
) -> None:
    """The logs and their effects, as one range of blocks."""
    numbers = [t.block for t in transfers]
    first, last = blocks or (min(numbers), max(numbers))
    async with owner.transaction():
        await write(owner, transfers)
        await owner.execute(
            "select agon.apply_bot_transfers($1, $2, $3)",
            transfers[0].chain if transfers else CHAIN,
            first,
            last,
        )


async def undo(owner: asyncpg.Connection, first: int, chain: int = CHAIN) -> None:
    """A reorganisation that takes back a block and those after it."""
    async with owner.transaction():
        await owner.execute("select agon.undo_bot_transfers($1, $2)", chain, first)
        await owner.execute(
            "delete from agon.chain_logs where chain_id = $1 and block_number >= $2", chain, first
        )


async def history(owner: asyncpg.Connection) -> list[dict[str, Any]]:
    """Every row of the owners' history, with its token."""
    return [dict(row) for row in await owner.fetch(ROW)]


async def bots(owner: asyncpg.Connection) -> set[tuple[Any, ...]]:
    """Every bot, as values that a rebuild must repeat."""
    rows = await owner.fetch(
        "select id, slug, created_at, chain_id, contract_address, token_id from bot_identities"
    )
    return {tuple(row) for row in rows}


def rebuilt(
    transfers: Sequence[Transfer], mined_at: Callable[[int], datetime] = mined_at
) -> list[dict[str, Any]]:
    """The history that logs tell, one at a time: the rule in its plainest words."""
    rows: list[dict[str, Any]] = []
    current: dict[tuple[int, str, int], dict[str, Any]] = {}
    for t in sorted(transfers, key=lambda t: (t.block, t.log)):
        key = (t.chain, t.contract, t.token)
        row = current.get(key)
        if t.receiver == (row["owner_address"] if row else NOBODY):
            continue
        if row:
            row |= {"to_block": t.block, "to_log": t.log, "effective_to": mined_at(t.block)}
            del current[key]
        if t.receiver != NOBODY:
            current[key] = {
                "chain_id": t.chain, "contract_address": t.contract, "token_id": str(t.token),
                "owner_address": t.receiver, "source": "onchain",
                "from_block": t.block, "from_log": t.log, "to_block": None, "to_log": None,
                "effective_from": mined_at(t.block), "effective_to": None,
            }  # fmt: skip
            rows.append(current[key])
    return sorted(
        rows,
        key=lambda r: (
            r["chain_id"], r["contract_address"], int(r["token_id"]), r["from_block"], r["from_log"]
        ),
    )  # fmt: skip
