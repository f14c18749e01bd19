"""Intents: meant once, moved along the machine alone, told to their system in each move."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from agon.commons.chain import intents
from agon.kernel.errors import Refused
from tests.chain.outbox import CHAIN, intent, pay
from tests.places import SERVICE, refusal_of, wallet

NOTE = """
create table agon.test_notes (key text, status text);
alter table agon.test_notes enable row level security;
create function agon.note_test(intent agon.chain_intents) returns void
language sql security definer set search_path = '' as
$$ insert into agon.test_notes values ((intent).key, (intent).status) $$;
select agon.register_purpose('tests', 'agon.note_test');
"""


async def test_an_intent_is_queued_with_a_job_that_wakes_the_sender(place):
    row = await pay(place, "pay ada", wallet("ada"), 10**30)
    assert (row["status"], row["value_wei"], row["nonce"]) == ("queued", str(10**30), None)
    jobs = await place.owner.fetch("select entrypoint from agon.pgqueuer")
    assert [job["entrypoint"] for job in jobs] == ["chain.send"]
    await place.work()
    assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 0


async def test_the_same_intent_comes_back_and_is_not_meant_again(place):
    first = await pay(place, "pay ada", wallet("ada"), 5)
    assert (await pay(place, "pay ada", wallet("ada"), 5))["id"] == first["id"]
    assert await place.owner.fetchval("select count(*) from agon.chain_intents") == 1


@pytest.mark.parametrize("changes", [
    {"to": wallet("eve")}, {"to": None}, {"value": 6}, {"data": b"\x01"},
])  # fmt: skip
async def test_one_key_never_means_two_things(place, changes):
    await pay(place, "pay ada", wallet("ada"), 5)
    given = {"to": wallet("ada"), "value": 5, "data": b""} | changes
    assert (await refusal_of(pay(place, "pay ada", **given))).code == "intent_differs"


async def test_two_at_once_mean_one(place):
    rows = await asyncio.gather(*(pay(place, "pay ada", wallet("ada")) for _ in range(6)))
    assert len({row["id"] for row in rows}) == 1


async def test_keys_are_of_one_chain(place):
    await pay(place, "pay ada", wallet("ada"), 5)
    async with place.database.as_worker() as conn:
        other = await intents.mean(
            conn, chain_id=CHAIN + 1, key="pay ada", purpose="tests", to=wallet("eve"), data=b""
        )
    assert other["to_address"] == wallet("eve")


async def test_nothing_is_found_where_nothing_was_meant(place):
    assert await intent(place, "nothing") is None


@pytest.mark.parametrize("changes", [
    {"to": wallet("ada").upper()}, {"to": "0x12"}, {"value": -1}, {"value": 2**256},
    {"data": b"\x00" * 131_073}, {"key": "k" * 201},
])  # fmt: skip
async def test_what_no_chain_can_carry_is_not_meant(place, changes):
    given = {"key": "pay ada", "to": wallet("ada")} | changes
    with pytest.raises((asyncpg.CheckViolationError, Refused)):
        await pay(place, **given)


async def test_no_client_may_mean_or_see_a_transaction(place):
    ada = await place.own("ada")
    for actor in (ada, SERVICE):
        for statement in (
            "select agon.intend(1, 'k', 'tests', null, '')",
            "select * from agon.chain_intents",
            "select * from agon.list_signers()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(actor) as conn:
                    await conn.execute(statement)


async def test_a_status_moves_along_the_machine_only(place):
    await pay(place, "pay ada", wallet("ada"))
    with pytest.raises(asyncpg.PostgresError, match="cannot go from queued to confirmed"):
        await place.owner.execute("update agon.chain_intents set status = 'confirmed'")


async def test_each_move_is_told_to_the_purpose_and_each_end_to_the_world(place):
    await place.owner.execute(NOTE)
    row = await pay(place, "pay ada", wallet("ada"))
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.fail_intent($1, 'why not')", row["id"])
        await conn.execute("select agon.fail_intent($1, 'again')", row["id"])
    notes = await place.owner.fetch("select key, status from agon.test_notes")
    assert [tuple(note) for note in notes] == [("pay ada", "failed")]
    events = await place.owner.fetch(
        "select topic, key, payload from agon.events where topic like 'chain.%'"
    )
    assert [(event["topic"], event["key"]) for event in events] == [
        ("chain.intent_failed", "pay ada")
    ]
    assert events[0]["payload"] == {
        "purpose": "tests", "payload": {}, "tx_hash": None, "block_number": None,
        "contract_address": None, "error": "why not",
    }  # fmt: skip


async def test_a_purpose_s_function_must_be_there(place):
    with pytest.raises(asyncpg.PostgresError, match=r"There is no function agon\.note_nothing"):
        await place.owner.execute("select agon.register_purpose('tests', 'agon.note_nothing')")
