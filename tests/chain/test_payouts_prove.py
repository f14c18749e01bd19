"""Each payout is made once and none is lost, however often the sender dies or the node lies."""

from __future__ import annotations

import asyncio

import pytest

from agon.commons.chain import intents, sending, signers
from agon.kernel import database
from agon.kernel.errors import Refused
from tests import killing
from tests.chain.outbox import CHAIN, KEY, add_signer, desk, mortal, pay
from tests.places import wallet
from tests.standins.anvil import anvil
from tests.standins.sender_node import in_front_of, now_and_then

KILL_SHARE = 0.05
LIE_SHARE = 0.25
REORG_SHARE = 0.1
REORG_BLOCKS_MAX = 4
"""Deeper than what the test calls final, so that ends are taken back as well."""
WEI = 10**15
ROUNDS_MAX = 3000
MEANT_EVERY_S = 0.15
SETTLED_S_MAX = 120


async def _pay_all(place, payouts: int) -> list[str]:
    people = [wallet(f"payee {number}") for number in range(payouts)]
    for number, person in enumerate(people):
        await pay(place, f"payout {number}", person, WEI + number)
    return people


async def _until_settled(place, chain, at, fate: killing.Fate, parts: float) -> tuple[int, int]:
    """Rounds with deaths, and a block after each, until nothing waits: how many, and how many
    reorganisations, each with the probability `parts` after a block."""
    head, parted = None, 0
    for count in range(1, ROUNDS_MAX):
        try:
            head = await sending.once(mortal(at, fate), head)
        except killing.Killed:
            head = None
        except Refused:  # as the host: the node does not answer, the next round tries again
            await asyncio.sleep(0)
        await chain.mine()
        if fate.dice.random() < parts:
            await chain.reorg(fate.dice.randint(1, REORG_BLOCKS_MAX))
            parted += 1
        waits = await place.owner.fetchval(
            "select count(*) from agon.chain_intents where status not in ('confirmed', 'failed')"
        )
        if not waits:
            return count, parted
    raise AssertionError(f"{waits} still wait after {ROUNDS_MAX} rounds")


async def _check(place, chain, people: list[str]) -> None:
    wrong = {}
    for number, person in enumerate(people):
        paid = await chain.balance(person)
        if paid != WEI + number:
            wrong[number] = paid
    assert wrong == {}
    counts = await place.owner.fetchrow(
        """
        select count(*) filter (where status = 'confirmed') as confirmed,
          count(distinct nonce) as nonces from agon.chain_intents
        """
    )
    assert tuple(counts) == (len(people), len(people))


async def _prove(place, payouts: int, *, lies: float = 0, parts: float = 0, seed: int) -> str:
    await add_signer(place)
    people = await _pay_all(place, payouts)
    fate = killing.Fate(share=KILL_SHARE, seed=seed)
    async with anvil("--no-mining") as chain, in_front_of(chain.url) as node:
        node.chance = now_and_then(
            seed, lies, "accept_500", "accept_cut", "refuse_500", "drop", "nonce too low"
        )
        async with desk(place, node.url, confirmations=2, stuck_s=1) as at:
            await chain.mine(2 * REORG_BLOCKS_MAX)
            rounds, parted = await _until_settled(place, chain, at, fate, parts)
        await _check(place, chain, people)
    return (
        f"\n{payouts} payouts once each, in {rounds} rounds of {fate.steps} steps: "
        f"{fate.deaths} deaths, {len(node.lied)} lies in {len(node.sent)} sends, "
        f"{parted} reorganisations"
    )


async def test_a_few_payouts_survive_deaths_lies_and_reorganisations(place):
    said = await _prove(place, 12, lies=LIE_SHARE, parts=REORG_SHARE, seed=1)
    assert "once each" in said


@pytest.mark.prove
async def test_300_payouts_are_made_once_each_though_the_sender_dies(place):
    print(await _prove(place, 300, seed=2))


@pytest.mark.prove
async def test_300_payouts_are_made_once_each_though_the_node_lies_too(place):
    print(await _prove(place, 300, lies=LIE_SHARE, seed=3))


@pytest.mark.prove
async def test_300_payouts_are_made_once_each_though_blocks_are_taken_back(place):
    print(await _prove(place, 300, lies=LIE_SHARE, parts=REORG_SHARE, seed=5))


async def _mean_all(pools, people: list[str]) -> None:
    """As a system does, over a database that goes down now and then."""

    async def mean(number: int, person: str) -> None:
        async with pools.as_worker() as conn:
            await intents.mean(
                conn, chain_id=CHAIN, key=f"payout {number}", purpose="tests", to=person,
                data=b"", value_wei=WEI + number,
            )  # fmt: skip

    for number, person in enumerate(people):
        await killing.insist(lambda number=number, person=person: mean(number, person))
        await asyncio.sleep(MEANT_EVERY_S)


async def _settled(url: str, wanted: int) -> None:
    async with asyncio.timeout(SETTLED_S_MAX):
        while True:
            conn = await database.connect(url)
            count = await conn.fetchval(
                "select count(*) from agon.chain_intents where status = 'confirmed'"
            )
            await conn.close()
            if count == wanted:
                return
            await asyncio.sleep(0.5)


@pytest.mark.prove
@pytest.mark.skipif("os.environ.get('AGON_TEST_PG_BIN')", reason="kills the embedded server")
async def test_300_payouts_survive_kill_9_of_workers_and_postgres(monkeypatch):
    monkeypatch.setattr(killing, "CALM_S", (3.0, 6.0))
    people = [wallet(f"payee {number}") for number in range(300)]
    async with anvil("--block-time", "1") as chain, in_front_of(chain.url) as node:
        node.chance = now_and_then(4, LIE_SHARE, "accept_500", "accept_cut", "refuse_500", "drop")
        for name, value in (("RPC_URL", node.url), ("CHAIN_POLL_MS", "100"),
                            ("CHAIN_CONFIRMATIONS", "2"), ("CHAIN_STUCK_S", "5")):  # fmt: skip
            monkeypatch.setenv(f"AGON_{name}", value)
        async with killing.victims() as doomed, doomed.process.database() as pools:

            async def add_key() -> None:
                async with pools.as_worker() as conn:
                    await signers.add_key(conn, CHAIN, KEY)

            await killing.insist(add_key)  # once the worker has published a key to seal to
            stop = asyncio.Event()
            ghost = asyncio.create_task(killing.haunt(doomed, 4, stop))
            await _mean_all(pools, people)
            stop.set()
            await ghost
            await _settled(doomed.process.urls["agon_owner"], len(people))
            print(
                f"\n300 payouts; kill -9 of {doomed.killed.count('worker')} workers and "
                f"{doomed.killed.count('postgres')} servers, {len(node.lied)} lies in "
                f"{len(node.sent)} sends"
            )
            assert doomed.killed.count("worker") >= 3
            assert doomed.killed.count("postgres") >= 3
        for number, person in enumerate(people):
            assert await chain.balance(person) == WEI + number
