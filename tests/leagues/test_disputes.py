"""Disputes: filed in time by who played, hold up what depends on them, decided by organisers."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agon.kernel.jobs import Work
from agon.leagues import jobs
from tests.leagues import contests
from tests.leagues.contests import key_actor, refused
from tests.organisations.walks import told
from tests.places import wallet

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
WINDOW_S = 600
OPEN = {"disputes": {"window_s": WINDOW_S}}


@pytest.fixture
async def cup(place):
    """Eight players; w.1.1 was won by p1, and w.1.2 by p4, at NOW."""
    await place.set_clock(NOW)
    contest = await contests.started(place, 8, contests.DOUBLE, settings=OPEN)
    await contest.decide("w.1.1", (1, 0))
    await contest.decide("w.1.2", (1, 0))
    return contest


async def test_a_dispute_is_filed_in_time_by_who_played(cup):
    place = cup.place
    assert await refused(cup.dispute("p2", "w.1.1")) == "not_in_match"
    assert await refused(cup.dispute("ada", "w.1.1")) == "not_in_match"
    assert await refused(cup.dispute("p3", "w.1.4")) == "not_disputable"
    assert await refused(cup.dispute("p8", "w.1.1", reason="")) == "reason_missing"
    await place.set_clock(NOW + timedelta(seconds=WINDOW_S))
    assert await refused(cup.dispute("p8", "w.1.1")) == "not_disputable"
    await place.set_clock(NOW + timedelta(seconds=WINDOW_S - 1))
    link = "ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    filed = await cup.dispute("p8", "w.1.1", evidence_url=link)
    assert (filed["status"], filed["filed_by"]) == ("open", wallet("p8"))
    assert await cup.dispute("p8", "w.1.1") == filed
    assert await refused(cup.dispute("p1", "w.1.1")) == "not_disputable"
    assert (await cup.match("w.1.1"))["status"] == "disputed"
    await cup.hold()
    assert [each["match"] for each in await told(place, "match.disputed")] == ["w.1.1"]
    assert len(await told(place, "dispute.filed")) == 1
    assert (await cup.events())[-1] == ("w.1.1", "disputed", "participant")


async def test_what_depends_on_a_dispute_waits_for_it(cup):
    await cup.decide("w.2.1", (1, 0))
    for key in ("w.1.3", "w.1.4", "w.2.2"):
        await cup.decide(key, (1, 0))
    await cup.dispute("p8", "w.1.1")
    # Of w.1.1 come w.2.1, which was played, and from it the final; and l.1.1.
    for key in ("l.1.1", "w.3.1"):
        assert await refused(cup.decide(key, (1, 0))) == "match_blocked"
    assert (await cup.decide("l.1.2", (1, 0)))["status"] == "completed"
    assert await refused(cup.decide("w.1.1", (1, 0))) == "match_disputed"
    assert await refused(cup.undo("w.1.1", who="p1")) == "not_org_admin"
    # An undo of what came before closes the dispute, which has nothing left to decide on.
    await cup.undo("w.1.1")
    rows = await cup.rows("match_disputes", "id")
    assert [(row["status"], row["resolution"]) for row in rows.values()] == [("resolved", "moot")]
    await cup.decide("w.1.1", (1, 0))
    await cup.hold()


async def test_organisers_who_do_not_play_decide_with_a_note(cup):
    place = cup.place
    filed = await cup.dispute("p8", "w.1.1")
    assert await refused(cup.resolve(filed, "upheld", who="p1")) == "not_org_admin"
    assert await refused(cup.resolve(filed, "upheld", who="eve")) == "not_org_admin"
    poor = await key_actor(place, "results:write")
    assert await refused(cup.resolve(filed, "upheld", who=poor)) == "scope_missing"
    assert await refused(cup.resolve(filed, "upheld", note="")) == "reason_missing"
    assert await refused(cup.resolve(filed, "forgotten")) == "resolution_unknown"
    assert await refused(cup.resolve(filed, "overturned")) == "resolution_result"
    assert await refused(cup.resolve(filed, "upheld", result={"scores": [[0, 1]]})) == (
        "resolution_result"
    )
    other = await contests.started(place, 2)
    assert await refused(other.resolve(filed, "upheld")) == "dispute_unknown"
    ended = await cup.resolve(filed, "upheld")
    assert (ended["status"], ended["resolution"]) == ("resolved", "upheld")
    assert ended["resolved_by"] == wallet("ada")
    assert await cup.resolve(filed, "upheld") == ended
    assert await refused(cup.resolve(filed, "dismissed")) == "dispute_over"
    assert (await cup.match("w.1.1"))["status"] == "completed"
    assert await refused(cup.dispute("p8", "w.1.1")) == "disputed_before"
    told_to = await place.owner.fetchval(
        "select wallet from notifications where type = 'dispute_resolved'"
    )
    assert told_to == wallet("p8")
    # The other side may still dispute it.
    await cup.resolve(await cup.dispute("p1", "w.1.1"), "dismissed")
    assert len(await told(place, "dispute.dismissed")) == 1
    await cup.hold()


async def test_a_match_is_replayed_or_overturned_with_all_that_came_of_it(cup):
    await cup.decide("w.2.1", (1, 0))
    key = await key_actor(cup.place, "disputes:write")
    await cup.resolve(await cup.dispute("p8", "w.1.1"), "replayed", who=key)
    rows = await cup.rows("bracket_matches", "key")
    assert (rows["w.1.1"]["status"], rows["w.2.1"]["status"]) == ("in_progress", "pending")
    await cup.hold()
    await cup.decide("w.1.1", (1, 0))
    await cup.decide("w.2.1", (1, 0))
    filed = await cup.dispute("p8", "w.1.1")
    assert await refused(cup.resolve(filed, "overturned", result={"scores": [[1, 1]]})) == (
        "draw_not_allowed"
    )
    await cup.resolve(filed, "overturned", result={"scores": [[1, 3]]})
    rows = await cup.rows("bracket_matches", "key")
    assert rows["w.1.1"]["winner"] == wallet("p8")
    assert wallet("p8") in (rows["w.2.1"]["participant_a"], rows["w.2.1"]["participant_b"])
    assert rows["w.2.1"]["status"] == "in_progress"
    await cup.hold()
    assert [event for _, event, _ in await cup.events()][-5:] == [
        "disputed", "overturned", "reverted", "reverted", "decided",
    ]  # fmt: skip
    # What was said in a dispute stands in the dispute alone.
    said = await cup.place.owner.fetchval("select string_agg(data::text, ' ') from match_events")
    assert "We have looked" not in said and "cheated" not in said


@pytest.mark.parametrize(
    ("resolution", "status", "winner"),
    [
        ("upheld", "completed", "p1"),
        ("replayed", "in_progress", None),
        ("overturned", "completed", "p2"),
        ("dismissed", "in_progress", None),
    ],
)
async def test_a_report_is_disputed_before_it_stands(place, resolution, status, winner):
    await place.set_clock(NOW)
    settings = {**OPEN, "results": {"auto_confirm_s": 60}}
    contest = await contests.started(place, 2, settings=settings)
    await contest.report("p1", "w.1.1", (2, 0))
    filed = await contest.dispute("p2", "w.1.1")
    await place.set_clock(NOW + timedelta(seconds=61))
    work = Work(database=place.database, runtime=place.runtime)
    await jobs.advance_due(work, {})  # a disputed report does not stand by itself
    assert (await contest.match("w.1.1"))["status"] == "disputed"
    assert await refused(contest.confirm("ada", "w.1.1")) == "match_disputed"
    more = {"result": {"scores": [[0, 2]]}} if resolution == "overturned" else {}
    await contest.resolve(filed, resolution, **more)
    match = await contest.match("w.1.1")
    assert (match["status"], match["winner"]) == (status, winner and wallet(winner))
    assert (match["reported"] is not None) == (resolution == "dismissed")
    await contest.hold()
    if resolution == "dismissed":
        await jobs.advance_due(work, {})
        assert (await contest.match("w.1.1"))["winner"] == wallet("p1")


async def test_an_admin_decides_nothing_in_an_own_match(place):
    await place.set_clock(NOW)
    contest = await contests.started(place, ["abe", "p1"], settings=OPEN)
    await contest.decide("w.1.1", (1, 0))
    filed = await contest.dispute("p1", "w.1.1")
    assert await refused(contest.resolve(filed, "dismissed", who="abe")) == "own_match"
    await contest.resolve(filed, "dismissed", who="ada")
