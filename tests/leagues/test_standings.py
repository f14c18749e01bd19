"""Standings: tie-breakers in their order, down to a total order."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.leagues.brackets import standings
from agon.leagues.brackets.format import read
from tests.leagues.playouts import ROUND_ROBIN, SWISS, ready, rough_out, start


def played(config, count, scores):
    """scores: {(a, b): (score of a, of b)} with seeds from 1; the others are 0:0."""
    bracket = start(config, count)
    for match in list(bracket.matches.values()):
        a, b = match.a + 1, match.b + 1
        score = scores.get((a, b)) or tuple(reversed(scores.get((b, a), (0, 0))))
        bracket.report({"match": match.id, "scores": [list(score)]})
    return bracket


def seeds(bracket):
    return [row.entrant + 1 for row in bracket.rounds.standings(1)]


def test_a_win_counts_three_and_a_draw_one():
    bracket = played(ROUND_ROBIN, 3, {(1, 2): (2, 1), (1, 3): (0, 0), (2, 3): (4, 0)})
    rows = bracket.rounds.standings(1)
    assert [(row.entrant + 1, row.points, row.wins, row.draws, row.losses) for row in rows] == [
        (1, 4, 1, 1, 0), (2, 3, 1, 0, 1), (3, 1, 0, 1, 1)
    ]  # fmt: skip
    points = {"win": 1, "draw": 0, "loss": 0}
    chess = played({**ROUND_ROBIN, "points": points}, 2, {(1, 2): (1, 1)})
    assert [row.points for row in chess.rounds.standings(1)] == [0, 0]


def test_the_match_between_two_who_are_tied_decides_before_all_scores():
    scores = {(1, 2): (0, 1), (1, 3): (9, 0), (2, 4): (0, 1), (1, 4): (9, 0), (2, 3): (1, 0)}
    scores[3, 4] = (1, 0)
    assert seeds(played(ROUND_ROBIN, 4, scores))[:2] == [2, 1]
    by_difference = {**ROUND_ROBIN, "tie_breakers": ["difference"]}
    assert seeds(played(by_difference, 4, scores))[:2] == [1, 2]


def test_head_to_head_is_computed_again_among_those_who_are_still_tied():
    # 1, 2 and 3 beat each other in a circle, with the differences +1, +1 and -2 among them. Of 1
    # and 2, who are still tied, 1 has won; the difference of all matches would say 2.
    scores = {(1, 2): (2, 0), (2, 3): (3, 0), (3, 1): (1, 0)}
    scores |= {(1, 4): (1, 0), (2, 4): (9, 0), (3, 4): (1, 0)}
    assert seeds(played(ROUND_ROBIN, 4, scores)) == [1, 2, 3, 4]
    assert seeds(played({**ROUND_ROBIN, "tie_breakers": ["difference"]}, 4, scores))[0] == 2


def test_all_else_being_equal_the_better_seed_is_first():
    assert seeds(played(ROUND_ROBIN, 5, {})) == [1, 2, 3, 4, 5]


def test_score_and_forfeits_break_ties_in_their_order():
    # All draws: equal but for the score.
    assert seeds(played(ROUND_ROBIN, 3, {(2, 3): (2, 2), (1, 3): (1, 1)})) == [3, 2, 1]
    bracket = start({**ROUND_ROBIN, "tie_breakers": ["forfeits"]}, 3)
    for match in ready(bracket):
        pair = {bracket.match(match).a, bracket.match(match).b}
        bracket.report({"match": match, "kind": "double_forfeit"} if pair == {0, 1}
                       else {"match": match, "scores": [[0, 0]]})  # fmt: skip
    assert seeds(bracket) == [3, 1, 2]


def test_a_forfeit_counts_with_the_score_that_the_format_states():
    bracket = start({**ROUND_ROBIN, "forfeit_score": [3, 0]}, 2)
    bracket.report({"match": "g1.1.1", "kind": "forfeit", "by": "e1"})
    first, last = bracket.rounds.standings(1)
    assert (first.entrant, first.score_for, first.score_against, first.points) == (1, 3, 0, 3)
    assert (last.forfeits, last.losses, last.played) == (1, 1, 0)


def swiss_of_four():
    """Round 1: 1 beats 3, 2 beats 4. Round 2: 1 beats 2, 3 does not come against 4."""
    bracket = start({**SWISS, "rounds": 2}, 4)
    for match in ready(bracket):
        bracket.report({"match": match, "scores": [[1, 0]]})
    bracket.report({"match": "s.2.1", "scores": [[1, 0]]})
    bracket.report({"match": "s.2.2", "kind": "forfeit", "by": "e3"})
    return bracket


def test_buchholz_counts_opponents_with_draws_in_place_of_forfeits():
    bracket = swiss_of_four()
    rows = {row.entrant: row for row in bracket.rounds.standings()}
    table = bracket.format.table
    parts = standings._buchholz(rows, table, 2)
    # Points 6, 3, 0, 3; adjusted 6, 3, 0 + 1, 0 + 1.
    assert parts == {0: [1, 3], 1: [1, 6], 2: [1, 6], 3: [1, 3]}


def test_a_bye_counts_as_a_virtual_opponent():
    bracket = start({**SWISS, "rounds": 2}, 3)
    assert bracket.match("s.1.2").a == 2
    bracket.report({"match": "s.1.1", "scores": [[1, 0]]})
    rows = {row.entrant: row for row in bracket.rounds.standings()}
    parts = standings._buchholz(rows, bracket.format.table, 2)
    # Before round 1 it had 0, so its virtual opponent has 0 for the loss, and 1 for a draw.
    assert parts[2] == [1]


def test_buchholz_orders_who_is_tied():
    bracket = swiss_of_four()
    # 2 and 4 have 3 points each; the opponents of 2 were the better.
    assert [row.entrant + 1 for row in bracket.rounds.standings()] == [1, 2, 4, 3]


def test_direct_encounter_counts_only_where_all_have_met():
    config = {**SWISS, "tie_breakers": ["direct_encounter"]}
    table = read(config).table

    def meeting(opponent, points):
        return standings.Meeting(opponent, 1, points, 0, True)

    rows = {each: standings.Row(each, points=3) for each in range(3)}
    rows[0].meetings.append(meeting(1, 0))
    rows[1].meetings.append(meeting(0, 3))
    assert [row.entrant for row in standings.order(rows, table)] == [0, 1, 2]
    del rows[2]
    assert [row.entrant for row in standings.order(rows, table)] == [1, 0]


def test_who_is_disqualified_stands_below_all_others():
    bracket = start(ROUND_ROBIN, 3)
    bracket.report({"match": "g1.1.1", "scores": [[0, 5]]})
    bracket.report({"match": "g1.2.1", "scores": [[0, 5]]})
    best = bracket.rounds.standings(1)[0].entrant
    bracket.report({"kind": "disqualified", "by": bracket.entrants[best]})
    assert bracket.rounds.standings(1)[-1].entrant == best


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([ROUND_ROBIN, {**SWISS, "rounds": 3}]), st.integers(2, 9),
       st.integers(0, 10**6))  # fmt: skip
def test_the_order_of_matches_changes_nothing(config, count, seed):
    chance = random.Random(seed)
    bracket = rough_out(start(config, count), chance)
    matches = list(bracket.matches.values())
    table, out = bracket.format.table, bracket.disqualified()
    orders = []
    for _ in range(2):
        chance.shuffle(matches)
        rows = standings.tally(range(count), matches, table)
        orders.append([row.entrant for row in standings.order(rows, table, out, 3)])
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == list(range(count))


@pytest.mark.parametrize("count", [2, 5, 8])
def test_points_add_up(count):
    bracket = rough_out(start(ROUND_ROBIN, count), random.Random(count))
    rows = bracket.rounds.standings(1)
    assert sum(row.wins for row in rows) <= sum(row.losses for row in rows)
    assert all(row.points == 3 * row.wins + row.draws for row in rows)
    assert sum(row.score_for for row in rows) == sum(row.score_against for row in rows)
    assert all(row.wins + row.draws + row.losses == count - 1 for row in rows)
