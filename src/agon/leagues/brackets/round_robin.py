"""Round robin: everyone against everyone, once or twice, by the circle method. Pure.

One entrant stands still and the others go round it. With an odd number, who would meet the one
that stands still rests. In the second leg the sides are changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from agon.leagues.brackets.elimination import BestOf
from agon.leagues.brackets.matches import GROUP, READY, Match


def pairs(count: int) -> list[list[tuple[int, int]]]:
    """The rounds of one leg, as places from 0."""
    even = count + count % 2
    around = even - 1
    rounds = []
    for number in range(around):
        first = [] if count % 2 else [(number, around)]
        rest = [
            ((number - place) % around, (number + place) % around) for place in range(1, even // 2)
        ]
        rounds.append(first + rest)
    return rounds


def count_of(entrants: int, legs: int) -> int:
    """Matches in all."""
    return legs * entrants * (entrants - 1) // 2


def matches(entrants: Sequence[int], group: int, legs: int, best_of: BestOf) -> list[Match]:
    """The matches of a group, whose slots are all filled."""
    leg = pairs(len(entrants))
    rounds = leg if legs == 1 else leg + [[(b, a) for a, b in each] for each in leg]
    made = []
    for number, each in enumerate(rounds, 1):
        games = best_of("g", number, len(rounds))
        made += [
            Match(f"g{group}.{number}.{place}", GROUP, group, number, place, games,
                  entrants[a], entrants[b], state=READY)
            for place, (a, b) in enumerate(each, 1)
        ]  # fmt: skip
    return made
