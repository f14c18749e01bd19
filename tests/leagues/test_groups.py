"""Groups, then playoffs."""

import random
from itertools import combinations

import pytest

from agon.kernel.errors import Refused
from agon.leagues.brackets import groups, replay
from agon.leagues.brackets.seeding import inner_outer, size_for
from tests.leagues.playouts import GROUPS, placements, play_out, start, state, win


def dealt(distribution, count=4, entrants=16):
    return groups.distribute(range(1, entrants + 1), count, distribution)


def test_seeds_are_dealt_as_the_notes_show():
    assert dealt("effort_balanced") == [[1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
                                        [4, 8, 12, 16]]  # fmt: skip
    assert dealt("snake") == [[1, 8, 9, 16], [2, 7, 10, 15], [3, 6, 11, 14], [4, 5, 12, 13]]
    assert dealt("bracket_optimized") == [
        [1, 7, 12, 14], [2, 8, 11, 13], [3, 5, 10, 16], [4, 6, 9, 15]
    ]  # fmt: skip


@pytest.mark.parametrize("distribution", list(groups.ROWS))
def test_everyone_is_in_one_group_and_sizes_differ_by_one_at_most(distribution):
    for count in range(1, 9):
        for entrants in range(2 * count, 40):
            found = dealt(distribution, count, entrants)
            assert sorted(each for group in found for each in group) == list(range(1, entrants + 1))
            sizes = [len(group) for group in found]
            assert max(sizes) - min(sizes) <= 1


def meeting_round(one, other):
    """The round in which two places of the first round meet, at the earliest."""
    number = 0
    while one != other:
        one, other, number = one // 2, other // 2, number + 1
    return number


def earliest(count, advance):
    """The first round of the playoffs in which two of one group may meet."""
    ranks = groups.playoff_seeds(count, advance)
    assert len({(rank.group, rank.place) for rank in ranks}) == count * advance == len(ranks)
    assert [rank.group for rank in ranks[:count]] == list(range(1, count + 1))
    assert [rank.place for rank in ranks] == sorted(rank.place for rank in ranks)
    order = inner_outer(size_for(count * advance))
    places = {rank: order.index(seed) for seed, rank in enumerate(ranks, 1)}
    return min(
        meeting_round(places[one], places[other])
        for one, other in combinations(ranks, 2)
        if one.group == other.group
    )


def test_those_of_one_group_meet_late_in_the_playoffs():
    # Two of a group meet in the final, three in a semifinal; four a round earlier at times.
    for count in range(2, 41):
        final = size_for(count * 2).bit_length() - 1
        assert earliest(count, 2) == final
        assert earliest(count, 3) == size_for(count * 3).bit_length() - 2
        assert earliest(count, 4) >= size_for(count * 4).bit_length() - 3
    assert earliest(2, 4) == 2  # never at once


def test_the_playoffs_begin_when_the_last_group_is_decided():
    bracket = start(GROUPS, 8)
    first = bracket.match("w.1.1")
    assert (first.from_a.group, first.from_a.place, first.state) == (1, 1, "waiting")
    table = [match for match in bracket.matches if match.startswith("g")]
    for match in [each for each in table if each.startswith("g") and each != "gf"][:12]:
        assert first.state == "waiting"
        bracket.report({"match": match, "scores": [[2, 0]]})
    assert first.state == "ready"
    before = state(bracket)
    bracket.report(win("w.1.1"))
    undone = bracket.undo("g1.1.1")
    assert [report["match"] for report in undone.reverted] == ["g1.1.1", "w.1.1"]
    assert (first.state, first.a) == ("waiting", -2)
    bracket.report(undone.reverted[0])
    assert state(bracket) == before


def test_who_is_disqualified_in_a_group_does_not_go_on():
    bracket = start({**GROUPS, "groups": {**GROUPS["groups"], "size": 2, "advance": 2}}, 4)
    bracket.report({"kind": "disqualified", "by": "e1"})
    bracket.report(win("g2.1.1"))
    entered = {each for match, _ in bracket.plan.entries for each in (match.a, match.b)}
    assert entered == {-1, 1, 2, 3}
    play_out(bracket, random.Random(1))
    assert replay.placed(bracket)[-1].entrant == 0


def test_who_is_disqualified_in_the_playoffs_keeps_the_place_in_its_group():
    bracket = start(GROUPS, 8)
    for match in [each for each in bracket.matches if each[:2] in ("g1", "g2")]:
        bracket.report(win(match))
    before = [row.entrant for row in bracket.rounds.standings(1)]
    bracket.report({"kind": "disqualified", "by": bracket.entrants[before[0]]})
    assert [row.entrant for row in bracket.rounds.standings(1)] == before
    # A group's match that is undone takes that disqualification back, and the playoffs.
    assert len(bracket.undo("g2.1.1").reverted) == 2
    assert bracket.disqualified() == set()


def sweep(counts):
    for count in counts:
        for advance in (1, 2):
            config = {**GROUPS, "groups": {**GROUPS["groups"], "advance": advance}}
            if count // -(-count // 4) < max(2, advance) or -(-count // 4) * advance < 2:
                continue
            bracket = play_out(start(config, count), random.Random(count))
            placed = replay.placed(bracket)
            assert sorted(each.entrant for each in placed) == list(range(count))
            assert placed[0].entrant == replay.champion(bracket)
            assert placed[-1].last == count


def test_each_size_ends_with_one_champion():
    sweep([*range(5, 24), 64, 131])


@pytest.mark.prove
def test_every_size_ends_with_one_champion():
    sweep(range(4, 301))


def test_who_does_not_go_on_shares_a_range_with_those_of_the_same_place():
    bracket = play_out(start(GROUPS, 16), random.Random(2))
    assert placements(bracket) == {
        (1, 1): 1, (2, 2): 1, (3, 3): 1, (4, 4): 1, (5, 6): 2, (7, 8): 2, (9, 12): 4, (13, 16): 4
    }  # fmt: skip


@pytest.mark.parametrize(("config", "entrants"), [
    ({"count": 4, "advance": 1}, 7), ({"count": 2, "advance": 3}, 5), ({"size": 4, "advance": 1}, 4)
])  # fmt: skip
def test_groups_need_enough_entrants(config, entrants):
    playoffs = {"playoffs": {"kind": "single_elimination"}}
    with pytest.raises(Refused) as refused:
        start({"version": 1, "kind": "groups", "groups": {**config, **playoffs}}, entrants)
    assert refused.value.refusal.code == "entrants_few"
