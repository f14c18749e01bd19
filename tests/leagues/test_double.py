"""Double elimination: nobody but the champion is out before the second defeat."""

import random
from itertools import product

import pytest

from agon.leagues.brackets import double, replay
from agon.leagues.brackets.format import read
from agon.leagues.brackets.matches import LOSERS, Match
from tests.leagues.playouts import DOUBLE, losses, placements, play_out, ready, start, win


def sweep(counts):
    for count in counts:
        bracket = play_out(start(DOUBLE, count), random.Random(count))
        won = replay.champion(bracket)
        lost = losses(bracket)
        assert all(lost[each] == 2 for each in range(count) if each != won), count
        played = sum(match.result is not None for match in bracket.matches.values())
        assert played == 2 * count - 2 + lost[won]
        assert lost[won] == (bracket.match("gf.2").state == "completed")
        placed = replay.placed(bracket)
        assert sorted(each.entrant for each in placed) == list(range(count))
        assert placed[0].entrant == won
        assert placed[-1].last == count


def test_each_size_ends_with_everyone_else_beaten_twice():
    sweep([*range(2, 40), 64, 65, 127, 300])


@pytest.mark.prove
def test_every_size_ends_with_everyone_else_beaten_twice():
    sweep(range(2, 301))


def test_two_entrants_play_a_winners_final_and_a_grand_final():
    bracket = start(DOUBLE, 2)
    assert list(bracket.matches) == ["w.1.1", "gf.1", "gf.2"]
    bracket.report(win("w.1.1"))
    bracket.report(win("gf.1", 1))
    assert ready(bracket) == ["gf.2"]
    bracket.report(win("gf.2", 1))
    assert replay.champion(bracket) == 1
    assert placements(bracket) == {(1, 1): 1, (2, 2): 1}


def test_the_second_grand_final_is_canceled_where_it_is_not_needed():
    bracket = start(DOUBLE, 4)
    for match in ("w.1.1", "w.1.2", "w.2.1", "l.1.1", "l.2.1"):
        bracket.report(win(match))
    bracket.report(win("gf.1"))
    assert bracket.match("gf.2").state == "canceled"
    assert bracket.completed
    bracket.undo("gf.1")
    assert bracket.match("gf.2").state == "waiting"
    bracket.report(win("gf.1", 1))
    second, first = bracket.match("gf.2"), bracket.match("gf.1")
    assert (second.state, second.a, second.b) == ("ready", first.a, first.b)
    assert not bracket.completed
    bracket.undo("gf.1")
    assert (second.state, second.a, second.b) == ("waiting", -2, -2)


def test_one_grand_final_decides_without_a_reset():
    bracket = start({**DOUBLE, "reset": False}, 4)
    for match in ("w.1.1", "w.1.2", "w.2.1", "l.1.1", "l.2.1"):
        bracket.report(win(match))
    bracket.report(win("gf.1", 1))
    assert bracket.completed
    assert replay.champion(bracket) == bracket.match("gf.1").b


def test_places_are_ranges():
    assert placements(play_out(start(DOUBLE, 16), random.Random(3))) == {
        (1, 1): 1, (2, 2): 1, (3, 3): 1, (4, 4): 1, (5, 6): 2, (7, 8): 2, (9, 12): 4, (13, 16): 4
    }  # fmt: skip
    assert placements(play_out(start(DOUBLE, 6), random.Random(3))) == {
        (1, 1): 1, (2, 2): 1, (3, 3): 1, (4, 4): 1, (5, 6): 2
    }  # fmt: skip


def test_orders_move_places_as_they_say():
    eight = range(8)
    assert double.reverse(eight) == [7, 6, 5, 4, 3, 2, 1, 0]
    assert double.half_shift(eight) == [4, 5, 6, 7, 0, 1, 2, 3]
    assert double.reverse_half_shift(eight) == [3, 2, 1, 0, 7, 6, 5, 4]
    assert double.pair_flip(eight) == [1, 0, 3, 2, 5, 4, 7, 6]


def drops(routing, size):
    """Of each even losers' round, the numbers of the winners' matches whose losers come."""
    bracket = start({**DOUBLE, "routing": routing}, size)
    rounds = {}
    for match in bracket.matches.values():
        if match.bracket_type == LOSERS and match.round % 2 == 0:
            rounds.setdefault(match.round, []).append(match.from_a.number)
    return list(rounds.values())


def test_compat_routes_as_the_other_library_does():
    assert drops("compat", 8) == [[2, 1], [1]]
    assert drops("compat", 16) == [[2, 1, 4, 3], [2, 1], [1]]
    assert drops("compat", 32)[:2] == [[8, 7, 6, 5, 4, 3, 2, 1], [3, 4, 1, 2]]
    assert drops("compat", 128)[2] == [2, 1, 4, 3, 6, 5, 8, 7]
    assert drops("compat", 256)[0] == list(range(1, 65))
    first = [bracket_slot(match) for match in start(DOUBLE, 8).matches.values()
             if match.id.startswith("l.1")]  # fmt: skip
    assert first == [(1, 2), (3, 4)]


def bracket_slot(match):
    return match.from_a.number, match.from_b.number


def earliest_rematch(routing, size):
    """The first losers' round in which two may meet who have met, over all ways to play.

    Two meet again only so: x lost to y in a winners' match, and y lost later, in a match above it;
    both then go up the losers' rounds, and meet where their ways join.
    """
    bracket = start({**DOUBLE, "routing": routing}, size)
    found = 10**6
    for match in bracket.matches.values():
        if not match.id.startswith("w."):
            continue
        later = match.winner_to
        while later is not None and later.id.startswith("w."):
            way = {each.id for each in up(match.loser_to)}
            joined = next(each for each in up(later.loser_to) if each.id in way)
            if joined.bracket_type == LOSERS:
                found = min(found, joined.round)
            later = later.winner_to
    return found


def up(match):
    while isinstance(match, Match):
        yield match
        match = match.winner_to


@pytest.mark.parametrize(("size", "cycle", "compat"), [
    (8, 3, 3), (16, 4, 3), (32, 5, 5), (64, 7, 6), (128, 8, 7)
])  # fmt: skip
def test_nobody_meets_again_before_the_round_that_the_notes_state(size, cycle, compat):
    assert earliest_rematch("cycle", size) == cycle
    assert earliest_rematch("compat", size) == compat


def test_the_cycle_goes_on_at_any_size():
    # Without an order of its own, those of the same corner meet in round 2.
    assert earliest_rematch("compat", 256) == 2
    assert [earliest_rematch("cycle", size) for size in (256, 512, 1024)] == [8, 8, 8]


def test_who_is_disqualified_loses_out_of_both():
    bracket = start(DOUBLE, 8)
    bracket.report({"kind": "disqualified", "by": "e1", "match": "w.1.1"})
    assert bracket.match("w.1.1").winner == 7
    assert bracket.match("l.1.1").a == 0
    bracket.report(win("w.1.2"))
    fallen = bracket.match("l.1.1")
    assert (fallen.winner, fallen.result.kind) == (4, "disqualified")
    assert losses(bracket)[0] == 2


def test_a_double_forfeit_puts_both_out_and_the_losers_get_a_bye():
    bracket = start(DOUBLE, 4)
    bracket.report({"match": "w.1.1", "kind": "double_forfeit"})
    bracket.report(win("w.1.2"))
    assert bracket.match("l.1.1").winner == 2
    assert bracket.match("w.2.1").winner == 1
    bracket.report(win("gf.1", 1) if bracket.match("gf.1").state == "ready" else win("l.2.1"))
    assert bracket.match("l.2.1").state == "completed"
    assert sum(placements(bracket).values()) == (4 if bracket.completed else 0)


def test_reports_by_chance_never_get_stuck():
    for count, seed in product((3, 6, 11), range(20)):
        bracket = start(DOUBLE, count)
        chance = random.Random(seed)
        while open_ids := ready(bracket):
            kind = chance.choice(("score", "score", "double_forfeit"))
            match = chance.choice(open_ids)
            bracket.report(win(match, chance.randrange(2)) if kind == "score"
                           else {"match": match, "kind": kind})  # fmt: skip
        assert bracket.completed
        assert sum(placements(bracket).values()) == count


def test_best_of_differs_by_round():
    config = {**DOUBLE, "best_of": {"default": 3, "by_round": {"l.-1": 5, "gf.1": 7, "w.1": 1}}}
    bracket = start(config, 8)
    assert {each: bracket.match(each).best_of for each in ("w.1.1", "w.2.1", "l.4.1", "gf.1")} == {
        "w.1.1": 1, "w.2.1": 3, "l.4.1": 5, "gf.1": 7
    }  # fmt: skip
    assert bracket.match("gf.2").best_of == 3
    assert read(config).elimination.routing == "cycle"
