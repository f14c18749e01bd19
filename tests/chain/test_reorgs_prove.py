"""The proof: a hundred reorganisations with kills at any point, and all equals a rebuild."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import replace

import asyncpg
import pytest

from agon.commons.chain import indexing, rpc
from agon.kernel.errors import Refused
from tests.chain.following import (
    EFFECTS,
    balances,
    keep,
    some_transfers,
    stored,
    true_balances,
    true_logs,
    walking,
)
from tests.standins.rpc import Chain

pytestmark = pytest.mark.prove

REORGANISATIONS = 100
FINALITY = 10
"""Blocks on top that make a block final: the deepest that is undone."""
KILL_S_MAX = 0.06

KILLED = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    Refused,
    rpc.Fault,
    asyncio.CancelledError,
)


async def cut_connections(place) -> None:
    """What a Postgres that dies does to whoever speaks to it."""
    async with place.database.dedicated("agon_worker") as conn:
        await conn.execute(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and usename = current_user
              and pid <> pg_backend_pid()
            """
        )


async def killed_walks(place, chance, walks) -> int:
    """Catch up with several walks at once, and end them at any moment; how many were cut off."""
    tasks = [asyncio.create_task(indexing.catch_up(walk)) for walk in walks]
    await asyncio.sleep(chance.uniform(0, KILL_S_MAX))
    ended = sum(not task.done() for task in tasks)
    if chance.random() < 0.5:
        await cut_connections(place)
    for task in tasks:
        task.cancel()
        with suppress(*KILLED):
            await task
    return ended


@pytest.mark.parametrize("seed", [4, 20])
async def test_a_hundred_reorganisations_with_kills_equal_a_rebuild(place, seed):
    chance, chain, killed, final = random.Random(seed), Chain(finality=FINALITY), 0, 0
    chain.mine(*(some_transfers(chance) for _ in range(120)))
    chain.range_max = 16
    await keep(place)
    await place.owner.execute(EFFECTS)
    async with walking(place, chain) as one, walking(place, chain) as other:
        for _ in range(REORGANISATIONS):
            final = max(final, chain.latest - FINALITY)
            depth = chance.randint(1, chain.latest - final)
            more = chance.randint(-min(2, depth - 1), 4)
            chain.reorganise(depth, *(some_transfers(chance) for _ in range(depth + more)))
            for _ in range(chance.randrange(4)):
                killed += await killed_walks(place, chance, [one, other])
            done = await until_done(one)
            if done.is_behind:  # shorter, and the same as far as it goes
                chain.mine(*(some_transfers(chance) for _ in range(3)))
                await until_done(one)
            assert await stored(place) == true_logs(chain)
            assert await balances(place) == true_balances(chain)
    assert killed > REORGANISATIONS / 2
    await rebuilt_equals(place, chain)


async def until_done(walk) -> indexing.Done:
    """A connection that was cut off says so at its next use."""
    for _ in range(50):
        with suppress(*KILLED):
            return await indexing.catch_up(walk)
    raise AssertionError("it never ended")


async def rebuilt_equals(place, chain) -> None:
    before = await stored(place), await balances(place)
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.reindex_chain(agon.the_chain(), 0)")
    assert await stored(place) == []
    assert await balances(place) == {}
    async with walking(place, chain) as walk:
        await indexing.catch_up(replace(walk))
    assert (await stored(place), await balances(place)) == before
