"""Swiss: nobody meets anybody twice before it must be."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.leagues.brackets import replay, swiss
from agon.leagues.brackets.matching import FREE, enlarge
from tests.leagues.playouts import (
    SWISS,
    play_out,
    ready,
    rough_out,
    start,
    state,
    win,
)


def largest(count, edges):
    """Pairs in the largest matching, by trying all."""

    def most(left):
        if len(left) < 2:
            return 0
        first, *rest = left
        best = most(rest)
        for place, other in enumerate(rest):
            if (first, other) in edges:
                best = max(best, 1 + most(rest[:place] + rest[place + 1 :]))
        return best

    return most(list(range(count)))


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 9).flatmap(lambda count: st.tuples(st.just(count), st.sets(
    st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))))))  # fmt: skip
def test_a_matching_is_the_largest_that_there_is(drawn):
    count, found = drawn
    edges = {(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}
    mates = [FREE] * count
    for one, other in edges:  # a matching to begin with, which may be a bad one
        if mates[one] == mates[other] == FREE:
            mates[one], mates[other] = other, one
    before = [place for place, mate in enumerate(mates) if mate != FREE]
    enlarge(mates, lambda one, other: (min(one, other), max(one, other)) in edges)
    paired = [(place, mate) for place, mate in enumerate(mates) if mate > place]
    assert all(pair in edges and mates[pair[1]] == pair[0] for pair in paired)
    assert len(paired) == largest(count, edges)
    assert all(mates[place] != FREE for place in before)


def fewest_again(entrants, met, byes):
    """(1) pairs that must meet again, by trying all, where the bye goes to who had the fewest."""

    def fewest(left):
        if not left:
            return 0
        first, *rest = left
        return min(
            ((other in met[first]) + fewest(rest[:place] + rest[place + 1 :]))
            for place, other in enumerate(rest)
        )

    if len(entrants) % 2 == 0:
        return fewest(entrants)
    least = min(byes[each] for each in entrants)
    return min(
        fewest([one for one in entrants if one != each]) for each in entrants if byes[each] == least
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.integers(0, 10**6))
def test_no_more_meet_again_than_must_in_any_round(count, seed):
    chance = random.Random(seed)
    met = {each: set() for each in range(count)}
    byes = dict.fromkeys(met, 0)
    points = dict.fromkeys(met, 0)
    for _ in range(count + 2):
        standing = sorted(points.items(), key=lambda each: (-each[1], each[0]))
        pairs = swiss.pair(standing, met, byes)
        again = sum(other in met[one] for one, other in pairs if other >= 0)
        assert again == fewest_again(list(range(count)), met, byes)
        busy = [each for pair in pairs for each in pair if each >= 0]
        assert sorted(busy) == list(range(count))
        for one, other in pairs:
            if other < 0:
                byes[one] += 1
                points[one] += 3
                assert max(byes.values()) - min(byes.values()) <= 1
                continue
            met[one].add(other)
            met[other].add(one)
            points[chance.choice((one, other))] += 3


def pairs_of(bracket, number):
    return [(match.a, match.b) for match in bracket.matches.values() if match.round == number]


def test_the_better_half_meets_the_other_and_the_last_rests():
    bracket = start(SWISS, 7)
    assert pairs_of(bracket, 1) == [(0, 3), (1, 4), (2, 5), (6, -1)]
    for match in ready(bracket):
        bracket.report(win(match))
    # Four have won, the bye among them; the lowest without a bye rests.
    assert pairs_of(bracket, 2) == [(0, 2), (1, 6), (3, 4), (5, -1)]


def test_a_round_is_paired_when_the_one_before_is_complete():
    bracket = start(SWISS, 6)
    first, second, third = ready(bracket)
    bracket.report(win(first))
    bracket.report({"match": second, "kind": "double_forfeit"})
    assert len(bracket.matches) == 3
    changed = bracket.report({"match": third, "scores": [[1, 1]]})
    assert [match.id for match in changed] == ["s.1.3", "s.2.1", "s.2.2", "s.2.3"]


def sweep(counts):
    for count in counts:
        rounds = max(1, (count - 1).bit_length())
        bracket = play_out(start({**SWISS, "rounds": rounds}, count), random.Random(count))
        met = {frozenset((match.a, match.b)) for match in bracket.matches.values()}
        assert len(met) == len(bracket.matches) == rounds * ((count + 1) // 2)
        placed = replay.placed(bracket)
        assert [each.first for each in placed] == list(range(1, count + 1))
        assert placed[0].entrant == replay.champion(bracket)
        byes = [match.a for match in bracket.matches.values() if match.b == -1]
        assert len(set(byes)) == len(byes) == rounds * (count % 2)


def test_each_size_ends_with_one_champion():
    sweep([2, 4, *range(5, 24), 63, 300])


@pytest.mark.prove
def test_every_size_ends_with_one_champion():
    sweep([2, *range(4, 301)])  # three entrants can meet in two rounds, and one has two byes then


def test_who_is_disqualified_is_paired_no_more():
    bracket = start(SWISS, 6)
    bracket.report(win("s.1.1"))
    bracket.report({"kind": "disqualified", "by": "e1"})
    for match in ("s.1.2", "s.1.3"):
        bracket.report(win(match))
    assert all(0 not in pair for pair in pairs_of(bracket, 2))
    assert pairs_of(bracket, 2)[-1][1] == -1
    rough_out(bracket, random.Random(4))
    assert replay.placed(bracket)[-1].entrant in bracket.disqualified()


def test_an_undo_takes_back_the_rounds_that_came_of_it():
    bracket = start(SWISS, 6)
    for _ in range(2):
        for match in ready(bracket):
            bracket.report(win(match))
    bracket.report(win("s.3.1"))
    bracket.report({"kind": "disqualified", "by": "e6"})
    before = state(bracket)
    undone = bracket.undo("s.1.2")
    assert undone.removed == ("s.3.1", "s.3.2", "s.3.3", "s.2.1", "s.2.2", "s.2.3")
    assert len(undone.reverted) == 6
    assert [match.id for match in bracket.matches.values()] == ["s.1.1", "s.1.2", "s.1.3"]
    for report in undone.reverted:
        bracket.report(report)
    assert state(bracket) == before
