"""Competitions over challenges: verdicts count as they come, as they change, and in a season."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

from agon.kernel.database import ENGINE
from agon.kernel.jobs import Work
from agon.leagues import competitions, leaderboards, season_jobs, teams
from tests.leagues import contests
from tests.leagues.contests import refused
from tests.leagues.seasons import begun
from tests.organisations.walks import acme
from tests.places import wallet

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


async def verdict(place, challenge, name, passed, score=None, tell=True):
    """The event of a verdict, as challenges emits it; told: leagues hears of it."""
    payload = {"challenge_id": challenge, "subject": wallet(name), "pass": passed, "score": score,
               "result_cid": None}  # fmt: skip
    event = await place.owner.fetchval(
        "select agon.emit('verdict.recorded', $1, $2)", str(challenge), payload
    )
    if tell:
        await place.owner.execute("select agon.note_verdict($1)", event)
    return event


async def over(place, challenge, how="finalized"):
    await place.owner.execute(
        "select agon.emit($1, $2, $3)", f"challenge.{how}", str(challenge),
        {"challenge_id": challenge},
    )  # fmt: skip


async def board(season, contest):
    """(name, score, passed, failed), the first first, once all is counted."""
    await season.settle()
    names = {wallet(name): name for name in contest.players}
    async with contest.place.database.as_caller(contest.by("eve")) as conn:
        rows = await leaderboards.shown(conn, contest.id, 1, None, 100)
    return [
        (
            names.get(row["participant"], row["participant"]),
            row["score"],
            row["passed"],
            row["failed"],
        )
        for row in rows
    ]


async def contest_of(place, players=3, challenges=(11, 12), **more):
    return await contests.started(
        place, players, None, type="challenge", challenge_ids=list(challenges), **more
    )


async def test_verdicts_count_as_they_come_and_change(place):
    season = await begun(place)
    # One that was there before the start counts, too.
    await verdict(place, 11, "p1", True, 5)
    contest = await contest_of(place)
    await season.add(contest, "2")
    assert await board(season, contest) == [("p1", "1", 1, 0)]
    older = await verdict(place, 12, "p1", False)
    await verdict(place, 11, "p2", True, 7.5)
    await verdict(place, 12, "p2", True)
    await verdict(place, 11, "eve", True)  # takes no part
    await verdict(place, 99, "p3", True)  # no challenge of this
    assert await board(season, contest) == [("p2", "2", 2, 0), ("p1", "1", 1, 1)]
    # Passed is a win, failed a loss: 3 points a win, weight 2.
    assert await season.table() == [("p2", "12"), ("p1", "6"), ("p3", "0")]
    # A verdict that changes counts in place of what it was.
    await verdict(place, 12, "p2", False)
    await verdict(place, 12, "p1", True)
    await verdict(place, 11, "p2", False)
    assert await board(season, contest) == [("p1", "2", 2, 0)]
    assert await season.table() == [("p1", "12"), ("p3", "0"), ("p2", "0")]
    scores = await place.owner.fetchval("select count(*) from leaderboard_scores")
    assert scores == 4
    # Heard twice, or after a newer one: nothing changes.
    before = await place.owner.fetch("select id, turn from leaderboard_scores order by id")
    for event in (older, older + 1):
        await place.owner.execute("select agon.note_verdict($1)", event)
    assert await place.owner.fetch("select id, turn from leaderboard_scores order by id") == before
    await season.hold()


async def test_the_worker_hears_verdicts(place):
    contest = await contest_of(place, 2)
    await verdict(place, 11, "p2", True, tell=False)
    for _ in range(2):
        await place.work()
    rows = await place.owner.fetch("select participant from leaderboard_entries")
    assert [row["participant"] for row in rows] == [wallet("p2")]
    rank = await place.owner.fetchval("select agon.rank_of($1, $2)", contest.id, wallet("p2"))
    assert rank == 1


async def test_scores_beyond_all_bounds_count_nothing_and_stop_nobody(place):
    season = await begun(place)
    contest = await contest_of(place, 2, rules={"scoring": {"count": "scores"}})
    await verdict(place, 11, "p1", True, 10**30)
    await verdict(place, 11, "p2", True, 0.0000014)
    await verdict(place, 12, "p2", True, -1)
    season.contests.append(contest)
    assert await board(season, contest) == [("p1", "0", 1, 0), ("p2", "-0.999999", 2, 0)]


async def test_a_competition_ends_when_its_challenges_are_over(place):
    await place.set_clock(NOW)
    season = await begun(place)
    contest = await contest_of(place, ends_at=(NOW + timedelta(hours=1)).isoformat())
    await season.add(contest)
    await verdict(place, 11, "p1", True)
    await verdict(place, 11, "p2", True)
    await over(place, 11)
    await over(place, 12, "canceled")
    work = Work(database=place.database, runtime=place.runtime)
    await season_jobs.complete_due(work, {})
    assert (await contest.row())["status"] == "active"
    await place.set_clock(NOW + timedelta(hours=1))
    # A verdict that nobody heard of yet still counts.
    await verdict(place, 12, "p2", True, tell=False)
    await season_jobs.complete_due(work, {})
    row = await contest.row()
    assert (row["status"], row["prizes_cid"]) == ("completed", None)
    await season.end(contest)
    output = await season.hold()
    assert [(each["wins"], each["titles"], each["podiums"]) for each in output] == [
        (2, 1, 1), (1, 0, 1), (0, 0, 0),
    ]  # fmt: skip
    # What comes later changes nothing.
    await verdict(place, 12, "p3", True)
    assert (await board(season, contest))[0][0] == "p2"
    assert await season.hold() == output


async def test_open_challenges_keep_it_going_unless_the_organiser_ends_it(place):
    contest = await contest_of(place)
    await over(place, 11)
    act = leaderboards.complete
    assert await act(place.database, ENGINE, contest.id, by_itself=True) is None
    assert await refused(act(place.database, contest.by("mia"), contest.id)) == "not_org_admin"
    ended = await act(place.database, contest.by("ada"), contest.id)
    assert ended["status"] == "completed"


async def test_a_team_s_verdicts_count_for_its_roster_at_the_start(place):
    await acme(place)
    for name in ("cap", "two", "late"):
        await place.own(name)
    async with place.database.as_caller(place.actor("ada")) as conn:
        team = await teams.create(conn, "acme", {"name": "Reds", "captain": wallet("ada")})

    async def join(name, role="player"):
        await place.owner.execute(
            "insert into team_roster (team_id, wallet, role) values ($1, $2, $3)",
            team["id"], wallet(name), role,
        )  # fmt: skip

    await place.owner.execute("delete from team_roster")
    await join("cap", "captain")
    await join("two")
    contest = await contests.opened(
        place, [], None, type="challenge", challenge_ids=[11], settings={"entrants": "teams"}
    )
    await contest.register("cap", team_id=team["id"])
    await contest.start()
    await join("late")
    season = await begun(place)
    await season.add(contest)
    for name in ("cap", "two", "late"):
        await verdict(place, 11, name, True)
    assert await board(season, contest) == [(team["id"], "2", 2, 0)]
    rows = {row["wallet"]: row["wins"] for row in await season.standings()}
    assert rows == {wallet("cap"): 2, wallet("two"): 2}
    await season.hold()


async def test_standings_do_not_depend_on_the_order_of_verdicts(place):
    rng = random.Random(8)
    season = await begun(place)
    one, two = [await contest_of(place, 6, (11, 12, 13)) for _ in range(2)]
    await season.add(one)
    await season.add(two, "0.5")
    last = {}
    for _ in range(60):
        challenge, name = rng.choice((11, 12, 13)), f"p{rng.randint(1, 6)}"
        last[challenge, name] = (rng.random() < 0.6, rng.randint(0, 5))
        await verdict(place, challenge, name, *last[challenge, name])
        if rng.random() < 0.2:
            await season.settle()
    once = await board(season, one)
    assert await board(season, two) == once
    output = await season.hold()
    # The last of each alone, in another order, is the same.
    again = await contest_of(place, 6, (21, 22, 23))
    some = list(last.items())
    rng.shuffle(some)
    for (challenge, name), (passed, score) in some:
        await verdict(place, challenge + 10, name, passed, score)
    assert await board(season, one) == once
    await season.add(again)
    await season.remove(one)
    season.contests.append(again)
    assert await board(season, again) == once
    assert await season.hold() == output


async def test_nothing_is_scored_before_the_start_or_after_a_cancel(place):
    contest = await contests.opened(place, 2, None, type="challenge", challenge_ids=[11])
    await verdict(place, 11, "p1", True)
    assert await place.owner.fetchval("select count(*) from leaderboard_scores") == 0
    await contest.cancel()
    await verdict(place, 11, "p2", True)
    assert await place.owner.fetchval("select count(*) from leaderboard_scores") == 0
    key = await contests.key_actor(place, "results:write")
    act = leaderboards.complete(place.database, key, contest.id)
    assert await refused(act) == "competition_not_active"


async def test_a_verdict_beside_the_start_is_not_missed(place):
    contest = await contests.opened(place, 2, None, type="challenge", challenge_ids=[11])
    async with place.database.as_worker(contest.by("ada")) as conn:
        await competitions.start(conn, contest.id)
        # The start has looked, and is not over: who hears of the verdict now waits for it.
        heard = asyncio.create_task(verdict(place, 11, "p1", True))
        await asyncio.sleep(0.1)
        assert not heard.done()
    await heard
    assert await place.owner.fetchval("select count(*) from leaderboard_scores") == 1
