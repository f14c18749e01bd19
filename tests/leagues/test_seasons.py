"""Seasons: standings follow from results, whenever and in whatever order they came in."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

import pytest

from agon.kernel import results
from agon.kernel.errors import Refused
from agon.leagues import counting, scoring, seasons
from tests.leagues import contests
from tests.leagues.contests import AT_ONCE, DOUBLE, GROUPS, SINGLE, SWISS, key_actor, refused
from tests.leagues.seasons import begun
from tests.organisations.walks import found, told
from tests.places import SERVICE, wallet

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


async def test_a_season_counts_results_as_they_come(place):
    season = await begun(place)
    contest = await contests.started(place)
    await season.add(contest, "1.5")
    await season.settle()
    # Who takes part has a row before anything was played.
    assert {points for _, points in await season.table()} == {"0"}
    await contest.decide("w.1.1", (2, 1))
    await season.settle()
    assert (await season.table())[0] == ("p1", "4.5")
    await contest.decide("w.1.2", (0, 1))
    await contest.decide("w.2.1", (1, 0))
    await season.settle()
    assert (await season.table())[:2] == [("p1", "9"), ("p3", "4.5")]
    # Taken back in cascade; only what changed is counted anew.
    await contest.undo("w.1.1")
    stale = await place.owner.fetch("select distinct participant from agon.stale_records")
    assert {row["participant"] for row in stale} == {wallet("p1"), wallet("p3"), wallet("p4")}
    await season.settle()
    assert (await season.table())[0] == ("p3", "4.5")
    await contest.decide("w.1.1", (0, 1))
    await season.settle()
    # A disputed result does not count, and does again when it is upheld.
    dispute = await contest.dispute("p1", "w.1.1")
    await season.settle()
    assert dict(await season.table())["p4"] == "0"
    await contest.resolve(dispute, "upheld")
    await season.settle()
    assert dict(await season.table())["p4"] == "4.5"
    output = await season.hold()
    assert [row["rank"] for row in output] == [1, 2, 3, 4]
    # Another weight, and another way to score.
    await season.add(contest, "0.25")
    await season.settle()
    assert dict(await season.table())["p4"] == "0.75"
    await season.update(scoring_config={"win": 8, "entry": 1})
    await season.settle()
    assert dict(await season.table()) == {"p4": "2.25", "p3": "2.25", "p1": "0.25", "p2": "0.25"}
    await season.hold()
    assert await season.remove(contest)
    assert not await season.remove(contest)
    await season.settle()
    assert await season.standings() == []
    assert await place.owner.fetchval("select count(*) from agon.ranks") == 0


async def test_a_canceled_competition_counts_nothing(place):
    season = await begun(place)
    kept, broken = [await contests.started(place, 2) for _ in range(2)]
    for contest in (kept, broken):
        await season.add(contest)
        await contest.decide("w.1.1", (1, 0))
    await season.settle()
    assert (await season.table())[0] == ("p1", "6")
    await broken.cancel()
    await season.settle()
    assert (await season.table())[0] == ("p1", "3")
    assert (await season.hold())[0]["entered"] == 1


async def played_at_random(place, season, contest, rng) -> None:
    """Results in some order, some taken back, some counted at once, until all is decided."""
    undone = 0
    while True:
        rows = (await contest.rows("bracket_matches", "key")).values()
        ready = [row["key"] for row in rows if row["status"] == "in_progress"]
        decided = [
            row["key"] for row in rows if row["result_kind"] and row["status"] == "completed"
        ]
        if decided and undone < 4 and rng.random() < 0.2:
            undone += 1
            await contest.undo(rng.choice(decided))
        elif ready:
            key = rng.choice(ready)
            if rng.random() < 0.15:
                await contest.decide(key, kind="double_forfeit")
            else:
                await contest.decide(key, rng.choice([(1, 0), (0, 1)]))
        else:
            return
        if rng.random() < 0.3:
            await season.settle()


async def test_counting_as_it_comes_equals_counting_it_all(place):
    rng = random.Random(5)
    season = await begun(place, scoring_config={"ratings": True, "loss": -1, "entry": 2,
        "placement": [{"from": 1, "to": 2, "points": 20}, {"from": 3, "to": 8, "points": 5}],
        "tie_breakers": ["titles", "rating", "losses"]})  # fmt: skip
    for size, format in ((6, DOUBLE), (5, SWISS), (8, GROUPS), (7, SINGLE)):
        contest = await contests.started(place, size, format, settings=AT_ONCE)
        await season.add(contest, rng.choice(["1", "0.3", "2.5"]))
        await played_at_random(place, season, contest, rng)
        await season.settle()
        await season.hold()
        if format is not SWISS:  # one stays open until the end
            await contest.complete()
            await season.end(contest)
            assert (await season.hold())[0]["rating"]["matches"]
    await season.contests[1].complete()
    await season.settle()
    await season.hold()
    assert await seasons.recount(place.database, season.id) == 0
    await season.hold()


async def test_workers_side_by_side_count_as_one(place):
    season = await begun(place)
    some = [await contests.started(place, 8) for _ in range(3)]
    for contest in some:
        await season.add(contest)

    async def play(contest):
        for key in ("w.1.1", "w.1.2", "w.1.3", "w.1.4", "w.2.1", "w.2.2", "w.3.1"):
            await contest.decide(key, (1, 0))
            await asyncio.gather(
                counting.count(place.database, contest.id),
                counting.stand(place.database, season.id),
            )

    await asyncio.gather(*(play(contest) for contest in some))
    await season.settle()
    assert (await season.table())[0] == ("p1", "27")
    await season.hold()


async def test_a_season_ends_once_with_a_bundle_that_recomputes(place):
    await place.set_clock(NOW)
    season = await begun(place)
    contest = await contests.started(place, 4, settings=AT_ONCE)
    await season.add(contest)
    assert await refused(season.complete()) == "season_not_over"
    first = await season.snapshot()
    assert first["result_cid"]
    await contest.play()
    # At most once a minute on demand; the end of a competition makes one in any case.
    assert (await season.snapshot())["result_cid"] == first["result_cid"]
    await place.set_clock(NOW + timedelta(minutes=1))
    second = await season.snapshot()
    assert second["result_cid"] != first["result_cid"]
    await contest.complete()
    await season.end(contest)
    third = await season.row()
    assert third["result_cid"] != second["result_cid"]
    # With results that nobody has counted yet.
    ended = await season.complete()
    assert (ended["status"], ended["result_cid"]) == ("completed", third["result_cid"])
    assert await season.complete() == ended
    output = await season.hold()
    data = await place.owner.fetchval(
        "select bundle from agon.results where cid = $1", ended["result_cid"]
    )
    kinds = {(scoring.KIND.name, scoring.KIND.version): scoring.KIND}
    assert results.verify(data, kinds, ended["result_cid"]).ok
    document = results.load(data)
    assert document["output"]["standings"] == output
    of = document["inputs"]["competitions"][0]["of"]
    assert of == (await contest.row())["result_cid"]
    assert output[0]["titles"] == 1
    # What stands stands.
    for act in (season.add(contest), season.remove(contest), season.update(name="x")):
        assert await refused(act) == "season_completed"
    assert await seasons.recount(place.database, season.id) == 0
    assert (await season.snapshot())["result_cid"] == ended["result_cid"]


async def test_a_season_is_its_organisers_alone(place):
    season = await begun(place)
    contest = await contests.started(place, 2)
    for who in ("eve", "mia", "p1"):
        acts = (
            season.add(contest, who=who), season.update(who, name="x"), season.snapshot(who),
            season.complete(who), season.remove(contest, who),
        )  # fmt: skip
        assert {await refused(act) for act in acts} == {"not_org_admin"}
    poor = await key_actor(place, "competitions:write")
    assert await refused(season.add(contest, who=poor)) == "scope_missing"
    rich = await key_actor(place, "seasons:write")
    assert (await season.add(contest, "2.50", who=rich))["weight"] == "2.5"
    for weight in ("-1", "1001", "0.00001", "x", "", "1e3"):
        assert await refused(season.add(contest, weight)) == "weight_malformed"
    # No season counts another organisation's competition.
    await found(place, "other", "eve")
    async with place.database.as_worker(place.actor("eve")) as conn:
        theirs = await seasons.create(conn, "other", {"name": "Theirs"})
    with pytest.raises(Refused, match="competition_of_another"):
        async with place.database.as_caller(SERVICE) as conn:
            await seasons.add(conn, theirs["id"], contest.id, "1")
    for more, code in (
        ({"points": 1}, "field_unknown"),
        ({"scoring_config": {"win": 1.5}}, "scoring_malformed"),
    ):
        assert await refused(begun(place, **more)) == code
    # Nobody writes a standing by hand.
    for role in ("eve", "ada"):
        with pytest.raises(Exception, match="permission denied"):
            async with place.database.as_caller(place.actor(role)) as conn:
                await conn.execute("update season_standings set points = 100")


async def test_changes_are_told_once_a_minute(place):
    await place.set_clock(NOW)
    season = await begun(place)
    contest = await contests.started(place, 4)
    await season.add(contest)
    tell = "select agon.tell_standings()"
    assert await place.owner.fetchval(tell) == 0
    await season.settle()
    assert await place.owner.fetchval(tell) == 1
    await contest.decide("w.1.1", (1, 0))
    await season.settle()
    assert await place.owner.fetchval(tell) == 0
    await place.set_clock(NOW + timedelta(minutes=1))
    assert [await place.owner.fetchval(tell) for _ in range(2)] == [1, 0]
    events = await told(place, "standings.updated")
    assert [event["season_id"] for event in events] == [str(season.id)] * 2
    assert events[0]["org_id"]


async def test_the_worker_does_all_of_it(place):
    season = await begun(place)
    contest = await contests.started(place, 2, settings=AT_ONCE, prize_config={
        "version": 1, "currency": "EUR-cent", "total": "1000",
        "shares": [{"from": 1, "to": 1, "bps": 10000}]})  # fmt: skip
    await season.add(contest)
    await contest.decide("w.1.1", (1, 0))
    await contest.complete()
    for _ in range(3):
        await place.work()
    assert (await season.table())[0] == ("p1", "3")
    assert (await season.row())["result_cid"]
    assert (await told(place, "prizes.awarded"))[0]["prizes_cid"]
    await season.hold()
    assert (await season.complete("ada"))["status"] == "completed"
