"""100,000 transfers into the owners' history, beside Ponder on the same node; 10,000 bots compared.

Usage: chain.py OUT.json
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from agon.commons.chain import artifacts, calls, indexing, rpc
from agon.epochs import reconciling
from agon.kernel import commands, database, embedded, runtime
from agon.kernel.jobs import Work
from agon.systems import SYSTEMS
from bench import chain_ponder, chain_state
from bench.chain_state import Chain
from bench.machine import save

ROUNDS = 3
RECONCILE_ROUNDS = 5
AIM_TIMES = 5
ROWS = """
    select i.token_id::bigint as token, o.owner_address as owner, o.from_block, o.from_log,
      o.to_block, o.to_log, extract(epoch from o.effective_from)::bigint as from_s,
      extract(epoch from o.effective_to)::bigint as to_s
    from public.bot_identity_owners o join public.bot_identities i on i.id = o.bot_identity_id
"""

Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Site:
    """An installation of its own, migrated and empty, and a database beside it for the peer."""

    work: Work
    folder: Path
    pool: str

    @property
    def owner_url(self) -> str:
        return self.work.runtime.urls["agon_owner"]


@asynccontextmanager
async def site(chain: Chain) -> AsyncIterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    home = folder / "home"
    environ = {"AGON_HOME": str(home), "AGON_RPC_URL": chain.node.url, "AGON_LOG_LEVEL": "error"}
    try:
        server = await asyncio.to_thread(embedded.start, home, createdb=True)
        process = runtime.begin(SYSTEMS, environ=environ, folder=folder)
        await commands.migrate_all(process)
        conn = await database.connect(process.urls["agon_owner"])
        await conn.execute("create database agon_ponder")
        await conn.close()
        async with process.database() as pools:
            yield Site(
                work=Work(database=pools, runtime=process),
                folder=folder,
                pool=server.dsn("agon_owner", "agon_ponder"),
            )
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


async def index(at: Site, chain: Chain) -> float:
    """Seconds from an empty history to the last block, through the indexer as it runs in use."""
    chain_id = chain.node.chain_id
    async with at.work.database.as_worker() as conn:
        await conn.execute("select agon.open_chain($1, 0)", chain_id)
        await conn.execute(
            "select agon.keep_contract($1, 'BotIdentity', 1, $2, 0)", chain_id, chain.bots
        )
    async with rpc.connect(at.work.runtime) as node:
        started = time.perf_counter()
        await indexing.catch_up(indexing.walk(at.work, node))
        return time.perf_counter() - started


async def rows_of(at: Site) -> list[Row]:
    """The history that the indexer wrote, in one order."""
    conn = await asyncpg.connect(at.owner_url)
    try:
        return in_order(await conn.fetch(ROWS))
    finally:
        await conn.close()


def in_order(rows: Sequence[Any]) -> list[Row]:
    """As tuples of token, owner, from, to and both times; owners in lower case."""
    found = [tuple(row[name] for name in (
        "token", "owner", "from_block", "from_log", "to_block", "to_log", "from_s", "to_s",
    )) for row in rows]  # fmt: skip
    return sorted((row[0], row[1].lower(), *row[2:]) for row in found)


async def measure_reconciling(at: Site, chain: Chain) -> dict[str, Any]:
    """All bots compared with the contract; and the same calls sent and not looked at."""
    async with rpc.connect(at.work.runtime) as node:
        took, bare = [], []
        for _ in range(RECONCILE_ROUNDS):
            started = time.perf_counter()
            done = await reconciling.reconcile(at.work.database, node)
            took.append(time.perf_counter() - started)
            assert (done.compared, done.corrected) == (chain_state.TOKENS, ())
            bare.append(await _bare(node, chain, done.block))
        batched = await _batched(node, chain, done.block)
    best = min(took)
    return {
        "bots": chain_state.TOKENS,
        "seconds": [round(each, 3) for each in took],
        "same_calls_alone_s": [round(each, 3) for each in bare],
        "share_of_the_node": round(min(bare) / best, 2),
        "one_call_a_bot_in_batches_of_100_s": round(batched, 3),
    }


async def _bare(node: rpc.Node, chain: Chain, block: int) -> float:
    """The node's own limit: the same calls, encoded before, four at a time."""
    lens, turns = artifacts.load("OwnersLens"), asyncio.Semaphore(reconciling.CALLS_AT_ONCE_MAX)
    every, most = list(range(1, chain_state.TOKENS + 1)), reconciling.TOKENS_PER_CALL_MAX
    bodies = [
        "0x" + calls.encode_deployment(lens, chain.bots, every[at : at + most]).hex()
        for at in range(0, len(every), most)
    ]

    async def ask(body: str) -> None:
        async with turns:
            await node.call("eth_call", {"data": body}, hex(block))

    started = time.perf_counter()
    await asyncio.gather(*(ask(body) for body in bodies))
    return time.perf_counter() - started


async def _batched(node: rpc.Node, chain: Chain, block: int) -> float:
    """What the lens is instead of: `ownerOf` a token, in JSON-RPC batches, four at a time."""
    contract, turns = artifacts.load("BotIdentity"), asyncio.Semaphore(4)

    async def ask(first: int) -> None:
        fields = (
            {"to": chain.bots, "data": "0x" + calls.encode(contract, "ownerOf", token).hex()}
            for token in range(first, first + rpc.BATCH_CALLS_MAX)
        )
        async with turns:
            await node.settle([("eth_call", (each, hex(block))) for each in fields])

    started = time.perf_counter()
    await asyncio.gather(*map(ask, range(1, chain_state.TOKENS + 1, rpc.BATCH_CALLS_MAX)))
    return time.perf_counter() - started


async def measure(chain: Chain) -> dict[str, Any]:
    """Agon and both settings of Ponder in turn, on new installations; the best of each counts."""
    ours, peers = [], {"postgres": [], "pglite": []}
    differences = 0
    for _ in range(ROUNDS):
        async with site(chain) as at:
            ours.append(await index(at, chain))
            rows = await rows_of(at)
            reconciled = await measure_reconciling(at, chain)
            for name, pool in (("postgres", at.pool), ("pglite", None)):
                peer = await chain_ponder.run(chain, at.folder, pool)
                peers[name].append(peer)
                differences += len(set(rows) ^ set(in_order(peer.rows)))
    best = {name: min(each.index_s for each in runs) for name, runs in peers.items()}
    faster = min(best, key=best.__getitem__)
    return {
        "logs": chain_state.LOGS,
        "blocks": chain.last_block,
        "history_rows": len(rows),
        "agon": _rates(ours),
        "ponder": {
            "versions": {"ponder": "0.16.10", "viem": "2.53.1"},
            **{name: _rates([each.index_s for each in runs]) for name, runs in peers.items()},
            "start_s": round(statistics.median(e.start_s for r in peers.values() for e in r), 2),
            "best_with": faster,
        },
        "rows_that_differ": differences,
        "times_as_fast_as_its_best": round(best[faster] / min(ours), 1),
        "worst_to_best": round(best[faster] / max(ours), 1),
        "aim_times": AIM_TIMES,
        "reconcile": reconciled,
    }


def _rates(seconds: Sequence[float]) -> dict[str, Any]:
    return {
        "seconds": [round(each, 2) for each in seconds],
        "best_logs_per_s": round(chain_state.LOGS / min(seconds)),
    }


async def main(out: Path) -> None:
    """Measure, and write the figures."""
    async with chain_state.loaded() as chain:
        found = len(await chain_state.logs_of(chain))
        assert found == chain_state.LOGS, f"the chain holds {found} transfers"
        figures = await measure(chain)
    save(out, figures)
    print(figures)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
