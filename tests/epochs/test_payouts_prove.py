"""No payout twice and none lost, however often workers die, nodes lie and blocks are taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from agon.commons.chain import indexing, sending
from agon.epochs import paying
from agon.kernel import database
from agon.kernel.errors import Refused
from tests import killing
from tests.chain.outbox import SIGNER, mortal
from tests.contracts import deployed
from tests.epochs import paydays
from tests.epochs.paydays import Bank, Payday, settled
from tests.places import Place
from tests.standins.anvil import anvil
from tests.standins.sender_node import now_and_then

RECEIVERS_MAX = 3
KILL_SHARE = 0.05
LIE_SHARE = 0.25
REORG_SHARE = 0.1
REORG_BLOCKS_MAX = 4
"""Deeper than what the test calls final, so that ends are taken back as well."""
LIES = ("accept_500", "accept_cut", "refuse_500", "drop", "nonce too low")
ROUNDS_MAX = 3000
CALM_BLOCKS = 8
SETTLED_S_MAX = 120


async def owing(place: Place, days: int, people: int) -> list[Payday]:
    """Days that owe everybody of their own something; each third bot is of the owner before."""
    return [
        await settled(
            place,
            [(f"{day} {person - (person % 3 == 2)}", 10**9 + person) for person in range(people)],
            day,
        )
        for day in range(days)
    ]


async def mean(day: Payday, fate: killing.Fate) -> None:
    """The job of a day, in a worker that may die at each of its statements."""
    doomed = killing.MortalDatabase(day.place.database, fate)
    await paying.pay(doomed, day.id, day.number, RECEIVERS_MAX)  # type: ignore[arg-type]
    await paying.mint(doomed, day.id, day.number, None)  # type: ignore[arg-type]


async def one_round(bank: Bank, days: Sequence[Payday], fate: killing.Fate) -> None:
    """What waits is meant, sent and read; whoever dies comes back in the next round."""
    for day in days:
        with suppress(killing.Killed):
            await mean(day, fate)
    try:
        bank.head = await sending.once(mortal(bank.desk, fate), bank.head)
    except killing.Killed:
        bank.head = None
    except Refused:  # as the host: the node does not answer, the next round tries again
        await asyncio.sleep(0)
    await bank.node.mine()
    await indexing.catch_up(bank.walk)


async def waiting(conn: database.Conn) -> int:
    """How much of all days is not confirmed."""
    return await conn.fetchval(
        "select (select count(*) from public.epoch_payouts where status <> 'confirmed')"
        " + (select count(*) from public.epoch_editions where status <> 'confirmed')"
    )


async def until_paid(bank: Bank, days: Sequence[Payday], fate: killing.Fate) -> tuple[int, int]:
    """Rounds until nothing waits: how many, and how many reorganisations."""
    parted = 0
    for count in range(1, ROUNDS_MAX):
        await one_round(bank, days, fate)
        if fate.dice.random() < REORG_SHARE:
            await bank.node.reorg(fate.dice.randint(1, REORG_BLOCKS_MAX))
            parted += 1
        elif not await waiting(bank.place.owner):
            return count, parted
    raise AssertionError(f"{await waiting(bank.place.owner)} still wait after {ROUNDS_MAX} rounds")


async def check(bank: Bank, days: Sequence[Payday]) -> None:
    """The chain holds what the rows say, to the wei, and nothing beside it."""
    for day in days:
        assert await bank.paid(day) == day.sums
        edition = await day.edition()
        assert (
            await bank.world.ask("Edition", "ownerOf", day.number) == edition["recipient_address"]
        )
        for row in await day.rows():
            assert (await bank.node.receipt(row["payout_tx_hash"]))["status"] == "0x1"
    assert await bank.world.balance("EpochPayout") == 0
    logs = await bank.place.owner.fetchrow(
        "select sum((args ->> 'total')::numeric) as wei, count(*) as batches from agon.chain_logs"
        " where event = 'BatchPushed'"
    )
    assert logs["wei"] == sum(wei for day in days for _, wei in day.owed)
    assert logs["batches"] == await bank.place.owner.fetchval(
        "select count(distinct (epoch_id, batch)) from public.epoch_payouts"
    )


async def prove(place: Place, days: int, people: int, seed: int) -> str:
    fate = killing.Fate(share=KILL_SHARE, seed=seed)
    lie = now_and_then(seed, LIE_SHARE, *LIES)
    async with paydays.bank(place, lie=lie, confirmations=2, stuck_s=1) as bank:
        await bank.node.mine(2 * REORG_BLOCKS_MAX)
        owed = await owing(place, days, people)
        rounds, parted = await until_paid(bank, owed, fate)
        fate.share = 0
        for _ in range(CALM_BLOCKS):
            await one_round(bank, owed, fate)
        assert await waiting(place.owner) == 0
        await check(bank, owed)
    return (
        f"\n{days * people} payouts and {days} editions once each, in {rounds} rounds of "
        f"{fate.steps} steps: {fate.deaths} deaths, {parted} reorganisations"
    )


async def test_a_few_days_are_paid_once_though_workers_die_and_blocks_are_taken_back(place):
    print(await prove(place, days=3, people=8, seed=1))


@pytest.mark.prove
@pytest.mark.parametrize("seed", [5, 6])
async def test_many_days_are_paid_once_though_workers_die_and_blocks_are_taken_back(place, seed):
    print(await prove(place, days=20, people=12, seed=seed))


async def _pay_all(pools: database.Database, days: Sequence[Payday]) -> None:
    """As the operator does, twice each, over a database that goes down now and then."""

    async def pay(after: int) -> None:
        async with pools.as_worker() as conn:
            await conn.execute("select agon.pay_day($1::date + $2::int)", paydays.FIRST_DAY, after)

    for after in (*range(len(days)), *range(len(days))):
        await killing.insist(lambda after=after: pay(after))
        await asyncio.sleep(0.5)


async def _all_paid(url: str) -> None:
    async with asyncio.timeout(SETTLED_S_MAX):
        while True:
            conn = await database.connect(url)
            left = await waiting(conn)
            await conn.close()
            if not left:
                return
            await asyncio.sleep(0.5)


@pytest.mark.prove
@pytest.mark.skipif("os.environ.get('AGON_TEST_PG_BIN')", reason="kills the embedded server")
async def test_days_are_paid_once_though_workers_and_postgres_are_killed(monkeypatch):
    monkeypatch.setattr(killing, "CALM_S", (1.0, 3.0))
    async with anvil("--block-time", "1") as chain:
        for name, value in (("RPC_URL", chain.url), ("CHAIN_POLL_MS", "100"),
                            ("CHAIN_CONFIRMATIONS", "2"), ("CHAIN_STUCK_S", "5")):  # fmt: skip
            monkeypatch.setenv(f"AGON_{name}", value)
        world = await deployed.deploy(chain, signer=SIGNER, plan=paydays.PLAN)
        async with killing.victims() as doomed, doomed.process.database() as pools:
            owner = await database.connect(doomed.process.urls["agon_owner"])
            place = Place(runtime=doomed.process, database=pools, owner=owner)
            await killing.insist(lambda: paydays.follow(place, world))
            days = await owing(place, 20, 250)
            await owner.close()
            stop = asyncio.Event()
            ghost = asyncio.create_task(killing.haunt(doomed, 8, stop))
            await _pay_all(pools, days)
            stop.set()
            await ghost
            await _all_paid(doomed.process.urls["agon_owner"])
            killed = doomed.killed
        for day in days:
            for who, wei in day.sums.items():
                assert await chain.balance(who) == wei
            assert await world.ask("Edition", "tokenURI", day.number) == paydays.URI
        assert await world.balance("EpochPayout") == 0
        workers, servers = killed.count("worker"), killed.count("postgres")
        print(
            "\n5000 payouts and 20 editions once each; "
            f"kill -9 of {workers} workers and {servers} servers"
        )
        assert min(workers, servers) >= 2
