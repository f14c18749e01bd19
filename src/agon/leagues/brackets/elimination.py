"""Single elimination: rounds of winners, with or without a match for third place. Pure."""

from __future__ import annotations

from collections.abc import Callable

from agon.leagues.brackets.matches import (
    THIRD_PLACE,
    WINNERS,
    Match,
    feed_loser,
    feed_winner,
)

BestOf = Callable[[str, int, int], int]
"""best_of(prefix, round, rounds) -> games at most, in the matches of that round."""


def winners_rounds(size: int, best_of: BestOf) -> list[list[Match]]:
    """The rounds of a bracket for a power of two of entrants, each match feeding the next."""
    rounds_count = size.bit_length() - 1
    rounds: list[list[Match]] = []
    for number in range(1, rounds_count + 1):
        games = best_of("w", number, rounds_count)
        here = [
            Match(f"w.{number}.{place}", WINNERS, 0, number, place, games)
            for place in range(1, (size >> number) + 1)
        ]
        if rounds:
            for place, feeder in enumerate(rounds[-1]):
                feed_winner(feeder, here[place >> 1], place & 1)
        rounds.append(here)
    return rounds


def third_place(rounds: list[list[Match]], best_of: BestOf) -> list[Match]:
    """The match of those who lost the semifinals; none where there are no semifinals."""
    if len(rounds) < 2:
        return []
    match = Match("p.1.1", THIRD_PLACE, 0, 1, 1, best_of("p", 1, 1))
    for side, semifinal in enumerate(rounds[-2]):
        feed_loser(semifinal, match, side)
    return [match]
