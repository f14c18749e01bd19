"""Days: their profiles, and the phases that they go through, each move once."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from agon.epochs import days as acts
from agon.epochs import jobs as epoch_jobs
from agon.kernel import database
from agon.kernel.errors import Refused
from agon.kernel.jobs import Work
from tests.epochs import days
from tests.epochs.days import ARCHIVES, DAY, ENDS, FREEZES, OPENS, SETTLES, STARTS
from tests.places import ADMIN, SERVICE

ALL = [
    ("prep", "live"), ("live", "freeze"), ("freeze", "snapshot"), ("snapshot", "settle"),
    ("settle", "archive"),
]  # fmt: skip
MOMENT = timedelta(milliseconds=1)


async def settled(day) -> None:
    """As the settlement will say it."""
    await day.place.owner.execute(
        """
        select agon.record_epoch_event(id, 'epoch_settled', agon.now(), '{"result_cid": "b"}')
        from public.epochs
        """
    )


async def phase(place) -> str:
    return await place.owner.fetchval("select phase from public.epochs")


async def keep(place, config, key="test", actor=SERVICE, activate=False):
    async with place.database.as_worker(actor) as conn:
        return await acts.keep_profile(conn, key, config, activate=activate)


async def test_a_day_is_opened_once_with_the_slots_and_times_of_its_profile(place):
    day = await days.opened(place)
    async with place.database.as_worker() as conn:
        first = await acts.open_day(conn)
        second = await acts.open_day(conn, DAY)
    assert first == second
    assert (first["day_date"], first["phase"]) == (DAY, "prep")
    times = [first[at] for at in ("opens_at", "starts_at", "freeze_at", "ends_at", "settle_at")]
    assert [*times, first["archive_at"]] == [OPENS, STARTS, FREEZES, ENDS, SETTLES, ARCHIVES]
    slots = await place.owner.fetch("select * from public.epoch_slot_states order by slot_index")
    assert [(s["slot_index"], s["slot_type"]) for s in slots] == [
        (0, "melody"), (1, "melody"), (2, "melody"), (3, "melody"), (7, "drums"),
    ]  # fmt: skip
    assert {s["current_holder_bot_identity_id"] for s in slots} == {None}
    assert await day.events() == []


async def test_each_phase_comes_at_its_moment_and_not_before(place):
    day = await days.opened(place)
    for instant, move in zip((STARTS, FREEZES, ENDS, SETTLES), ALL, strict=False):
        await day.at(instant - MOMENT)
        assert await day.advance() == []
        await day.at(instant)
        assert await day.advance() == [move]
        assert await day.advance() == []
        assert await phase(place) == move[1]


async def test_a_day_is_archived_only_with_its_settlement(place):
    day = await days.opened(place)
    await day.at(ARCHIVES + timedelta(days=3))
    assert await day.advance() == ALL[:4]
    await settled(day)
    assert await day.advance() == ALL[4:]
    assert await place.owner.fetchval("select archived_at from public.epochs") is not None
    assert await day.advance() == []


async def test_a_settlement_that_comes_early_waits_for_the_archive(place):
    day = await days.opened(place)
    await day.at(SETTLES)
    await day.advance()
    await settled(day)
    await day.at(ARCHIVES - MOMENT)
    assert await day.advance() == []
    await day.at(ARCHIVES)
    assert await day.advance() == ALL[4:]


async def test_after_downtime_every_missed_move_is_made_in_order_of_days(place):
    day = await days.opened(place)
    async with place.database.as_worker() as conn:
        await acts.open_day(conn, DAY + timedelta(days=1))
    await day.at(SETTLES + timedelta(days=1))
    assert await day.advance() == ALL[:4] * 2
    events = await day.events()
    assert [(e["data"]["from"], e["data"]["to"]) for e in events] == ALL[:4] * 2
    assert {e["type"] for e in events} == {"phase_moved"}
    told = await place.owner.fetch(
        "select key, payload ->> 'to' as phase from agon.events "
        "where topic = 'epoch.phase_moved' order by id"
    )
    assert [row["phase"] for row in told] == [move[1] for move in ALL[:4] * 2]
    assert [row["key"] for row in told] == ["2026-03-02"] * 4 + ["2026-03-03"] * 4


async def test_many_workers_make_each_move_once(place):
    day = await days.opened(place)
    await day.at(SETTLES)
    made = await asyncio.gather(*(day.advance() for _ in range(8)))
    assert sorted(map(len, made)) == [0] * 7 + [4]
    assert len(await day.events("phase_moved")) == 4


async def test_a_move_waits_for_the_acts_under_way(place):
    day = await days.live(place, None, "ada")
    claiming = await database.connect(place.runtime.urls["agon_web"])
    try:
        transaction = claiming.transaction()
        await transaction.start()
        await claiming.execute("set local role authenticated")
        await claiming.execute(
            "select set_config('request.jwt.claims', $1, true)",
            database.claims_text(place.actor("ada")),
        )
        await claiming.execute("select public.claim_slot(0, 'abc')")
        await day.at(FREEZES)
        moving = asyncio.create_task(day.advance())
        await asyncio.sleep(0.2)
        assert not moving.done()
        await transaction.commit()
        assert await moving == [("live", "freeze")]
    finally:
        await claiming.close()
    assert [e["type"] for e in await day.events()] == [
        "phase_moved", "slot_claimed", "phase_moved",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "table_move", [("prep", "freeze"), ("prep", "archive"), ("prep", "settle")]
)
async def test_other_moves_are_refused_to_the_owner_of_the_database_too(place, table_move):
    await days.opened(place)
    with pytest.raises(asyncpg.PostgresError, match="cannot go from"):
        await place.owner.execute("update public.epochs set phase = $1", table_move[1])


async def test_a_phase_never_goes_back(place):
    day = await days.opened(place)
    await day.at(SETTLES)
    await day.advance()
    for before in ("prep", "live", "freeze", "snapshot"):
        with pytest.raises(asyncpg.PostgresError, match="cannot go from settle"):
            await place.owner.execute("update public.epochs set phase = $1", before)


async def test_the_schedule_opens_the_day_and_moves_it(place):
    await place.set_clock(OPENS)
    work = Work(database=place.database, runtime=place.runtime)
    await epoch_jobs.advance(work)
    assert await place.owner.fetchval("select count(*) from public.epochs") == 0
    await keep(place, days.profile(), activate=True)
    for instant in (OPENS, STARTS, STARTS):
        await place.set_clock(instant)
        await epoch_jobs.advance(work)
    assert await phase(place) == "live"


async def test_on_a_day_that_the_clocks_leave_no_time_for_the_others_still_move(place):
    """Berlin's 29 March has 23 hours."""
    phases = {"prep": 83_000, "live": 3_000, "freeze": 60, "snapshot": 60, "settle": 60}
    await place.set_clock(datetime.fromisoformat("2026-03-28T00:00:00+01:00"))
    await keep(place, days.profile(zone="Europe/Berlin", phases_s=phases), activate=True)
    work = Work(database=place.database, runtime=place.runtime)
    await epoch_jobs.advance(work)
    await place.set_clock(datetime.fromisoformat("2026-03-29T12:00:00+02:00"))
    await epoch_jobs.advance(work)
    rows = await place.owner.fetch("select day_date, phase from public.epochs")
    assert [tuple(row) for row in rows] == [(date(2026, 3, 28), "settle")]


async def test_the_schedule_opens_no_day_that_cannot_be_played(place):
    await place.set_clock(FREEZES)
    await keep(place, days.profile(), activate=True)
    await epoch_jobs.advance(Work(database=place.database, runtime=place.runtime))
    assert await place.owner.fetchval("select count(*) from public.epochs") == 0
    with pytest.raises(Refused) as error:
        async with place.database.as_worker() as conn:
            await acts.open_day(conn)
    assert error.value.refusal.code == "day_over"


async def test_the_next_move_waits_in_the_queue_for_its_moment(place):
    day = await days.opened(place)
    waiting = "select execute_after from agon.pgqueuer where entrypoint = 'epochs.advance'"
    assert [row[0] for row in await place.owner.fetch(waiting)] == [STARTS]
    await day.at(STARTS)
    await day.advance()
    assert sorted(row[0] for row in await place.owner.fetch(waiting)) == [STARTS, FREEZES]
    # Both moments are past by the true clock: the worker does them, and nothing is left to move.
    await place.work()
    assert await phase(place) == "live"


async def test_without_an_active_profile_no_day_is_opened(place):
    await keep(place, days.profile())
    with pytest.raises(Refused) as error:
        async with place.database.as_worker() as conn:
            await acts.open_day(conn)
    assert error.value.refusal.code == "no_active_profile"


async def test_profiles_are_kept_by_version_and_the_same_again_is_none(place):
    first = await keep(place, days.profile())
    assert (first["profile_key"], first["version"], first["is_active"]) == ("test", 1, False)
    assert (await keep(place, days.profile()))["version"] == 1
    assert (await keep(place, days.profile(minimum_hold_ms=1)))["version"] == 2
    assert (await keep(place, days.profile(minimum_hold_ms=1), "other"))["version"] == 1


async def test_one_profile_is_active_and_an_open_day_keeps_its_own(place):
    await days.opened(place)
    second = await keep(place, days.profile(minimum_hold_ms=1), activate=True)
    rows = await place.owner.fetch("select version from public.epoch_profiles where is_active")
    assert [row["version"] for row in rows] == [second["version"]] == [2]
    async with place.database.as_worker() as conn:
        today = await acts.open_day(conn)
        tomorrow = await acts.open_day(conn, DAY + timedelta(days=1))
    assert today["profile_id"] != second["id"] == tomorrow["profile_id"]


async def test_two_activations_at_once_leave_one(place):
    for key in ("one", "two"):
        await keep(place, days.profile(), key)
    await asyncio.gather(
        *(keep(place, days.profile(), key, activate=True) for key in ("one", "two") * 4)
    )
    active = "select count(*) from public.epoch_profiles where is_active"
    assert await place.owner.fetchval(active) == 1


async def test_a_malformed_profile_is_not_kept(place):
    with pytest.raises(Refused) as error:
        await keep(place, days.profile(zone="Moon/Base"))
    assert error.value.refusal.code == "profile_malformed"
    assert await place.owner.fetchval("select count(*) from public.epoch_profiles") == 0


async def test_profiles_and_days_are_an_admins(place):
    profile = await keep(place, days.profile(), actor=ADMIN, activate=True)
    for act in (
        lambda conn: acts.keep_profile(conn, "x", days.profile(), activate=False),
        lambda conn: conn.execute("select agon.activate_epoch_profile('test', 1)"),
        lambda conn: acts.open_day(conn),
    ):
        with pytest.raises(Refused) as error:
            async with place.database.as_worker(await place.own("eve")) as conn:
                await act(conn)
        assert error.value.refusal.code == "admin_only"
    assert profile["is_active"]
    for actor in (place.actor("eve"), ADMIN, SERVICE):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(actor) as conn:
                await conn.execute("select agon.advance_epochs()")


async def test_an_unknown_version_is_not_activated(place):
    with pytest.raises(Refused) as error:
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.activate_epoch_profile('test', 1)")
    assert error.value.refusal.code == "profile_unknown"


@pytest.mark.parametrize(
    ("statement", "claim"),
    [
        ("update epoch_profiles set profile_key = 'A b'", "epoch_profiles_key_is_a_name"),
        ("update epoch_profiles set version = 0", "epoch_profiles_version_is_positive"),
        ("update epoch_profiles set config = '[]'", "epoch_profiles_config_is_an_object"),
        ("update epochs set freeze_at = starts_at", "epochs_run_forward"),
        ("update epochs set archived_at = now()", "epochs_archived_say_when"),
        ("update epoch_slot_states set slot_index = -1 where slot_index = 7",
         "epoch_slot_states_index_is_natural"),
        ("update epoch_slot_states set current_code = 'x'",
         "epoch_slot_states_are_held_in_all_columns"),
    ],
)  # fmt: skip
async def test_a_row_that_breaks_the_claim_is_refused(place, statement, claim):
    await days.opened(place)
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(statement)
    assert error.value.constraint_name == claim
