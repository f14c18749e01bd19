"""Results: reported, confirmed, decided, taken back; and each row follows from the events."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

import pytest

from agon.kernel.errors import Refused
from agon.kernel.jobs import Work
from agon.leagues import boards, jobs, matches
from tests.leagues import contests
from tests.leagues.contests import key_actor, refused
from tests.organisations.walks import told
from tests.places import SERVICE, wallet

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


async def test_a_result_stands_when_the_other_side_confirms_it(place):
    contest = await contests.started(place)
    match = await contest.report("p1", "w.1.1", (2, 1))
    assert (match["status"], match["reported_by"]) == ("in_progress", wallet("p1"))
    assert match["winner"] is None
    # The same again changes nothing; the reporter may correct it; the other may not differ.
    await contest.report("p1", "w.1.1", (2, 1))
    await contest.report("p1", "w.1.1", (3, 1))
    assert await refused(contest.report("p4", "w.1.1", (0, 2))) == "reported_otherwise"
    assert await refused(contest.confirm("p1", "w.1.1")) == "own_report"
    assert await refused(contest.confirm("p2", "w.1.1")) == "not_your_participant"
    match = await contest.confirm("p4", "w.1.1")
    assert (match["status"], match["winner"]) == ("completed", wallet("p1"))
    assert (match["score_a"], match["score_b"], match["games"]) == (3, 1, [[3, 1]])
    assert match["reported"] is None
    assert await refused(contest.confirm("p4", "w.1.1")) == "match_decided"
    # Reporting the same is confirming.
    await contest.report("p3", "w.1.2", (0, 5))
    assert (await contest.report("p2", "w.1.2", (0, 5)))["status"] == "completed"
    final = await contest.match("w.2.1")
    assert final["status"] == "in_progress"
    assert {final["participant_a"], final["participant_b"]} == {wallet("p1"), wallet("p3")}
    assert await contest.events() == [
        ("w.1.1", "reported", "participant"),
        ("w.1.1", "reported", "participant"),
        ("w.1.1", "decided", "participant"),
        ("w.1.2", "reported", "participant"),
        ("w.1.2", "decided", "participant"),
    ]
    await contest.hold()
    assert len(await told(place, "match.ready")) == 3
    assert [each["match"] for each in await told(place, "match.completed")] == ["w.1.1", "w.1.2"]
    notified = await place.owner.fetch(
        "select wallet from notifications where type = 'match_reported' order by created_at"
    )
    assert {row["wallet"] for row in notified} == {wallet("p4"), wallet("p2")}


async def test_strangers_and_sides_say_only_what_is_theirs(place):
    contest = await contests.started(place)
    assert await refused(contest.report("p2", "w.1.1", (1, 0))) == "not_your_participant"
    assert await refused(contest.report("eve", "w.1.1", (1, 0))) == "not_your_participant"
    for kind in ({"kind": "double_forfeit"}, {"kind": "walkover", "winner": wallet("p4")},
                 {"kind": "forfeit", "by": wallet("p4")}):  # fmt: skip
        assert await refused(contest.report("p1", "w.1.1", **kind)) == "not_yours_to_say"
    assert await refused(contest.report("p1", "w.2.1", (1, 0))) == "not_your_participant"
    assert await refused(contest.report("ada", "w.2.1", (1, 0))) == "match_not_ready"
    assert await refused(contest.report("ada", "w.9.1", (1, 0))) == "match_unknown"
    assert await refused(contest.report("p1", "w.1.1", (1, 1))) == "draw_not_allowed"
    assert await refused(contest.report("p1", "w.1.1", (1, 0), (1, 0))) == "games_too_many"
    assert await refused(contest.report("p1", "w.1.1", scores="x")) == "result_malformed"
    assert await refused(contest.report("p1", "w.1.1", kind="won")) == "result_malformed"
    assert await contest.events() == []
    # Who gives up needs nobody's word, and a walkover does.
    own = "0x" + wallet("p1")[2:].upper()
    match = await contest.report("p1", "w.1.1", kind="forfeit", by=own)
    assert (match["status"], match["winner"]) == ("completed", wallet("p4"))
    match = await contest.report("p2", "w.1.2", kind="walkover", winner=wallet("p2"))
    assert (match["status"], match["winner"]) == ("in_progress", None)
    await contest.hold()


async def test_organisers_decide_at_once_but_not_in_their_own_match(place):
    contest = await contests.started(place, ["p1", "abe", "p2", "p3"])
    own = next(k for k, m in (await contest.rows("bracket_matches", "key")).items()
               if wallet("abe") in (m["participant_a"], m["participant_b"]))  # fmt: skip
    other = "w.1.1" if own == "w.1.2" else "w.1.2"
    # An admin who plays there reports as who plays.
    assert (await contest.report("abe", own, (5, 0)))["status"] == "in_progress"
    assert (await contest.confirm("ada", own))["status"] == "completed"
    assert await refused(contest.undo(own, who="abe")) == "own_match"
    assert (await contest.report("abe", other, kind="double_forfeit"))["status"] == "completed"
    actor = await key_actor(place, "results:write")
    assert (await contest.undo(other, who=actor))["reverted"] == [
        {"match": other, "kind": "double_forfeit"}
    ]
    assert (await contest.report(actor, other, (0, 1)))["status"] == "completed"
    poor = await key_actor(place, "competitions:write")
    assert await refused(contest.report(poor, "w.2.1", (1, 0))) == "scope_missing"
    assert await refused(contest.undo(other, who="mia")) == "not_org_admin"
    assert await refused(contest.preview(other, who="p1")) == "not_org_admin"
    assert await refused(contest.undo(other, reason=" ")) == "reason_missing"
    await contest.hold()


async def test_a_report_that_nobody_answers_stands_in_time(place):
    settings = {"results": {"auto_confirm_s": 600}}
    await place.set_clock(NOW)
    contest = await contests.started(place, 2, settings=settings)
    work = Work(database=place.database, runtime=place.runtime)
    match = await contest.report("p1", "w.1.1", (2, 0))
    assert datetime.fromisoformat(match["confirm_by"]) == NOW + timedelta(minutes=10)
    await place.set_clock(NOW + timedelta(minutes=9))
    await jobs.advance_due(work, {})
    assert (await contest.match("w.1.1"))["status"] == "in_progress"
    await place.set_clock(NOW + timedelta(minutes=10))
    await jobs.advance_due(work, {})
    assert (await contest.match("w.1.1"))["winner"] == wallet("p1")
    assert (await contest.events())[-1] == ("w.1.1", "decided", "engine")
    await jobs.advance_due(work, {})
    assert len(await contest.events()) == 2


async def test_without_confirmation_a_participants_word_stands(place):
    contest = await contests.started(place, 2, settings={"results": {"confirm": False}})
    assert (await contest.report("p2", "w.1.1", (0, 2)))["winner"] == wallet("p2")


async def test_an_undo_takes_back_what_came_of_it_and_tells_so_before(place):
    contest = await contests.started(place, 4, contests.DOUBLE)
    before = await contest.rows("bracket_matches", "key")
    for key, game in (("w.1.1", (1, 0)), ("w.1.2", (1, 0)), ("w.2.1", (0, 1)), ("l.1.1", (1, 0))):
        await contest.decide(key, game)
    played = await contest.rows("bracket_matches", "key")
    preview = await contest.preview("w.1.1")
    assert [each["match"] for each in preview["reverted"]] == ["w.1.1", "w.2.1", "l.1.1"]
    assert await contest.rows("bracket_matches", "key") == played
    assert (await contest.undo("w.1.1"))["reverted"] == preview["reverted"]
    await contest.hold()
    assert await refused(contest.undo("w.1.1")) == "match_open"
    assert [each["match"] for each in await told(place, "match.reverted")] == [
        "w.1.1", "w.2.1", "l.1.1",
    ]  # fmt: skip
    for report in preview["reverted"]:
        await contest.decide(report["match"], *(tuple(game) for game in report["scores"]))
    await contest.hold()
    again = await contest.rows("bracket_matches", "key")
    times = ("completed_at", "ready_at")
    assert [{k: v for k, v in row.items() if k not in times} for row in again.values()] == [
        {k: v for k, v in row.items() if k not in times} for row in played.values()
    ]
    for key in ("w.1.2", "w.1.1"):
        await contest.undo(key)
    left = await contest.rows("bracket_matches", "key")
    assert {key: row["status"] for key, row in left.items()} == {
        key: row["status"] for key, row in before.items()
    }
    # Nothing was edited: each result and each undo stands in the log.
    log = [event for _, event, _ in await contest.events()]
    assert log.count("decided") == 7 and log.count("reverted") == 7


async def test_who_is_disqualified_loses_all_to_come_until_it_is_undone(place):
    contest = await contests.started(place, 4, contests.DOUBLE)
    await contest.decide("w.1.1", (1, 0))
    assert await refused(contest.disqualify("p1", who="p4")) == "not_org_admin"
    assert await refused(contest.disqualify("p1", reason=None)) == "reason_missing"
    assert await refused(contest.withdraw("p1", who="p4")) == "not_your_participant"
    assert (await contest.disqualify("p1"))["status"] == "disqualified"
    assert (await contest.disqualify("p1"))["status"] == "disqualified"
    await contest.withdraw("p4")
    await contest.hold()
    assert (await contest.states())["p4"] == "withdrawn"
    await contest.decide("w.1.2", (1, 0))
    assert (await contest.match("w.2.1"))["result_kind"] == "disqualified"
    reverted = (await contest.undo("w.2.1"))["reverted"]
    assert {"kind": "disqualified", "by": wallet("p1")} in reverted
    assert (await contest.states())["p1"] == "registered"
    assert (await contest.match("w.2.1"))["status"] == "in_progress"
    await contest.hold()


@pytest.mark.parametrize(
    "format", [contests.DOUBLE, contests.SWISS, contests.GROUPS], ids=lambda f: f["kind"]
)
async def test_rows_are_always_those_of_the_events(place, format):
    chance = random.Random(7)
    contest = await contests.started(place, 7, format)
    for step in range(45):
        rows = (await contest.rows("bracket_matches", "key")).values()
        ready = [row["key"] for row in rows if row["status"] == "in_progress"]
        decided = [row["key"] for row in rows if row["result_kind"]]
        if decided and (chance.random() < 0.2 or not ready):
            await contest.undo(chance.choice(decided))
        elif step == 9:
            await contest.disqualify("p3")
        elif ready:
            await contest.decide(chance.choice(ready), chance.choice([(1, 0), (0, 1)]))
        if step % 9 == 0:
            boards._remembered.clear()  # as another process would find it
        if step % 5 == 0:
            await contest.hold()
    await contest.hold()


async def test_results_of_many_at_once_all_count(place):
    contest = await contests.started(place, 16, contests.DOUBLE)
    keys = [f"w.1.{n}" for n in range(1, 9)]
    await asyncio.gather(*(contest.decide(key, (1, 0)) for key in keys))
    rows = await contest.rows("bracket_matches", "key")
    assert {rows[key]["status"] for key in keys} == {"completed"}
    # The same match, decided twice at once, is decided once.
    answers = await asyncio.gather(
        contest.decide("w.2.1", (1, 0)), contest.decide("w.2.1", (0, 1)), return_exceptions=True
    )
    assert sorted(isinstance(answer, Refused) for answer in answers) == [False, True]
    await contest.hold()


async def test_what_another_process_did_is_seen(place):
    contest = await contests.started(place, 4)
    await contest.decide("w.1.1", (1, 0))
    mine = boards._remembered[contest.id]
    boards._remembered.clear()
    await contest.decide("w.1.2", (1, 0))
    boards._remembered[contest.id] = mine
    assert (await contest.decide("w.2.1", (0, 1)))["status"] == "completed"
    boards._remembered.clear()
    await contest.undo("w.1.2")
    boards._remembered[contest.id] = mine
    await contest.decide("w.1.2", (0, 1))
    await contest.hold()


async def test_games_of_a_best_of_n_are_kept_and_a_draw_only_where_it_may_be(place):
    form = {"version": 1, "kind": "round_robin", "best_of": {"default": 3}}
    contest = await contests.started(place, 2, form)
    assert await refused(contest.decide("g1.1.1", (1, 0))) == "games_undecided"
    match = await contest.decide("g1.1.1", (1, 0), (0, 2), (1, 1))
    assert (match["score_a"], match["score_b"], match["winner"]) == (1, 1, None)
    assert match["games"] == [[1, 0], [0, 2], [1, 1]] and match["best_of"] == 3


async def finalized(place, challenge_id, **verdicts):
    """A challenge ends with verdicts: name=(passed, score)."""
    for name, (passed, score) in verdicts.items():
        await place.owner.execute(
            "select agon.emit('verdict.recorded', $1, $2)",
            str(challenge_id),
            {"challenge_id": challenge_id, "subject": wallet(name), "pass": passed, "score": score},
        )
    await place.owner.execute(
        "select agon.emit('challenge.finalized', $1, $2)",
        str(challenge_id), {"challenge_id": challenge_id},
    )  # fmt: skip


async def schedule(place, contest, key, who="ada", **changes):
    async with place.database.as_caller(contest.by(who)) as conn:
        return await matches.schedule(conn, contest.id, key, changes)


async def test_a_challenge_decides_its_match(place):
    form = {"version": 1, "kind": "single_elimination", "best_of": {"default": 3}}
    contest = await contests.started(place, 8, form)
    for number in range(1, 5):
        await schedule(place, contest, f"w.1.{number}", challenge_id=number)
    assert await refused(schedule(place, contest, "w.1.1", who="p1", challenge_id=9)) == (
        "not_org_admin"
    )
    names = {wallet(name): name for name in contest.players}
    sides = [
        (names[m["participant_a"]], names[m["participant_b"]])
        for m in [await contest.match(f"w.1.{n}") for n in range(1, 5)]
    ]
    await finalized(place, 1, **{sides[0][0]: (False, "9"), sides[0][1]: (True, None)})
    await finalized(place, 2, **{sides[1][0]: (True, "10.5"), sides[1][1]: (True, "10.25")})
    await finalized(place, 3, **{sides[2][0]: (True, "1"), sides[2][1]: (True, "1.0")})
    await finalized(place, 4)
    await place.work()  # reads that they are over
    await place.work()
    rows = await contest.rows("bracket_matches", "key")
    assert rows["w.1.1"]["winner"] == wallet(sides[0][1])
    assert rows["w.1.1"]["games"] == [[0, 1], [0, 1]]
    assert rows["w.1.2"]["winner"] == wallet(sides[1][0])
    assert {rows[f"w.1.{n}"]["status"] for n in (3, 4)} == {"in_progress"}
    assert sorted(e for e in await contest.events() if e[1] == "undecided") == [
        ("w.1.3", "undecided", "engine"), ("w.1.4", "undecided", "engine"),
    ]  # fmt: skip
    # One that was over before its match was ready decides it then.
    await finalized(place, 5, **{sides[1][0]: (True, "1")})
    await schedule(place, contest, "w.2.1", challenge_id=5)
    await place.work()
    assert (await contest.match("w.2.1"))["winner"] == wallet(sides[1][0])
    await contest.hold()


async def test_the_service_decides_as_an_organiser(place):
    contest = await contests.started(place, 2)
    assert (await contest.report(SERVICE, "w.1.1", (1, 0)))["status"] == "completed"
    assert (await contest.events())[-1] == ("w.1.1", "decided", "organiser")
