"""What the data door's wire can reach: requests per second as shares of pgbench's.

pgbench calls one plpgsql function that sets role and claims and does what the request does: the
cheapest shape there is. Beside it, on the same socket and in turns with it: our wire with the same
context, the wire with the context that the door sets, and asyncpg's pool in four awaits.
Usage: doors_ceiling.py OUT.json
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
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from agon.kernel import commands, database, embedded, runtime
from agon.kernel.embedded_account import program
from agon.kernel.errors import Refused
from agon.rest.pool import Pool
from agon.systems import SYSTEMS
from bench.doors_peer import percentile_99, pgbench
from bench.doors_tables import CASES, CLAIMS, TABLES, Case
from bench.machine import save

CONNECTIONS = 8
CLIENTS = (8, 64)
ROUND_S = 2
ROUNDS = 3

ROLE = "authenticated"
SHORT = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)"
FULL = (
    "select set_config('search_path', 'public, extensions', true),"
    " set_config('statement_timeout', '8000', true), set_config('role', $1, true),"
    " set_config('request.jwt.claims', $2, true), set_config('request.method', $3, true),"
    " set_config('request.path', $4, true), set_config('request.headers', $5, true),"
    " set_config('request.cookies', $6, true)"
)
HEADERS = b'{"accept":"*/*","user-agent":"node","x-client-info":"supabase-js-node/2.0.0"}'
BOUND = (ROLE.encode(), CLAIMS.encode())
BOUND_FULL = (*BOUND, b"GET", b"/bench_posts", HEADERS, b"{}")

Line = Callable[[Case, int], Awaitable[tuple[float, float]]]
"""Requests per second and the 99th percentile in ms, of a case with so many clients."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where pgbench connects, and the clients that are compared with it."""

    url: str
    folder: Path
    own: Pool
    others: asyncpg.Pool

    async def pgbench(self, case: Case, clients: int) -> tuple[float, float]:
        """The peer: one function call a request, by prepared statement."""
        return await pgbench(case, clients, url=self.url, folder=self.folder, round_s=ROUND_S)

    async def wire(self, case: Case, clients: int) -> tuple[float, float]:
        """Our client, setting what pgbench's function sets."""
        return await self._wire(case, clients, (SHORT, BOUND))

    async def wire_as_the_door(self, case: Case, clients: int) -> tuple[float, float]:
        """Our client, setting what the door sets."""
        return await self._wire(case, clients, (FULL, BOUND_FULL))

    async def _wire(
        self, case: Case, clients: int, context: tuple[str, tuple[bytes, ...]]
    ) -> tuple[float, float]:
        async def ask(chance: random.Random) -> None:
            steps = [(case.sql, (case.draw(chance).encode(),))]
            await self.own.run(role=ROLE, context=context, steps=steps)

        return await timed(ask, clients)

    async def asyncpg(self, case: Case, clients: int) -> tuple[float, float]:
        """begin, context, statement, commit: what asyncpg's interface asks for."""

        async def ask(chance: random.Random) -> None:
            async with self.others.acquire() as conn, conn.transaction():
                await conn.fetchrow(SHORT, ROLE, CLAIMS)
                await conn.fetchrow(case.typed, case.draw(chance))

        return await timed(ask, clients)


async def timed(
    ask: Callable[[random.Random], Awaitable[None]], clients: int
) -> tuple[float, float]:
    """As many requests as get done in ROUND_S."""
    micros: list[float] = []
    started = time.perf_counter()
    end = started + ROUND_S

    async def client(number: int) -> None:
        chance = random.Random(number)
        while (begun := time.perf_counter()) < end:
            await ask(chance)
            micros.append((time.perf_counter() - begun) * 1e6)

    await asyncio.gather(*(client(number) for number in range(clients)))
    return len(micros) / (time.perf_counter() - started), percentile_99(micros) / 1000


async def measure(bench: Bench) -> list[dict[str, Any]]:
    """Each case with each number of clients; the lines take turns, and the median counts."""
    lines: dict[str, Line] = {
        "pgbench": bench.pgbench,
        "wire": bench.wire,
        "wire_as_the_door": bench.wire_as_the_door,
        "asyncpg": bench.asyncpg,
    }
    figures = []
    for case in CASES:
        for clients in CLIENTS:
            rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in lines}
            for _ in range(ROUNDS):
                for name, line in lines.items():
                    rounds[name].append(await line(case, clients))
            figures.append(told(case.name, clients, rounds))
            print(figures[-1], flush=True)
    return figures


def told(name: str, clients: int, rounds: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """One row of the result: medians, and shares of pgbench's."""
    per_s = {line: statistics.median(rate for rate, _ in got) for line, got in rounds.items()}
    late_ms = {line: statistics.median(late for _, late in got) for line, got in rounds.items()}
    return {
        "case": name,
        "clients": clients,
        "requests_per_s": {line: round(rate) for line, rate in per_s.items()},
        "p99_ms": {line: round(late, 2) for line, late in late_ms.items()},
        "share_of_pgbench": {
            line: round(rate / per_s["pgbench"], 2)
            for line, rate in per_s.items()
            if line != "pgbench"
        },
    }


async def prepare(at: runtime.Runtime) -> None:
    """The schema, the table of 100,000 rows, and the functions that pgbench calls."""
    await commands.migrate_all(at)
    conn = await database.connect(at.urls["agon_owner"])
    await conn.execute(TABLES)
    for case in CASES:
        await conn.execute(case.function)
    await conn.execute("vacuum analyze public.bench_posts, public.bench_authors")
    await conn.close()


async def _keep(_conn: asyncpg.Connection) -> None:
    """As the kernel's pools: no round trip to reset what is local to a transaction anyway."""


async def main(out: Path) -> None:
    """Measure on a home of its own and write the figures."""
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    home = folder / "home"
    try:
        at = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(home)}, folder=folder)
        await prepare(at)
        url = at.urls["agon_web"]
        async with AsyncExitStack() as stack:
            others = await stack.enter_async_context(
                asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, reset=_keep)
            )
            own = await stack.enter_async_context(Pool(url, "agon_web", max_size=CONNECTIONS))
            bench = Bench(url=url, folder=folder, own=own, others=others)
            save(out, {"connections_of_the_clients": CONNECTIONS, "rows": await measure(bench)})
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        program("pgbench")
    except Refused as missing:
        print(f"doors_ceiling: skipped, since there is no pgbench to compare with: {missing}")
    else:
        uvloop.run(main(Path(sys.argv[1])))
