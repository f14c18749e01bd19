"""Placements: ranges of places, such as 5-6, from where each entrant went out. Pure.

Who went out at the same point shares a range. Ranges follow each other without gaps: after byes and
double forfeits they hold as many as really went out there. Where nobody won, place 1 stays free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agon.leagues.brackets.matches import (
    GRAND_FINAL,
    LOSERS,
    THIRD_PLACE,
    WINNERS,
    Match,
)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The places from first to last (from 1) are shared by as many as they are."""

    entrant: int
    first: int
    last: int


def ranges(tiers: Iterable[Sequence[int]], first: int = 1) -> list[Placement]:
    """tiers: those who share a range, the best first; within one, in the order of seeds."""
    found = []
    for tier in tiers:
        last = first + len(tier) - 1
        found += [Placement(entrant=each, first=first, last=last) for each in sorted(tier)]
        first = last + 1
    return found


def tiers(matches: Iterable[Match], double: bool) -> list[list[int]]:
    """Who went out of an elimination, the last who went out first; without the champion.

    matches: all of the elimination, all decided. Third place counts as before the semifinals.
    """
    out: dict[tuple[int, int, int], list[int]] = {}
    for match in matches:
        for entrant in (match.a, match.b):
            if entrant >= 0 and _ends(match, entrant):
                out.setdefault(_point(match, entrant, double), []).append(entrant)
    return [out[point] for point in sorted(out, reverse=True)]


def _ends(match: Match, entrant: int) -> bool:
    """Whether this was the entrant's last match; a champion's last one is no end."""
    if match.bracket_type == THIRD_PLACE:
        return True
    if entrant == match.winner or _played(match.reset):
        return False
    return match.winner < 0 or match.loser_to is None


def _played(match: Match | None) -> bool:
    return match is not None and match.a >= 0


def _point(match: Match, entrant: int, double: bool) -> tuple[int, int, int]:
    """The later, the higher. In a double elimination, who loses twice at once in the winners'
    rounds (by a double forfeit) goes out where it would have lost next."""
    kind, number = match.bracket_type, match.round
    if kind == GRAND_FINAL:
        return (3, number, 0)
    if kind == THIRD_PLACE:
        return (2, 0, int(entrant == match.winner))
    if kind == LOSERS:
        return (1, number, 0)
    assert kind == WINNERS
    if double:
        return (1, max(1, 2 * (number - 1)), 0)
    return (3 if match.winner_to is None else 1, number, 0)
