"""Round robin: everyone meets everyone, by the circle method."""

import random
from collections import Counter
from itertools import combinations

import pytest

from agon.kernel.errors import Refused
from agon.leagues.brackets import replay, round_robin
from tests.leagues.playouts import ROUND_ROBIN, losses, placements, play_out, start, win


def from_one(rounds):
    return [[(a + 1, b + 1) for a, b in each] for each in rounds]


def test_the_circle_turns_as_the_notes_show():
    assert from_one(round_robin.pairs(4)) == [
        [(1, 4), (3, 2)], [(2, 4), (1, 3)], [(3, 4), (2, 1)]
    ]  # fmt: skip
    five = round_robin.pairs(5)
    assert [len(each) for each in five] == [2] * 5
    rests = [set(range(5)) - {place for pair in each for place in pair} for each in five]
    assert sorted(place for rest in rests for place in rest) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 15, 30])
@pytest.mark.parametrize("legs", [1, 2])
def test_everyone_meets_everyone_as_often_as_there_are_legs(count, legs):
    bracket = start({**ROUND_ROBIN, "legs": legs}, count)
    pairs = Counter((match.a, match.b) for match in bracket.matches.values())
    assert len(bracket.matches) == round_robin.count_of(count, legs)
    for one, other in combinations(range(count), 2):
        sides = (pairs[one, other], pairs[other, one])
        assert sides == (1, 1) if legs == 2 else sum(sides) == 1
    rounds = {}
    for match in bracket.matches.values():
        rounds.setdefault(match.round, []).extend((match.a, match.b))
    assert all(len(set(busy)) == len(busy) for busy in rounds.values())


def sweep(counts):
    for count in counts:
        bracket = play_out(start(ROUND_ROBIN, count), random.Random(count))
        won = replay.champion(bracket)
        assert replay.placed(bracket)[0].entrant == won
        assert placements(bracket) == {(place, place): 1 for place in range(1, count + 1)}
        lost = losses(bracket)
        assert lost[won] == min(lost[each] for each in range(count))


def test_each_size_ends_with_one_champion():
    sweep([*range(2, 14), 40])


@pytest.mark.prove
def test_larger_sizes_end_with_one_champion():
    sweep([*range(14, 65), *range(65, 301, 9), 300])  # each takes its square of matches


def test_what_who_is_disqualified_has_played_stands():
    bracket = start(ROUND_ROBIN, 4)
    bracket.report({"match": "g1.1.1", "scores": [[3, 0]]})  # e1 beats e4
    bracket.report({"kind": "disqualified", "by": "e1"})
    assert sum(match.result is not None for match in bracket.matches.values()) == 3
    last = bracket.rounds.standings(1)[-1]
    assert (last.entrant, last.wins, last.losses, last.forfeits) == (0, 1, 2, 2)
    for match in ("g1.1.2", "g1.2.1", "g1.3.1"):
        bracket.report(win(match))
    assert replay.placed(bracket)[-1].entrant == 0
    # Undoing what it has played undoes the disqualification first.
    undone = bracket.undo("g1.1.1")
    assert undone.reverted == (
        {"match": "g1.1.1", "kind": "score", "scores": [[3, 0]]},
        {"kind": "disqualified", "by": "e1"},
    )
    assert {match.id for match in undone.changed} == {"g1.1.1", "g1.2.2", "g1.3.2"}


def test_between_two_who_are_disqualified_neither_wins_what_was_still_open():
    bracket = start(ROUND_ROBIN, 3)
    for entrant in ("e1", "e2", "e3"):
        bracket.report({"kind": "disqualified", "by": entrant})
        if bracket.completed:
            break
    assert bracket.completed
    kinds = {match.result.kind for match in bracket.matches.values()}
    assert kinds == {"disqualified"}
    assert replay.output(bracket)["champion"] == "e3"


def test_a_bracket_with_too_many_matches_is_refused():
    with pytest.raises(Refused) as refused:
        start(ROUND_ROBIN, 2_000)
    assert refused.value.refusal.code == "bracket_large"
