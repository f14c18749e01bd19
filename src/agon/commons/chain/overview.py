"""How far the index is, seen from the node and from our rows, for operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.commons.chain import heads, indexing, rpc
from agon.kernel.database import Database
from agon.kernel.errors import Refused
from agon.kernel.runtime import Runtime


async def look(runtime: Runtime, database: Database) -> dict[str, Any]:
    """`{node, chain, lag, standing}`: node is `{chain_id, head, finalized}` or `{refused}`; chain
    as agon.show_chain answers, or null before the first; lag in blocks; standing of the node to
    what we hold: follows, behind (it lags), parted (the chain was reorganised) or other_chain."""
    async with database.as_worker() as conn:
        chain = await conn.fetchval("select agon.show_chain(agon.the_chain())")
    try:
        async with rpc.connect(runtime) as node:
            seen = await heads.survey(node, chain, runtime.settings["chain_confirmations"])
    except Refused as error:
        return {"node": {"refused": str(error)}, "chain": chain, "lag": None, "standing": None}
    return {
        "node": {
            "chain_id": seen.chain_id,
            "head": seen.head.number,
            "finalized": seen.finalized,
        },
        "chain": chain,
        "lag": max(0, seen.head.number + 1 - chain["next_block"]) if chain else None,
        "standing": await _standing(database, chain, seen),
    }


async def _standing(database: Database, chain: Mapping[str, Any] | None, seen: heads.Survey) -> str:
    if chain is None:
        return "follows"
    if chain["chain_id"] != seen.chain_id:
        return "other_chain"
    has_parted = await indexing.has_parted(database, chain, seen)
    return "parted" if has_parted else seen.standing


async def undone_though_final(runtime: Runtime, database: Database) -> int | None:
    """The first block that the node holds differently, or may, though ours was final; None if there
    is no such block. From there on it takes a reindex."""
    async with database.as_worker() as conn:
        chain = await conn.fetchval("select agon.read_chain(agon.the_chain())")
    if chain is None:
        return None
    async with rpc.connect(runtime) as node:
        seen = await heads.survey(node, chain, runtime.settings["chain_confirmations"])
        last = min(chain["finalized_block"], seen.head.number)
        kept = await indexing.kept_blocks(database, chain, 0, last)
        shared = await heads.common_ancestor(node, kept)
    if not kept or shared == kept[0][0]:
        return None
    return 0 if shared is None else shared + 1


def reading(chain: Mapping[str, Any]) -> str:
    """How far a chain is read, in words."""
    first = chain["next_block"]
    return f"read up to block {first - 1}" if first else "nothing read"


def unread(chain: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Contracts that were kept after final blocks of theirs had been passed."""
    return [each for each in chain["contracts"] if each["read_from"] > each["from_block"]]
