"""The log of a day: what hosts add to it, who reads what, and following it as it grows."""

from __future__ import annotations

import uuid
from datetime import timedelta

import asyncpg
import pytest

from agon.epochs import claims, event_log, history
from agon.kernel import clock
from agon.kernel.database import ANONYMOUS
from agon.kernel.errors import Refused
from tests.epochs import days
from tests.epochs.days import DAY, FREEZES, HOLD_S, OPENS, SETTLES, STARTS
from tests.places import ADMIN, SERVICE

AT_MS = clock.to_ms(STARTS)


@pytest.fixture
async def day(place):
    """Live, with bots of ada and bob."""
    return await days.live(place, None, "ada", "bob")


def told(**changes):
    """What a host tells."""
    return {"id": str(uuid.uuid4()), "kind": "activity", "at_ms": AT_MS} | changes


async def record(place, *events, actor=SERVICE, day=DAY):
    async with place.database.as_caller(actor) as conn:
        return await claims.record_events(conn, day, list(events))


async def read(place, actor=ANONYMOUS, **sought):
    async with place.database.as_caller(actor) as conn:
        return await history.events(conn, DAY, history.Sought(**sought))


async def test_a_host_tells_its_events_and_each_counts_once(day, place):
    batch = [
        told(kind="slot_update", slot=2, bot=day.bots["ada"], data={"code": "abc"}),
        told(at_ms=AT_MS - 1000),
    ]
    assert await record(place, *batch) == {"recorded": 2, "known": 0}
    assert await record(place, *batch, told()) == {"recorded": 1, "known": 2}
    assert await record(place) == {"recorded": 0, "known": 0}
    twice = told()
    assert await record(place, twice, twice) == {"recorded": 1, "known": 1}
    first, second, *_ = await day.events("slot_update", "activity")
    assert (first["type"], first["slot"], first["bot"]) == ("slot_update", 2, day.bots["ada"])
    assert (first["data"], first["wallet"]) == ({"code": "abc"}, None)
    assert (second["at_ms"], second["data"]) == (AT_MS - 1000, {})
    assert second["seq"] > first["seq"]


async def test_what_a_host_tells_changes_no_slot(day, place):
    await record(place, told(kind="slot_update", slot=2, bot=day.bots["ada"]))
    held = "select count(*) from epoch_slot_states where held_since is not null"
    assert await place.owner.fetchval(held) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "7"},
        {"kind": "slot_claimed"},
        {"kind": None},
        {"at_ms": None},
        {"at_ms": "soon"},
        {"at_ms": 1.5},
        {"at_ms": 10**18},
        {"at_ms": clock.to_ms(OPENS) - 1},
        {"at_ms": AT_MS + 60_001},
        {"slot": 5},
        {"slot": "x"},
        {"bot": "00000000-0000-4000-8000-000000000000"},
        {"bot": "ada"},
        {"data": []},
        {"data": {"text": "x" * 9000}},
    ],
)
async def test_one_event_that_does_not_fit_refuses_the_batch_and_is_named(day, place, changes):
    with pytest.raises(Refused, match="Event 2 of the batch") as error:
        await record(place, told(), told(**changes))
    assert error.value.refusal.code == "events_malformed"
    assert await day.events("activity") == []


@pytest.mark.parametrize("events", [None, {}, "x", [told()] * 1001, [1], [None], [[]]])
async def test_what_is_no_batch_is_refused(day, place, events):
    with pytest.raises(Refused) as error:
        async with place.database.as_caller(SERVICE) as conn:
            await claims.record_events(conn, DAY, events)
    assert error.value.refusal.code == "events_malformed"


async def test_only_the_service_tells_of_a_day(day, place):
    for actor in (ANONYMOUS, await place.own("ada"), ADMIN):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await record(place, told(), actor=actor)


async def test_of_unknown_and_archived_days_nothing_is_told(day, place):
    with pytest.raises(Refused) as error:
        await record(place, told(), day=DAY + timedelta(days=1))
    assert error.value.refusal.code == "epoch_unknown"
    await day.at(SETTLES + timedelta(days=1))
    await place.owner.execute(
        "select agon.record_epoch_event(id, 'epoch_settled', agon.now(), '{}') from epochs"
    )
    await day.advance()
    with pytest.raises(Refused) as error:
        await record(place, told())
    assert error.value.refusal.code == "epoch_archived"


async def test_a_follower_reads_on_where_it_stopped(day, place):
    await day.claim("ada")
    first = await read(place, most=1)
    assert [e["type"] for e in first["events"]] == ["phase_moved"]
    second = await read(place, after=first["next"])
    assert [e["type"] for e in second["events"]] == ["slot_claimed"]
    rest = await read(place, after=second["next"])
    assert rest == {"events": [], "next": second["next"]}
    await day.at(HOLD_S)
    await day.claim("bob")
    assert [e["type"] for e in (await read(place, after=rest["next"]))["events"]] == [
        "slot_overwritten"
    ]


async def test_an_event_that_is_committed_late_is_not_skipped(day, place):
    """Its seq is given before that of another, which is committed first."""
    late = place.owner.transaction()
    await late.start()
    await place.owner.execute(
        "select agon.record_epoch_event(id, 'activity', agon.now(), '{\"n\": 1}') from epochs"
    )
    await day.claim("ada")
    before = await read(place)
    await late.commit()
    after = await read(place, after=before["next"])
    found = [e["type"] for e in before["events"] + after["events"]]
    assert sorted(found) == ["activity", "phase_moved", "slot_claimed"]


async def test_events_are_found_by_type_and_slot(day, place):
    await day.claim("ada", 0)
    await day.claim("bob", 1)
    assert [e["slot"] for e in (await read(place, slot=1))["events"]] == [1]
    assert len((await read(place, type="slot_claimed"))["events"]) == 2
    assert (await read(place, type="no_such"))["events"] == []


@pytest.mark.parametrize("after", ["", "7", "1-2-3", "x-1", "-1-1", "9" * 20 + "-1"])
async def test_what_is_no_cursor_is_refused(day, place, after):
    with pytest.raises(Refused) as error:
        await read(place, after=after)
    assert error.value.refusal.code == "cursor_malformed"


async def test_votes_are_events_for_everyone_when_nobody_can_vote_any_more(day, place):
    await day.vote("ada")
    assert (await read(place, type="vote_cast"))["events"] == []
    assert (await read(place, place.actor("ada"), type="vote_cast"))["events"] == []
    assert len((await read(place, SERVICE, type="vote_cast"))["events"]) == 1
    await day.at(FREEZES)
    await day.advance()
    (vote,) = (await read(place, type="vote_cast"))["events"]
    assert set(vote["data"]) == {"target_type", "target_id", "score"}


async def test_the_settlement_reads_the_log_as_it_is_written(day, place):
    await day.claim("ada")
    await day.at(1)
    await day.claim("bob")
    await day.at(HOLD_S)
    await day.claim("bob")
    await day.vote("bob", day.bots["ada"], "1", "bot")
    await record(place, told())
    await day.at(FREEZES)
    await day.advance()
    log = event_log.read((await read(place))["events"])
    assert (len(log.slots["seq"]), len(log.votes["seq"])) == (3, 1)
    assert set(log.bots) == set(day.bots.values())


async def test_the_log_only_grows(day, place):
    for act in ("update epoch_events set payload = '{}'", "truncate epoch_events"):
        with pytest.raises(asyncpg.PostgresError, match="only grows"):
            await place.owner.execute(act)
    for actor in (SERVICE, await place.own("ada"), ANONYMOUS):
        for act in ("delete from epoch_events", "insert into epoch_events default values"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(actor) as conn:
                    await conn.execute(act)


@pytest.mark.parametrize(
    ("column", "value", "claim"),
    [
        ("event_type", "'Slot'", "epoch_events_type_is_a_name"),
        ("actor_wallet_address", "'0xABC'", "epoch_events_wallet_is_lower_case_hex"),
        ("slot_index", "-1", "epoch_events_slot_is_natural"),
        ("payload", "'[]'", "epoch_events_payload_is_an_object"),
        ("occurred_at", "'2026-01-01 00:00:00.0001Z'", "epoch_events_time_is_whole_milliseconds"),
    ],
)
async def test_a_row_that_breaks_the_claim_is_refused(day, place, column, value, claim):
    values = {"event_type": "'activity'", "occurred_at": "'2026-01-01Z'"} | {column: value}
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(
            f"insert into epoch_events (epoch_id, {', '.join(values)}) "
            f"select id, {', '.join(values.values())} from epochs"
        )
    assert error.value.constraint_name == claim
