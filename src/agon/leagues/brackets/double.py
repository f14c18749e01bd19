"""Double elimination: the losers' rounds, their routing, and the grand final. Pure.

For a bracket of 2^k there are k winners' rounds and 2(k - 1) losers' rounds. Losers' round 1 takes
those who lost in winners' round 1, in their order. In even rounds 2j the survivors meet those who
lost in winners' round j + 1; in odd rounds 2j + 1 the survivors meet each other. The losers of a
winners' round come in an order of its own, so that those who have met stay apart for long.

Source: ../shared/notes/brackets.md, section 2.3, where the orders are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agon.leagues.brackets.elimination import BestOf
from agon.leagues.brackets.matches import (
    GRAND_FINAL,
    LOSERS,
    Match,
    feed_loser,
    feed_winner,
)

Order = Callable[[Sequence[int]], list[int]]


def natural(places: Sequence[int]) -> list[int]:
    """As they are."""
    return list(places)


def reverse(places: Sequence[int]) -> list[int]:
    """The last first."""
    return list(places[::-1])


def half_shift(places: Sequence[int]) -> list[int]:
    """The halves change places."""
    half = len(places) // 2
    return [*places[half:], *places[:half]]


def reverse_half_shift(places: Sequence[int]) -> list[int]:
    """Each half reversed where it stands."""
    half = len(places) // 2
    return [*places[:half][::-1], *places[half:][::-1]]


def pair_flip(places: Sequence[int]) -> list[int]:
    """The two of each pair change places."""
    return [places[place ^ 1] for place in range(len(places))]


CYCLE: tuple[Order, ...] = (reverse, reverse_half_shift, half_shift, natural)
"""By winners' round from the second, over and over; good at any size."""

COMPAT: dict[int, tuple[Order, ...]] = {
    4: (reverse,),
    8: (reverse, natural),
    16: (reverse_half_shift, reverse, natural),
    32: (reverse, half_shift, natural, natural),
    64: (reverse, half_shift, reverse, natural, natural),
    128: (reverse, half_shift, pair_flip, pair_flip, pair_flip, natural),
}
"""What the library brackets-manager does, by size; beyond 128 it keeps the natural order."""


def drop_order(routing: str, size: int, number: int) -> Order:
    """In which order the losers of winners' round `number` (from 2) come."""
    if routing == "cycle":
        return CYCLE[(number - 2) % len(CYCLE)]
    orders = COMPAT.get(size, ())
    order = orders[number - 2] if orders else natural
    return natural if size >> number == 1 else order  # one place has no order


def losers_rounds(winners: list[list[Match]], routing: str, best_of: BestOf) -> list[list[Match]]:
    """The rounds of those who lost once, fed by the winners' rounds; none for two entrants."""
    size, count = 2 * len(winners[0]), 2 * (len(winners) - 1)
    rounds: list[list[Match]] = []
    for number in range(1, count + 1):
        games = best_of("l", number, count)
        here = [
            Match(f"l.{number}.{place}", LOSERS, 0, number, place, games)
            for place in range(1, (size >> ((number + 1) // 2 + 1)) + 1)
        ]
        if number == 1:
            for place, feeder in enumerate(winners[0]):
                feed_loser(feeder, here[place >> 1], place & 1)
        elif number % 2:
            for place, feeder in enumerate(rounds[-1]):
                feed_winner(feeder, here[place >> 1], place & 1)
        else:
            drop = number // 2 + 1
            order = drop_order(routing, size, drop)(range(len(here)))
            for place, match in enumerate(here):
                feed_loser(winners[drop - 1][order[place]], match, 0)
                feed_winner(rounds[-1][place], match, 1)
        rounds.append(here)
    return rounds


def grand_final(
    winners: list[list[Match]], losers: list[list[Match]], reset: bool, best_of: BestOf
) -> list[Match]:
    """gf.1, between who never lost (slot a) and who lost once; gf.2, where b wins and resets."""
    first = Match("gf.1", GRAND_FINAL, 0, 1, 1, best_of("gf", 1, 2))
    final = winners[-1][0]
    feed_winner(final, first, 0)
    if losers:
        feed_winner(losers[-1][0], first, 1)
    else:
        feed_loser(final, first, 1)
    if not reset:
        return [first]
    second = Match("gf.2", GRAND_FINAL, 0, 2, 1, best_of("gf", 2, 2))
    first.reset = second
    second.from_a = second.from_b = first
    return [first, second]
