"""The rank of one among a million: counted buckets, beside a lookup by primary key.

Usage: ranks.py OUT.json [ENTRIES]

Both ask for the same wallets, one after the other, over one connection of the server's own login;
each rank is checked against a full sort. Milliseconds of the clock as the client sees them; the
ratio is the median of theirs. `counted` is what `count(*)` over the index takes for the same
answer, `page` a page of 50 around somebody, `moved` a batch of standings that change. `kib` are the
sizes on disk.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from agon.kernel import commands, database, embedded, runtime
from agon.leagues import ranking
from agon.systems import SYSTEMS
from bench.machine import save

ENTRIES = 1_000_000
ASKED, COUNTED = 2_000, 20
PAGE_ROWS, MOVED = 50, 1_000
BATCHES = 20
BOARD = UUID(int=1)

RANK = "select agon.rank_of($1, $2)"
ROW = "select key from agon.ranks where board_id = $1 and subject = $2"
COUNT = (
    "select count(*) from agon.ranks where board_id = $1"
    " and key <= (select key from agon.ranks where board_id = $1 and subject = $2)"
)
PAGE = "select * from agon.page_ranks($1, agon.rank_around($1, $2, 25), 50)"


def keyed(chance: random.Random, wallet: str) -> bytes:
    """A standing as a season has it: points, titles, wins, podiums, losses."""
    wins, losses = chance.randint(0, 60), chance.randint(0, 60)
    titles = int(chance.random() < 0.01)
    return ranking.key([wins * 30_000, titles, wins, 3 * titles, -losses], wallet)


async def measure(urls: dict[str, str], entries: int) -> dict[str, Any]:
    """All figures, on one board."""
    chance = random.Random(entries)
    wallets = [f"0x{chance.getrandbits(160):040x}" for _ in range(entries)]
    rows = [(BOARD, wallet, keyed(chance, wallet)) for wallet in wallets]
    owner = await database.connect(urls["agon_owner"])
    begun_s = time.perf_counter()
    for start in range(0, entries, max(entries // BATCHES, 1)):
        await owner.copy_records_to_table(
            "ranks", schema_name="agon", records=rows[start : start + max(entries // BATCHES, 1)]
        )
    loaded_s = time.perf_counter() - begun_s
    await owner.execute("vacuum analyze agon.ranks")
    ranks = {row[1]: place for place, row in enumerate(sorted(rows, key=lambda r: r[2]), 1)}
    asked = chance.sample(wallets, min(ASKED, entries))
    worker = await database.connect(urls["agon_worker"])
    rank_ms, row_ms = await both(worker, owner, asked, ranks)
    figures = {
        "entries": entries,
        "loaded_s": round(loaded_s, 1),
        "buckets": await owner.fetchval("select count(*) from agon.rank_buckets"),
        "rank": described(rank_ms),
        "primary_key": described(row_ms),
        "ratio": round(statistics.median(a / b for a, b in zip(rank_ms, row_ms, strict=True)), 2),
        "counted": described(await each(owner, COUNT, asked[:COUNTED])),
        "page": described(await each(worker, PAGE, asked[:200])),
        "moved": described([await moved(owner, chance, wallets) for _ in range(10)]),
        "rank_after": described((await both(worker, owner, asked[:200], None))[0]),
        "kib": {
            name: await owner.fetchval("select pg_total_relation_size($1::regclass) / 1024", name)
            for name in ("agon.ranks", "agon.rank_buckets")
        },
    }
    await worker.close()
    await owner.close()
    return figures


async def both(
    worker: asyncpg.Connection,
    owner: asyncpg.Connection,
    asked: Sequence[str],
    ranks: dict[str, int] | None,
) -> tuple[list[float], list[float]]:
    """Milliseconds of each way, in turns. ranks: what must come out."""
    rank_ms, row_ms = [], []
    rank, row = await worker.prepare(RANK), await owner.prepare(ROW)
    for wallet in asked:
        found, took = await timed(lambda wallet=wallet: rank.fetchval(BOARD, wallet))
        if ranks is not None and found != ranks[wallet]:
            raise SystemExit(f"{wallet} has rank {ranks[wallet]}, not {found}")
        rank_ms.append(took)
        row_ms.append((await timed(lambda wallet=wallet: row.fetchval(BOARD, wallet)))[1])
    return rank_ms, row_ms


async def each(conn: asyncpg.Connection, statement: str, asked: Sequence[str]) -> list[float]:
    """Milliseconds of a statement for each wallet."""
    prepared = await conn.prepare(statement)
    return [
        (await timed(lambda wallet=wallet: prepared.fetch(BOARD, wallet)))[1] for wallet in asked
    ]


async def moved(conn: asyncpg.Connection, chance: random.Random, wallets: Sequence[str]) -> float:
    """Milliseconds of a batch of standings that change."""
    some = chance.sample(wallets, min(MOVED, len(wallets)))
    given = [{"subject": wallet, "key": keyed(chance, wallet).hex()} for wallet in some]
    return (await timed(lambda: conn.execute("select agon.set_ranks($1, $2)", BOARD, given)))[1]


async def timed(act: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """What it answers, and its milliseconds."""
    begun_s = time.perf_counter()
    found = await act()
    return found, (time.perf_counter() - begun_s) * 1000


def described(took_ms: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and worst."""
    ordered = sorted(took_ms)
    return {
        "median_ms": round(statistics.median(ordered), 3),
        "p99_ms": round(ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)], 3),
        "max_ms": round(ordered[-1], 3),
    }


async def main(out: Path, entries: int) -> None:
    """Measure on a home of its own and write the figures."""
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    home = folder / "home"
    try:
        environ = {"AGON_HOME": str(home), "AGON_LOG_LEVEL": "error"}
        process = runtime.begin(SYSTEMS, environ=environ, folder=folder)
        await commands.migrate_all(process)
        figures = await measure(process.urls, entries)
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)
    save(out, figures)
    print(figures)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ENTRIES))
