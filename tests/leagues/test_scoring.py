"""Scoring: points of a season, exactly, and an order that nothing is left to."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest

from agon.kernel import results
from agon.kernel.errors import Refused
from agon.leagues import decimals, scoring
from agon.leagues.ratings import BEGINNER
from tests.places import wallet

A, B, C, D = (wallet(name) for name in "abcd")


def competition(names, played=(), *, weight="1", places=None, **more):
    """A competition between wallets; played: [a, b, winner, kind] by their numbers."""
    places = places or {}
    return {
        "id": "x", "of": None, "weight": weight, "completed": bool(places),
        "entrants": [
            {"participant": name, "wallets": [name], "from": places.get(name, [None])[0],
             "to": places.get(name, [None])[-1]}
            for name in names
        ],
        "results": [list(each) for each in played], **more,
    }  # fmt: skip


def table(competitions, **config):
    """(wallet, points, place), the first first."""
    output = scoring.recompute({"season": "s", "competitions": competitions}, config)
    return [(row["wallet"], row["points"], row["place"]) for row in output["standings"]]


def test_three_points_for_a_win_and_one_for_a_draw():
    played = [(0, 1, 0, "score"), (0, 2, None, "score"), (1, 2, None, "double_forfeit")]
    assert table([competition([A, B, C], played)]) == [(A, "4", 1), (C, "1", 2), (B, "0", 3)]
    records = scoring.tally([{}, {}, {}], played)
    assert [(r.wins, r.draws, r.losses) for r in records] == [(1, 1, 0), (0, 0, 2), (0, 1, 1)]
    # A forfeit and a walkover are a win and a loss, and what one does alone is either.
    alone = [(0, None, 0, "verdict"), (0, None, None, "verdict"), (1, 0, 1, "forfeit")]
    records = scoring.tally([{}, {}], alone)
    assert [(r.wins, r.draws, r.losses) for r in records] == [(2, 0, 1), (0, 0, 1)]


def test_weights_are_exact():
    played = [(0, 1, 0, "score")]
    season = [competition([A, B], played, weight="0.1") for _ in range(3)]
    assert table(season)[0] == (A, "0.9", 1)  # 0.1 three times is no 0.30000000000000004
    assert table([competition([A, B], played, weight="0.0001")])[0] == (A, "0.0003", 1)
    with pytest.raises(ValueError, match="4 places"):
        table([competition([A, B], played, weight="0.00001")])


def test_places_give_points_once_it_is_completed():
    placement = [{"from": 1, "to": 1, "points": 100}, {"from": 2, "to": 3, "points": 50},
                 {"from": 4, "to": 8, "points": 10}]  # fmt: skip
    places = {A: [1, 1], B: [2, 2], C: [3, 4], D: [3, 4]}
    done = competition([A, B, C, D], places=places)
    # Who shares 3-4 gets what 3 gets; an entry counts for everybody.
    assert table([done], placement=placement, entry=1) == [
        (A, "101", 1), *((w, "51", 2) for w in sorted([B, C, D])),
    ]  # fmt: skip
    assert {row[1] for row in table([competition([A, B])], placement=placement)} == {"0"}


def test_breakers_follow_in_order_down_to_the_wallet():
    # A and B have 3 points each: A by a win, B by three draws.
    played = [(0, 2, 0, "score"), *[(1, 2, None, "score")] * 3]
    assert [row[0] for row in table([competition([A, B, C], played)])][:2] == [A, B]
    by_draws = table([competition([A, B, C], played)], tie_breakers=["draws"])
    assert by_draws == [*((w, "3", 1) for w in sorted([B, C])), (A, "3", 3)]
    # Fewer losses and fewer entries are better.
    lost = [competition([A, B], [(0, None, None, "verdict")])]
    assert [row[0] for row in table(lost)] == [B, A]
    twice = [competition([A, B]), competition([A])]
    assert [row[0] for row in table(twice, tie_breakers=["entered"])] == [B, A]
    # Whom nothing separates share a place, and stand in the order of their wallets.
    even = table([competition([D, C, B, A])])
    assert even == [(w, "0", 1) for w in sorted([A, B, C, D])]
    assert table([competition([A, B], [(0, 1, 0, "score")])], tie_breakers=[]) == [
        (A, "3", 1), (B, "0", 2),
    ]  # fmt: skip


def test_a_team_counts_for_each_wallet_on_its_roster():
    season = [competition([A, B], [(0, 1, 0, "score")], places={A: [1], B: [2]})]
    season[0]["entrants"][0]["wallets"] = [A, C]
    output = scoring.recompute({"season": "s", "competitions": season}, {})["standings"]
    by = {row["wallet"]: row for row in output}
    assert by[A]["points"] == by[C]["points"] == "3"
    assert (by[C]["titles"], by[C]["podiums"], by[B]["podiums"]) == (1, 1, 1)


def test_standings_do_not_depend_on_the_order_of_results():
    rng = random.Random(7)
    names = [wallet(str(n)) for n in range(12)]
    for _ in range(30):
        season = []
        for _ in range(rng.randint(1, 4)):
            own = rng.sample(names, rng.randint(2, 12))
            played = [
                (*rng.sample(range(len(own)), 2), rng.choice([0, 1, None]),
                 rng.choice(["score", "forfeit", "double_forfeit"]))
                for _ in range(rng.randint(0, 30))
            ]  # fmt: skip
            places = dict(zip(own, ([n + 1] for n in range(len(own))), strict=True))
            weight = rng.choice(["1", "0.5", "2.25", "0.0001"])
            season.append(
                competition(own, played, weight=weight, places=rng.choice([None, places]))
            )
        config = {"win": rng.randint(0, 9), "loss": -rng.randint(0, 3), "entry": rng.randint(0, 2),
                  "placement": [{"from": 1, "to": 3, "points": 7}]}  # fmt: skip
        once = table(season, **config)
        for each in season:
            rng.shuffle(each["results"])
        rng.shuffle(season)
        assert table(season, **config) == once
        # Each wallet's points are the exact sum.
        for name, points, _ in once:
            assert Fraction(points) == exact(season, name, config)


def exact(season, name, config):
    total = Fraction(0)
    for each in season:
        for number, entrant in enumerate(each["entrants"]):
            if entrant["participant"] != name:
                continue
            own = scoring.tally(each["entrants"], each["results"])[number]
            points = own.wins * config["win"] + own.draws + own.losses * config["loss"]
            place = entrant["from"]
            points += config["entry"] + (7 if place and place <= 3 else 0)
            total += Fraction(each["weight"]) * points
    return total


def test_a_bundle_is_recomputed_to_the_same_bytes():
    season = [competition([A, B], [(0, 1, 0, "score")], places={A: [1], B: [2]})]
    config = {"ratings": True, "tie_breakers": ["rating"]}
    made = scoring.bundle({"season": "s", "competitions": season}, config)
    kinds = {(scoring.KIND.name, scoring.KIND.version): scoring.KIND}
    assert results.verify(made.data, kinds, made.cid).ok
    best = made.output["standings"][0]
    assert best["wallet"] == A and best["rating"]["matches"] == 1
    assert decimals.units(best["rating"]["mu"], 4) > BEGINNER.mu
    altered = made.data.replace(b'"points":"3"', b'"points":"4"')
    assert not results.verify(altered, kinds).ok


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ([], "/"),
        ({"win": 3.5}, "win"),
        ({"win": "3"}, "/win"),
        ({"won": 3}, "won"),
        ({"win": 10**7}, "/win"),
        ({"tie_breakers": ["luck"]}, "/tie_breakers/0"),
        ({"tie_breakers": ["wins", "wins"]}, "/tie_breakers"),
        ({"tie_breakers": ["rating"]}, "/tie_breakers"),
        ({"placement": [{"from": 2, "to": 3, "points": 1}]}, "/placement/0"),
        ({"placement": [{"from": 1, "to": 0, "points": 1}]}, "/placement/0"),
        ({"version": 2}, "/version"),
    ],
)
def test_a_config_that_scores_nothing_is_refused(config, place):
    with pytest.raises(Refused) as caught:
        scoring.check(config)
    assert caught.value.refusal.code == "scoring_malformed"
    assert place in caught.value.refusal.details


def test_the_source_s_config_and_the_schema_s_defaults_agree():
    scoring.check({"win": 3, "draw": 1, "loss": 0})
    scoring.check({})
    properties = scoring.schema()["properties"]
    assert [properties[name]["default"] for name in ("win", "draw", "loss")] == [3, 1, 0]
    assert tuple(properties["tie_breakers"]["default"]) == scoring.TIE_BREAKERS
    assert json.dumps(scoring.schema())


def test_decimals_are_read_and_written_exactly():
    for text, units in (("0", 0), ("1.5", 15_000), ("-0.0001", -1), ("1000", 10_000_000)):
        assert decimals.units(text, 4) == units
        assert decimals.text(units, 4) == text
    for wrong in ("", "1e3", "1.", ".5", "1.00001", "+1", "٣", "1_0", " 1"):
        with pytest.raises(ValueError):
            decimals.units(wrong, 4)
