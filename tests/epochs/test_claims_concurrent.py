"""Many claim at once, over connections of their own: one holds a slot, and its log is an order."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

import asyncpg
import pytest

from agon.kernel import database
from tests.epochs import days
from tests.epochs.days import FREEZES, STARTS
from tests.epochs.ledger import Transfer, tell
from tests.places import wallet

CLAIMANTS = 200
CONNECTIONS = 40
CLAIM = "select public.claim_slot($1, $2, $3::text::uuid)"


@asynccontextmanager
async def claimants(place, count=CONNECTIONS):
    """Connections that act as ada, who owns all bots; each has its own backend."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            conn = await database.connect(place.runtime.urls["agon_web"])
            stack.push_async_callback(conn.close)
            opened.append(conn)
        yield opened


async def crowd(place, config):
    """A live day with CLAIMANTS bots of ada's."""
    day = await days.opened(place, config)
    await place.own("ada")
    await tell(
        place.owner,
        [Transfer(block=1, log=n, token=n, receiver=wallet("ada")) for n in range(CLAIMANTS)],
    )
    await day.at(0)
    await day.advance()
    rows = await place.owner.fetch("select id::text from bot_identities order by token_id")
    return day, [row["id"] for row in rows]


async def claim(place, conn, slot, bot):
    async with conn.transaction():
        await conn.execute(
            "select set_config('role', 'authenticated', true), "
            "set_config('request.jwt.claims', $1, true)",
            database.claims_text(place.actor("ada")),
        )
        return await conn.fetchval(CLAIM, slot, "abc", bot)


async def race(place, bots, slots, rounds=1, seed=1):
    """All bots, each `rounds` times at slots of chance, as fast as the connections go: (bot, slot,
    answer), and of a claim that came too late for the day None."""
    chance = random.Random(seed)
    turns = [(bot, chance.choice(slots)) for _ in range(rounds) for bot in bots]
    answers = []

    async def go_on(conn):
        while turns:
            bot, slot = turns.pop()
            try:
                answers.append((bot, slot, await claim(place, conn, slot, bot)))
            except asyncpg.PostgresError as error:
                assert error.detail == "epoch_not_live"
                answers.append((bot, slot, None))

    async with claimants(place) as conns:
        await asyncio.gather(*(go_on(conn) for conn in conns))
    return answers


def hold_in_order(events):
    """The log of a slot, told: who takes it takes it from the holder of then, later or at once."""
    by_slot = defaultdict(list)
    for event in events:
        if event["slot"] is not None:
            by_slot[event["slot"]].append(event)
    holders = {}
    for slot, told in by_slot.items():
        holder = None
        for before, event in pairwise([None, *told]):
            if before:
                assert before["seq"] < event["seq"] and before["at_ms"] <= event["at_ms"]
            if event["type"] == "slot_attacked":
                assert event["data"]["holder"] == holder != event["bot"]
                continue
            if event["type"] == "slot_claimed":
                assert holder is None
            else:
                assert event["data"]["from"] == holder != event["bot"]
            holder = event["bot"]
        holders[slot] = holder
    return holders


async def states(place):
    rows = await place.owner.fetch(
        "select slot_index, current_holder_bot_identity_id::text as holder "
        "from epoch_slot_states where current_holder_bot_identity_id is not null"
    )
    return {row["slot_index"]: row["holder"] for row in rows}


async def test_of_200_who_claim_one_slot_at_once_one_holds_it_and_199_attack(place):
    day, bots = await crowd(place, days.profile())
    answers = await race(place, bots, [0])
    assert sum(answer["accepted"] for _, _, answer in answers) == 1
    events = await day.events()
    assert [e["type"] for e in events].count("slot_attacked") == CLAIMANTS - 1
    assert hold_in_order(events) == await states(place)


async def test_without_a_minimum_hold_200_take_it_from_each_other_one_by_one(place):
    config = days.profile(minimum_hold_ms=0, cooldown_ms={"bot": 0, "slot": 0})
    day, bots = await crowd(place, config)
    answers = await race(place, bots, [0])
    assert all(answer["accepted"] for _, _, answer in answers)
    events = [e for e in await day.events() if e["slot"] == 0]
    assert len(events) == CLAIMANTS
    assert [e["type"] for e in events].count("slot_claimed") == 1
    assert hold_in_order(events) == await states(place)
    # Each answer told its claimant what was so when the claim was made.
    assert {e["seq"]: e["bot"] for e in events} == {
        a["seq"]: a["slot"]["holder"] for _, _, a in answers
    }


async def observe(place, done):
    """What others see meanwhile: (slot, holder, since) of every look."""
    seen = set()
    while not done.is_set():
        rows = await place.owner.fetch(
            "select slot_index, current_holder_bot_identity_id::text, held_since "
            "from epoch_slot_states where held_since is not null"
        )
        seen |= {tuple(row) for row in rows}
        await asyncio.sleep(0)
    return seen


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_comes_between_the_log_is_an_order_of_what_was_seen(place, seed):
    config = days.profile(minimum_hold_ms=15, cooldown_ms={"bot": 5, "slot": 40})
    day, bots = await crowd(place, config)
    await days.on_true_clock(day)
    done = asyncio.Event()
    watching = asyncio.create_task(observe(place, done))
    answers = await race(place, bots, [0, 1, 2, 3], rounds=4, seed=seed)
    done.set()
    seen = await watching
    events = await day.events("slot_claimed", "slot_overwritten", "slot_attacked")
    assert hold_in_order(events) == await states(place)
    taken = [e for e in events if e["type"] != "slot_attacked"]
    assert {(slot, holder, round(since.timestamp() * 1000)) for slot, holder, since in seen} <= {
        (e["slot"], e["bot"], e["at_ms"]) for e in taken
    }
    assert len(taken) == sum(answer["accepted"] for _, _, answer in answers)
    of_bot = defaultdict(list)
    for event in events:
        of_bot[event["bot"]].append(event)
    for acts in of_bot.values():
        for before, after in pairwise(sorted(acts, key=lambda e: e["seq"])):
            assert after["at_ms"] - before["at_ms"] >= 5
    for before, after in pairwise(sorted(taken, key=lambda e: (e["slot"], e["seq"]))):
        if before["slot"] == after["slot"]:
            assert after["at_ms"] - before["at_ms"] >= 15


async def test_one_bot_at_two_slots_at_once_gets_one(place):
    day, bots = await crowd(place, days.profile())
    async with claimants(place, 4) as conns:
        answers = await asyncio.gather(
            *(claim(place, conn, slot, bots[0]) for slot, conn in enumerate(conns))
        )
    assert sorted(str(answer["reason"]) for answer in answers) == ["None"] + ["bot_cooldown"] * 3
    assert len(await day.events("slot_claimed")) == 1


async def test_of_claims_that_meet_the_freeze_none_comes_after_it(place):
    config = days.profile(minimum_hold_ms=0, cooldown_ms={"bot": 0, "slot": 0})
    day, bots = await crowd(place, config)

    async def freeze():
        while len(await day.events("slot_overwritten")) < CONNECTIONS:
            pass
        await day.at(FREEZES)
        return await day.advance()

    moved, answers = await asyncio.gather(freeze(), race(place, bots, [0, 1], rounds=4))
    assert moved == [("live", "freeze")]
    events = await day.events()
    assert events[-1]["data"] == {"from": "live", "to": "freeze"}
    assert {e["at_ms"] for e in events[:-1]} == {STARTS.timestamp() * 1000}
    assert 0 < sum(answer is not None for _, _, answer in answers) < len(answers)
