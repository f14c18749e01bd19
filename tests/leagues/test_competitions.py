"""Competitions: drafted, opened, changed, canceled; completed with places, result and prizes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from agon.kernel import results
from agon.kernel.database import ANONYMOUS
from agon.leagues import competitions, prizes
from agon.leagues.brackets import replay
from tests.leagues import contests
from tests.leagues.contests import key_actor, refused
from tests.organisations.walks import acme, found, told
from tests.places import wallet

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
PRIZES = {
    "version": 1,
    "currency": "wei",
    "total": "1000000000000000000001",
    "shares": [
        {"from": 1, "to": 1, "bps": 6000},
        {"from": 2, "to": 2, "bps": 3000},
        {"from": 3, "to": 4, "bps": 1000},
    ],
}
KINDS = {("leagues.bracket", 1): replay.KIND, ("leagues.prizes", 1): prizes.KIND}


async def create(place, who, org="acme", **draft):
    actor = place.actor(who) if isinstance(who, str) else who
    async with place.database.as_worker(actor) as conn:
        return await competitions.create(conn, org, {"title": "A", **draft})


async def visible(place, actor) -> int:
    async with place.database.as_caller(actor) as conn:
        return len(await competitions.listed(conn))


async def test_admins_and_keys_draft_and_nobody_else_sees_it(place):
    await acme(place)
    await found(place, "other", "bob")
    key = await key_actor(place, "competitions:write")
    mine = await create(place, key, None, type="bracket")
    assert mine["status"] == "draft" and mine["created_by"] is None
    assert (await create(place, "abe"))["created_by"] == wallet("abe")
    assert await refused(create(place, "mia")) == "not_org_admin"
    assert await refused(create(place, "eve")) == "not_org_admin"
    assert await refused(create(place, key, "other")) == "not_org_admin"
    assert await refused(create(place, await key_actor(place, "org:read"))) == "scope_missing"
    assert await refused(create(place, "ada", "nowhere")) == "org_unknown"
    assert await refused(create(place, "ada", status="open")) == "field_unknown"
    for actor, count in (
        (ANONYMOUS, 0), (place.actor("eve"), 0), (place.actor("mia"), 0), (place.actor("bob"), 0),
        (place.actor("abe"), 2), (await key_actor(place, "competitions:read"), 2), (key, 0),
    ):  # fmt: skip
        assert await visible(place, actor) == count
    assert len(await told(place, "competition.created")) == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"settings": {"format": {"version": 1, "kind": "ladder"}}}, "format_malformed"),
        ({"settings": {"capacity": 1}}, "settings_malformed"),
        ({"settings": {"room": 7}}, "settings_malformed"),
        ({"settings": 7}, "settings_malformed"),
        ({"settings": {"check_in": {"opens_at": "a", "closes_at": "b"}}}, "settings_malformed"),
        ({"settings": {"check_in": {
            "opens_at": "2026-03-02T12:00:00Z", "closes_at": "2026-03-02T11:00:00Z",
        }}}, "settings_malformed"),
        ({"settings": {"seeding": {"method": "manual", "seed": "a"}}}, "settings_malformed"),
        ({"prize_config": {**PRIZES, "total": "1.5"}}, "prizes_malformed"),
    ],
)  # fmt: skip
async def test_settings_and_prizes_are_checked(place, fields, code):
    await acme(place)
    assert await refused(create(place, "ada", **fields)) == code


async def test_what_people_registered_for_stays(place):
    contest = await contests.drafted(place, None)
    assert await refused(contest.open()) == "format_missing"
    await contest.update(settings={"format": contests.SINGLE}, prize_config=PRIZES)
    assert await refused(contest.open(who="mia")) == "competition_unknown"
    await contest.open()
    assert (await contest.open())["status"] == "open"
    assert len(await told(place, "competition.opened")) == 1
    assert await refused(contest.update(who="mia", title="B")) == "not_org_admin"
    assert (await contest.update(title="B", starts_at="2026-04-01T00:00:00Z"))["title"] == "B"
    for changes in (
        {"type": "leaderboard"}, {"prize_config": {}}, {"registration_opens_at": None},
        {"settings": {"format": contests.SINGLE, "entrants": "teams"}},
        {"settings": {"format": contests.SINGLE, "seeding": {"method": "random"}}},
    ):  # fmt: skip
        assert await refused(contest.update(**changes)) == "competition_stands"
    await place.own("p1")
    await place.own("p2")
    await contest.register("p1")
    await contest.register("p2")
    await contest.start()
    assert await refused(contest.update(settings={})) == "competition_stands"
    assert (await contest.update(description="Now"))["description"] == "Now"


async def test_a_canceled_one_is_over(place):
    contest = await contests.started(place, 2)
    await contest.report("p1", "w.1.1", (1, 0))
    await contest.dispute("p2", "w.1.1")
    assert await refused(contest.cancel(who="p1")) == "not_org_admin"
    assert (await contest.cancel())["status"] == "canceled"
    assert (await contest.cancel())["status"] == "canceled"
    assert len(await told(place, "competition.canceled")) == 1
    assert await refused(contest.decide("w.1.1", (1, 0))) == "competition_not_active"
    rows = await contest.rows("match_disputes", "resolution")
    assert set(rows) == {"moot"}
    assert await refused(contest.start()) == "competition_not_open"
    assert await refused(contest.update(title="C")) == "competition_stands"


async def bundle(place, cid) -> dict:
    data = await place.owner.fetchval("select bundle from agon.results where cid = $1", cid)
    assert results.verify(data, KINDS, cid).ok
    return json.loads(data)


async def test_a_played_one_is_completed_with_places_result_and_prizes(place):
    await place.set_clock(NOW)
    contest = await contests.started(
        place, 5, contests.DOUBLE, settings={"disputes": {"window_s": 600}}, prize_config=PRIZES
    )
    assert await contest.complete() is None
    await contest.play()
    assert await contest.complete() is None
    await place.set_clock(NOW + timedelta(seconds=600))
    done = await contest.complete()
    assert done["status"] == "completed"
    assert await refused(contest.complete()) == "competition_not_active"
    assert await refused(contest.undo("w.1.1")) == "competition_not_active"
    found = await bundle(place, done["result_cid"])
    assert found["output"]["champion"] == wallet("p1")
    assert found["inputs"]["entrants"] == [wallet(f"p{n}") for n in range(1, 6)]
    shared = await bundle(place, done["prizes_cid"])
    assert shared["inputs"]["of"] == done["result_cid"]
    assert sum(int(each["units"]) for each in shared["output"]["prizes"]) == int(PRIZES["total"])
    rows = await contest.rows("competition_registrations", "participant")
    places = {f"p{n}": rows[wallet(f"p{n}")] for n in range(1, 6)}
    assert {name: (row["place_from"], row["place_to"]) for name, row in places.items()} == {
        "p1": (1, 1), "p2": (2, 2), "p3": (3, 3), "p4": (4, 4), "p5": (5, 5),
    }  # fmt: skip
    (event,) = await told(place, "competition.completed")
    assert event["result_cid"] == done["result_cid"] and event["org_id"] == done["org_id"]
    await contest.hold()


async def test_the_worker_completes_it_when_no_dispute_can_come(place):
    contest = await contests.started(place, 2, settings=contests.AT_ONCE)
    await contest.decide("w.1.1", (1, 0))
    await place.work()
    row = await contest.row()
    assert (row["status"], row["prizes_cid"]) == ("completed", None)


async def test_an_open_dispute_holds_up_the_end(place):
    contest = await contests.started(place, 2, settings={"disputes": {"window_s": 60}})
    await place.set_clock(NOW)
    await contest.decide("w.1.1", (1, 0))
    filed = await contest.dispute("p2", "w.1.1")
    await place.set_clock(NOW + timedelta(seconds=61))
    assert await contest.complete() is None
    await contest.resolve(filed, "dismissed")
    assert (await contest.complete())["status"] == "completed"
