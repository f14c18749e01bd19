"""Leaderboards: scores that organisers post and take back, the order, the end and its prizes."""

from __future__ import annotations

import itertools
import random
import uuid
from datetime import datetime, timedelta

import pytest

from agon.kernel import results
from agon.kernel.errors import Refused
from agon.leagues import counting, leaderboard, leaderboards, prizes
from tests.leagues import contests
from tests.leagues.contests import ORGANISER, key_actor, refused
from tests.organisations.walks import acme, told
from tests.places import SERVICE, wallet

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
A, B, C = (wallet(name) for name in "abc")
PRIZES = {
    "version": 1,
    "currency": "wei",
    "total": "1001",
    "shares": [{"from": 1, "to": 1, "bps": 6000}, {"from": 2, "to": 3, "bps": 4000}],
}


def entrant(name, *scores, wallets=None):
    """scores: (wallet, score or None, pass)."""
    return {
        "participant": name, "wallets": wallets or [name],
        "scores": [
            {"wallet": own, "challenge": None, "pass": passed, "score": score, "of": None}
            for own, score, passed in scores
        ],
    }  # fmt: skip


def placed(type, entrants, **rules):
    """(entrant, from, to, score), the first first."""
    inputs = {"competition": "c", "type": type, "entrants": entrants}
    output = leaderboard.recompute(inputs, rules)
    scores = {each["entrant"]: each["score"] for each in output["entries"]}
    return [
        (each["entrant"], each["from"], each["to"], scores[each["entrant"]])
        for each in output["placements"]
    ]


def test_best_sum_and_last_are_taken_of_each_wallet():
    field = [
        entrant(A, (A, "3", True), (A, "7.5", True), (A, "1", True)),
        entrant(B, (B, "5", True)),
    ]
    assert placed("leaderboard", field) == [(A, 1, 1, "7.5"), (B, 2, 2, "5")]
    assert placed("leaderboard", field, take="sum") == [(A, 1, 1, "11.5"), (B, 2, 2, "5")]
    assert placed("leaderboard", field, take="last") == [(B, 1, 1, "5"), (A, 2, 2, "1")]
    assert placed("leaderboard", field, order="asc") == [(A, 1, 1, "1"), (B, 2, 2, "5")]


def test_what_was_failed_or_is_no_score_does_not_count():
    field = [entrant(A, (A, "9", False)), entrant(B, (B, None, True)), entrant(C, (C, "0", True))]
    assert placed("leaderboard", field) == [(C, 1, 1, "0")]
    assert placed("leaderboard", field, require_pass=False)[0] == (A, 1, 1, "9")
    assert placed("leaderboard", field, qualify=2) == []
    assert [each[0] for each in placed("leaderboard", field, qualify=0)] == sorted([A, B, C])


def test_equals_share_places_and_a_team_is_its_wallets():
    team = str(uuid.UUID(int=5))
    field = [
        entrant(team, (A, "2", True), (B, "3", True), wallets=[A, B]),
        entrant(C, (C, "5", True)),
    ]
    assert {each[1:] for each in placed("leaderboard", field)} == {(1, 2, "5")}
    assert placed("leaderboard", field, team="best") == [(C, 1, 1, "5"), (team, 2, 2, "3")]


def test_challenges_count_passes_first_or_scores():
    field = [
        entrant(A, (A, "100", True), (A, None, False)),
        entrant(B, (B, "30", True), (B, "30", True)),
        entrant(C, (C, "999", False)),
    ]
    assert placed("challenge", field) == [(B, 1, 1, "2"), (A, 2, 2, "1")]
    assert placed("challenge", field, **{"pass": 3, "fail": -4}) == [
        (B, 1, 1, "6"),
        (A, 2, 2, "-1"),
    ]
    assert placed("challenge", field, count="scores") == [(A, 1, 1, "100"), (B, 2, 2, "60")]
    # Less is better, but not by passing fewer.
    assert placed("challenge", field, count="scores", order="asc")[0] == (B, 1, 1, "60")
    assert placed("challenge", field, qualify=2) == [(B, 1, 1, "2")]


def test_places_do_not_depend_on_the_order_of_entrants():
    rng = random.Random(9)
    for type, rules in itertools.product(
        ("challenge", "leaderboard"), ({}, {"count": "scores"}, {"take": "sum", "order": "asc"})
    ):
        field = [
            entrant(w, *((w, str(rng.randint(0, 3)), rng.random() < 0.7) for _ in range(3)))
            for w in (wallet(str(n)) for n in range(20))
        ]
        once = placed(type, field, **rules)
        rng.shuffle(field)
        for each in field:
            rng.shuffle(each["scores"])
        assert placed(type, field, **rules) == once
        # The ranges are placements that prizes can be shared by.
        placements = [{"entrant": n, "from": f, "to": t} for n, f, t, _ in once]
        shared = prizes.share(placements, PRIZES)
        units = sum(int(each["units"]) for each in shared["prizes"])
        assert units + int(shared["unawarded"]) == 1001


@pytest.mark.parametrize(
    ("scoring", "place"),
    [
        ({"take": "most"}, "/scoring/take"),
        ({"qualify": -1}, "/scoring/qualify"),
        ({"pass": 1.5}, "pass"),
        ({"bonus": 1}, "bonus"),
        ("best", "/scoring"),
    ],
)
async def test_rules_that_score_nothing_are_refused(scoring, place):
    with pytest.raises(Refused) as caught:
        leaderboard.check({"scoring": scoring})
    assert caught.value.refusal.code == "rules_malformed"
    assert place in caught.value.refusal.details
    leaderboard.check({"text": "Be kind."})


async def board(place, players=3, **more):
    """An active leaderboard of acme's."""
    return await contests.started(place, players, None, type="leaderboard", **more)


async def post(contest, *scores, who=ORGANISER):
    """scores: (name, score, key)."""
    rows = [{"wallet": wallet(n), "score": score, "key": key} for n, score, key in scores]
    async with contest.place.database.as_caller(contest.by(who)) as conn:
        return await leaderboards.post(conn, contest.id, rows)


async def shown(contest, **page):
    """(name, rank, place, score), the first first, once all is counted."""
    await counting.count(contest.place.database, contest.id)
    names = {wallet(name): name for name in contest.players}
    async with contest.place.database.as_caller(contest.by("eve")) as conn:
        first, around, most = page.get("first", 1), page.get("around"), page.get("most", 100)
        rows = await leaderboards.shown(conn, contest.id, first, around, most)
    return [(names[row["participant"]], row["rank"], row["place"], row["score"]) for row in rows]


async def test_posted_scores_count_once_and_can_be_taken_back(place):
    contest = await board(place)
    assert await shown(contest) == []
    key = await key_actor(place, "results:write")
    await post(contest, ("p1", "5", "r1"), ("p2", "7.25", "r2"), who=key)
    await post(contest, ("p1", "5", "r1"), who=key)
    rows = await post(contest, ("p1", "9.000001", "r3"), ("p3", "7.25", "r4"))
    assert rows[0]["posted_by"] == wallet("ada") and rows[0]["score"] == "9.000001"
    found = await shown(contest)
    assert [row[0] for row in found] == ["p1", *sorted(("p2", "p3"), key=wallet)]
    assert [row[1:] for row in found] == [(1, 1, "9.000001"), (2, 2, "7.25"), (3, 2, "7.25")]
    assert await shown(contest, around=wallet(found[2][0]), most=3) == found[1:]
    assert await shown(contest, around=wallet("eve")) == []
    assert await shown(contest, first=3) == found[2:]

    async def revert(score, who=ORGANISER, reason="A typing mistake."):
        async with place.database.as_caller(contest.by(who)) as conn:
            return await leaderboards.revert(conn, contest.id, uuid.UUID(score["id"]), reason)

    assert await refused(revert(rows[0], "p1")) == "not_org_admin"
    assert await refused(revert(rows[0], reason="")) == "reason_missing"
    assert await refused(revert({"id": str(uuid.uuid4())})) == "score_unknown"
    assert (await revert(rows[0]))["reason"] == "A typing mistake."
    assert (await revert(rows[0], reason="Again."))["reason"] == "A typing mistake."
    assert dict((n, s) for n, *_, s in await shown(contest))["p1"] == "5"
    async with place.database.as_caller(contest.by("eve")) as conn:
        listed = await leaderboards.scores(conn, contest.id, wallet("p1"), None, 10)
    assert [(row["key"], row["reverted_at"] is None) for row in listed] == [
        ("r1", True),
        ("r3", False),
    ]
    # Who leaves or is put out has no place.
    await contest.disqualify("p2")
    assert "p2" not in [row[0] for row in await shown(contest)]


async def test_only_organisers_post_and_only_what_can_be(place):
    await acme(place)
    contest = await board(place, ["p1", "abe"])
    for who, code in (("eve", "not_org_admin"), ("p1", "not_org_admin"), ("mia", "not_org_admin")):
        assert await refused(post(contest, ("p1", "1", "k"), who=who)) == code
    poor = await key_actor(place, "competitions:write")
    assert await refused(post(contest, ("p1", "1", "k"), who=poor)) == "scope_missing"
    assert await refused(post(contest, ("abe", "1", "k"), who="abe")) == "own_score"
    assert await refused(post(contest, ("eve", "1", "k"))) == "not_registered"
    assert await refused(post(contest)) == "scores_malformed"
    for score in ("", "x", "1e3", "1.0000001", "1234567890", "NaN", None):
        assert await refused(post(contest, ("p1", score, "k"))) == "score_malformed"
    await post(contest, ("p1", "1", "k"))
    assert await refused(post(contest, ("p1", "2", "k"))) == "key_taken"
    # All or none.
    assert await refused(post(contest, ("p1", "3", "l"), ("eve", "1", "m"))) == "not_registered"
    assert await shown(contest) == [("p1", 1, 1, "1")]
    bracket = await contests.started(place, 2)
    assert await refused(post(bracket, ("p1", "1", "k"))) == "not_scored"
    await contest.cancel()
    assert await refused(post(contest, ("p1", "1", "n"))) == "competition_not_active"


async def complete(contest, who=ORGANISER, **more):
    return await leaderboards.complete(contest.place.database, contest.by(who), contest.id, **more)


async def test_a_leaderboard_ends_with_places_and_prizes(place):
    await place.set_clock(NOW)
    contest = await board(
        place, 4, prize_config=PRIZES, ends_at=(NOW + timedelta(hours=1)).isoformat()
    )
    await post(contest, ("p1", "5", "1"), ("p2", "8", "2"), ("p3", "5", "3"))
    assert await refused(complete(contest)) == "competition_not_over"
    assert await complete(contest, SERVICE, by_itself=True) is None
    assert await place.owner.fetch("select agon.due_leaderboards()") == []
    await place.set_clock(NOW + timedelta(hours=1))
    assert await refused(complete(contest, "p1")) == "not_org_admin"
    assert len(await place.owner.fetch("select agon.due_leaderboards()")) == 1
    ended = await complete(contest, SERVICE, by_itself=True)
    assert ended["status"] == "completed"
    assert await complete(contest) is None
    rows = await contest.rows("competition_registrations", "participant")
    places = [(rows[wallet(n)]["place_from"], rows[wallet(n)]["place_to"]) for n in contest.players]
    assert places == [(2, 3), (1, 1), (2, 3), (None, None)]
    kinds = {(kind.name, kind.version): kind for kind in (leaderboard.KIND, prizes.KIND)}
    for cid in (ended["result_cid"], ended["prizes_cid"]):
        data = await place.owner.fetchval("select bundle from agon.results where cid = $1", cid)
        assert results.verify(data, kinds, cid).ok
    shared = results.load(data)
    assert shared["inputs"]["of"] == ended["result_cid"]
    by = {each["entrant"]: each["units"] for each in shared["output"]["prizes"]}
    assert by[wallet("p2")] == "601" and int(by[wallet("p1")]) + int(by[wallet("p3")]) == 400
    assert (await told(place, "competition.completed"))[0]["prizes_cid"] == ended["prizes_cid"]
    assert await refused(post(contest, ("p1", "9", "4"))) == "competition_not_active"
    bracket = await contests.started(place, 2)
    assert await refused(complete(bracket)) == "not_scored"
