"""What Redis saves and costs: the same calls with it and without, in turns, in one run.

refused: claims within a cooldown, which Redis answers; accepted: claims that Postgres takes and
Redis is told of; board: the live board. As in bench/claims.py, the clients wait for each other's
connections only. A process keeps the board throughout, in the same loop.
Usage: board.py OUT.json [seconds of a round]
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uvloop

from agon.epochs import keeping, live
from agon.kernel import commands, database, embedded, jobs, runtime
from agon.kernel.database import ANONYMOUS, Conn, Database
from agon.systems import SYSTEMS
from bench import claims
from bench.claims import BOTS, CODE, OWNER, PERSON, SLOTS, Load
from bench.machine import save
from tests.standins.redis_server import redis_server

ROUNDS = 3
ROUND_S = 3
COOLED_MS = 3_600_000

Act = Callable[[Database, random.Random], Awaitable[Any]]


def claiming(day: date, by: live.Live | None) -> Act:
    """A claim of a slot of chance by a bot of chance."""

    async def act(pools: Database, chance: random.Random) -> None:
        await live.claim_slot(
            pools, by, OWNER, day=day, slot_index=chance.randrange(SLOTS), code=CODE,
            bot=PERSON.format(chance.randint(1, BOTS)),
        )  # fmt: skip

    return act


def looking(day: date, by: live.Live | None) -> Act:
    """A look at the board."""

    async def act(pools: Database, _chance: random.Random) -> None:
        await live.show_board(pools, by, ANONYMOUS, day)

    return act


async def compare(
    name: str, acts: tuple[Act, Act], pools: Database, round_s: float
) -> dict[str, Any]:
    """Acts per second with Redis and without, in turns; the medians count."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for act, rate in zip(acts, rates, strict=True):
            rate.append(await claims.rate(Load(name=name, act=act, script=""), pools, round_s))
    with_it, without = map(statistics.median, rates)
    figures = {
        "with_redis_per_s": round(with_it),
        "without_per_s": round(without),
        "ratio": round(with_it / without, 2),
    }
    print(name, figures, flush=True)
    return figures


async def cool(owner: Conn, pools: Database, day: date, by: live.Live) -> None:
    """Every bot claims once, in a day that now has a long cooldown."""
    await owner.execute("alter table public.epoch_profiles disable trigger user")
    await owner.execute(
        "update public.epoch_profiles "
        f"set config = jsonb_set(config, '{{cooldown_ms,bot}}', '{COOLED_MS}')"
    )
    for number in range(1, BOTS + 1):
        await live.claim_slot(
            pools, by, OWNER, day=day, slot_index=number % SLOTS, code=CODE,
            bot=PERSON.format(number),
        )  # fmt: skip
    await by.told()


async def measure(at: runtime.Runtime, round_s: float) -> dict[str, Any]:
    """Each kind of call, on one day."""
    owner, stop = await database.connect(at.urls["agon_owner"]), asyncio.Event()
    async with at.database() as pools, live.opened(at) as by:
        assert by is not None
        await claims.prepare(owner, pools)
        day = await owner.fetchval("select day_date from public.epochs")
        keeper = asyncio.create_task(keeping.run(jobs.Work(database=pools, runtime=at), stop))
        await live.show_board(pools, by, ANONYMOUS, day)
        async with asyncio.timeout(10):
            while True:
                if await by.board(day):
                    break
                await asyncio.sleep(keeping.ROUND_S)
        figures = {}
        for name, make in (("board", looking), ("accepted", claiming)):
            acts = make(day, by), make(day, None)
            figures[name] = await compare(name, acts, pools, round_s)
        await cool(owner, pools, day, by)
        acts = claiming(day, by), claiming(day, None)
        figures["refused"] = await compare("refused", acts, pools, round_s)
        stop.set()
        await keeper
    await owner.close()
    return figures


async def main(out: Path, round_s: float) -> None:
    """Measure on a home and a Redis of its own and write the figures."""
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    home = folder / "home"
    try:
        async with redis_server() as redis:
            environ = {"AGON_HOME": str(home), "AGON_REDIS_URL": redis.url}
            at = runtime.begin(SYSTEMS, environ=environ, folder=folder)
            await commands.migrate_all(at)
            save(out, {"clients": claims.CLIENTS, "slots": SLOTS, **await measure(at, round_s)})
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        uvloop.run(main(Path(sys.argv[1]), float((sys.argv[2:] or [ROUND_S])[0])))
    except pytest.skip.Exception as missing:
        print(f"board: skipped, since there is {missing}")
