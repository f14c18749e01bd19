"""Registrations: windows, places, waiting, checking in, leaving; and the field at the start."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from agon.leagues.brackets import seeding
from tests.leagues import contests
from tests.leagues.contests import key_actor, refused
from tests.organisations.walks import told
from tests.places import wallet

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
HOUR = timedelta(hours=1)
CHECK_IN = {
    "opens_at": (NOW + 2 * HOUR).isoformat(),
    "closes_at": (NOW + 3 * HOUR).isoformat(),
}


@pytest.fixture
async def noon(place):
    """Players own their wallets, and it is NOW."""
    await place.set_clock(NOW)
    for n in range(1, 9):
        await place.own(f"p{n}")
    return place


async def test_a_wallet_registers_once_while_registration_is_open(noon):
    window = {
        "registration_opens_at": (NOW + HOUR).isoformat(),
        "registration_closes_at": (NOW + 2 * HOUR).isoformat(),
    }
    contest = await contests.drafted(noon, **window)
    assert await refused(contest.register("p1")) == "competition_unknown"
    await contest.open()
    assert await refused(contest.register("p1")) == "registration_closed"
    await noon.set_clock(NOW + HOUR)
    first = await contest.register("p1")
    assert (first["status"], first["participant"]) == ("registered", wallet("p1"))
    assert await contest.register("p1") == first
    assert await refused(contest.register("p1", wallet=wallet("p2"))) == "not_your_participant"
    assert await refused(contest.register("p1", wallet="0x12")) == "wallet_malformed"
    assert (
        await refused(contest.register("p1", team_id="00000000-0000-4000-8000-000000000000"))
        == "entrant_kind"
    )
    assert (await contest.register("p2", wallet=None))["wallet"] == wallet("p2")
    await noon.set_clock(NOW + 2 * HOUR)
    assert await refused(contest.register("p3")) == "registration_closed"
    # Organisers are not bound to the window, and keys need the scope.
    key = await key_actor(noon, "registrations:write")
    assert (await contest.register(key, wallet=wallet("p3")))["status"] == "registered"
    poor = await key_actor(noon, "results:write")
    assert await refused(contest.register(poor, wallet=wallet("p4"))) == "scope_missing"
    await contest.start()
    assert await refused(contest.register("p4")) == "competition_not_open"
    assert len(await told(noon, "registration.created")) == 3


async def test_who_comes_too_late_waits_and_moves_up_in_turn(noon):
    contest = await contests.opened(noon, 4, settings={"capacity": 2})
    assert await contest.states() == {
        "p1": "registered", "p2": "registered", "p3": "waiting", "p4": "waiting",
    }  # fmt: skip
    assert await refused(contest.withdraw("p1", who="p2")) == "not_your_participant"
    assert (await contest.withdraw("p1"))["status"] == "withdrawn"
    assert (await contest.withdraw("p1"))["status"] == "withdrawn"
    assert (await contest.states())["p3"] == "registered"
    # Who comes back comes last.
    assert (await contest.register("p1"))["status"] == "waiting"
    await contest.disqualify("p2")
    assert await refused(contest.register("p2")) == "disqualified"
    assert await contest.states() == {
        "p1": "waiting", "p2": "disqualified", "p3": "registered", "p4": "registered",
    }  # fmt: skip
    assert [p["participant"] for p in await told(noon, "registration.promoted")] == [
        wallet("p3"), wallet("p4"),
    ]  # fmt: skip
    # More places: who waits gets one.
    await contest.update(settings={"format": contests.SINGLE, "capacity": 3})
    assert (await contest.states())["p1"] == "registered"
    tight = await contests.opened(noon, 2, settings={"capacity": 2, "waiting_list": False})
    assert await refused(tight.register("p3")) == "competition_full"


async def test_places_are_never_given_twice(noon):
    contest = await contests.opened(noon, settings={"capacity": 3})
    names = [f"p{n}" for n in range(1, 9)]
    await asyncio.gather(*(contest.register(name) for name in names))
    contest.players = names
    states = list((await contest.states()).values())
    assert (states.count("registered"), states.count("waiting")) == (3, 5)
    inside = [name for name, state in (await contest.states()).items() if state == "registered"]
    waiting = await noon.owner.fetch(
        "select wallet from competition_registrations where status = 'waiting' order by turn"
    )
    await asyncio.gather(*(contest.withdraw(name) for name in inside[:2]))
    states = await contest.states()
    assert list(states.values()).count("registered") == 3
    moved = {wallet(name) for name, state in states.items() if state == "registered"}
    assert {row["wallet"] for row in waiting[:2]} < moved


async def test_who_does_not_check_in_is_dropped_and_who_waits_and_is_there_plays(noon):
    settings = {"capacity": 3, "check_in": CHECK_IN}
    contest = await contests.opened(noon, 6, settings=settings)
    assert await refused(contest.check_in("p1")) == "check_in_closed"
    await noon.set_clock(NOW + 2 * HOUR)
    first = await contest.check_in("p1")
    assert first["checked_in"] and await contest.check_in("p1") == first
    assert await refused(contest.check_in("p2", who="p3")) == "not_your_participant"
    assert await refused(contest.check_in("p8")) == "not_registered"
    for name in ("p3", "p5", "p6"):
        await contest.check_in(name)
    await contest.withdraw("p6")
    assert await refused(contest.start()) == "check_in_not_over"
    await noon.set_clock(NOW + 3 * HOUR)
    assert await refused(contest.check_in("p2")) == "check_in_closed"
    await contest.check_in("p2", who="ada")  # an organiser saw them
    await contest.start()
    assert await contest.states() == {
        "p1": "registered", "p2": "registered", "p3": "registered",
        "p4": "dropped", "p5": "dropped", "p6": "withdrawn",
    }  # fmt: skip
    other = await contests.opened(noon, 5, settings={"capacity": 3, "check_in": {
        "opens_at": (NOW + 3 * HOUR).isoformat(), "closes_at": (NOW + 4 * HOUR).isoformat(),
    }})  # fmt: skip
    for name in ("p1", "p5"):
        await other.check_in(name)
    await noon.set_clock(NOW + 4 * HOUR)
    await other.start()
    assert await other.states() == {
        "p1": "registered", "p2": "dropped", "p3": "dropped", "p4": "dropped", "p5": "registered",
    }  # fmt: skip


async def test_a_start_needs_two_and_happens_once(noon):
    contest = await contests.opened(noon, 1)
    assert await refused(contest.start()) == "entrants_few"
    assert (await contest.row())["status"] == "open"
    await contest.register("p2")
    assert await refused(contest.start(who="p1")) == "not_org_admin"
    assert await refused(contest.start(who=await key_actor(noon, "org:read"))) == "scope_missing"
    await asyncio.gather(contest.start(), contest.start())
    assert len(await told(noon, "competition.started")) == 1
    assert (await contest.row())["status"] == "active"
    await contest.start()
    await contest.hold()


async def seeded(contest) -> list[str]:
    rows = await contest.place.owner.fetch(
        "select wallet from competition_registrations "
        "where competition_id = $1 and roster is not null order by seed",
        contest.id,
    )
    return [row["wallet"] for row in rows]


async def test_seeds_are_set_by_organisers_or_follow_ratings(noon):
    contest = await contests.opened(noon, 4)
    seeds = [{"participant": wallet("p4"), "seed": 1}, {"participant": wallet("p3"), "seed": 2}]
    assert await refused(contest.seed(seeds, who="p4")) == "not_org_admin"
    assert await contest.seed(seeds) == 2
    twice = [{"participant": wallet("p1"), "seed": 2}]
    assert await refused(contest.seed(twice)) == "seed_taken"
    assert await refused(contest.seed([{"participant": wallet("p8"), "seed": 9}])) == (
        "not_registered"
    )
    await contest.start()
    assert await seeded(contest) == [wallet(name) for name in ("p4", "p3", "p1", "p2")]
    assert await refused(contest.seed(seeds)) == "competition_not_open"
    rated = await contests.opened(noon, 4, settings={"seeding": {"method": "rating"}})
    ratings = {"p2": 1500, "p3": 1600}
    await rated.seed([{"participant": wallet(n), "rating": r} for n, r in ratings.items()])
    await rated.start()
    assert (await seeded(rated))[:2] == [wallet("p3"), wallet("p2")]


@pytest.mark.parametrize("given", [None, "block 900000"])
async def test_chance_is_published_by_its_hash_and_repeats(noon, given):
    method = {"method": "random", **({"seed": given} if given else {})}
    contest = await contests.opened(noon, 8, settings={"seeding": method})
    row = await contest.row()
    assert row["settings"]["seeding"] == {"method": "random"}
    assert (row["seed"], len(row["seed_sha256"])) == (None, 64)
    assert given is None or given not in str(row)
    await contest.start()
    row = await contest.row()
    assert row["seed"] == (given or row["seed"]) and len(row["seed"]) > 5
    wallets = [wallet(name) for name in contest.players]
    assert await seeded(contest) == seeding.shuffled(wallets, row["seed"])


async def test_it_starts_by_itself_where_the_settings_say_so(noon):
    starts = {"starts_at": (NOW + HOUR).isoformat(), "settings": {"auto_start": True}}
    contest = await contests.opened(noon, 2, **starts)
    empty = await contests.opened(noon, 1, **{**starts, "settings": {"auto_start": True}})
    await noon.owner.execute("select count(agon.enqueue('leagues.advance', jsonb_build_object("
                             "'competition_id', d))) from agon.due_competitions() d")  # fmt: skip
    await noon.work()
    assert (await contest.row())["status"] == "open"
    await noon.set_clock(NOW + HOUR)
    await noon.owner.execute("select count(agon.enqueue('leagues.advance', jsonb_build_object("
                             "'competition_id', d))) from agon.due_competitions() d")  # fmt: skip
    await noon.work()
    assert (await contest.row())["status"] == "active"
    assert (await empty.row())["status"] == "open"
