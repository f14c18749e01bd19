"""Standings: points, and tie-breakers down to a total order. Pure, integers only.

Points order first, then the format's tie-breakers one after the other, then the seed. Who was
disqualified stands below everyone who was not.

Tie-breakers, each the higher the better but forfeits:
    head_to_head_points      points from the matches among those who are tied
    head_to_head_difference  score for less score against in these
    direct_encounter         head_to_head_points, where all who are tied have met each other
    difference, score_for    of all matches; score is that of the one game, or the games won
    wins                     byes are among them
    forfeits                 matches that one did not come to: fewer are better
    buchholz                 the sum of the opponents' points (FIDE C.07)
    buchholz_cut_1           without the lowest of them; median_buchholz: nor the highest

What depends on who is tied is computed again, from the first such breaker on, each time that some
have been separated, by whichever breaker: the subset shrinks until nothing separates it.

For Buchholz an opponent's points are counted with draws in place of its byes, forfeits and rounds
without a match; one's own bye counts as a virtual opponent, who had the same points before that
round, lost it, and drew all later ones.

Source: ../shared/notes/brackets.md, section 2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from agon.leagues.brackets.format import Table
from agon.leagues.brackets.matches import COMPLETED, NOBODY, SCORE, Match

_AMONG_TIED = {"head_to_head_points", "head_to_head_difference", "direct_encounter"}


@dataclass(frozen=True, slots=True)
class Meeting:
    """One match as one of the two sees it. opponent: NOBODY in a bye; played: on the field."""

    opponent: int
    round: int
    points: int
    difference: int
    played: bool


@dataclass(slots=True)
class Row:
    """An entrant's line. score: of the games of single matches, or games won in a best of n."""

    entrant: int
    points: int = 0
    played: int = 0
    wins: int = 0
    draws: int = 0
    losses: int = 0
    byes: int = 0
    forfeits: int = 0
    score_for: int = 0
    score_against: int = 0
    meetings: list[Meeting] = field(default_factory=list)


def tally(entrants: Iterable[int], matches: Iterable[Match], table: Table) -> dict[int, Row]:
    """The lines of these entrants over their decided matches, in any order of matches."""
    rows = {entrant: Row(entrant) for entrant in entrants}
    for match in matches:
        if match.state != COMPLETED:
            continue
        if match.result is None:
            _bye(rows[match.winner], match.round, table)
        else:
            _count(rows[match.a], match, 0, table)
            _count(rows[match.b], match, 1, table)
    return rows


def order(
    rows: Mapping[int, Row],
    table: Table,
    disqualified: AbstractSet[int] = frozenset(),
    rounds: int = 0,
) -> list[Row]:
    """The best first. rounds: of a Swiss tournament, so many have been played."""
    values = _breakers(rows, table, rounds)
    ranked: list[Row] = []
    for out in (False, True):
        tied = sorted(
            (row for row in rows.values() if (row.entrant in disqualified) is out),
            key=lambda row: row.entrant,
        )
        for equal in _split(tied, lambda row: row.points):
            ranked += _break(equal, 0, table.tie_breakers, values)
    return ranked


def _bye(row: Row, number: int, table: Table) -> None:
    row.points += table.points[0]
    row.wins += 1
    row.byes += 1
    row.meetings.append(Meeting(NOBODY, number, table.points[0], 0, False))


def _count(row: Row, match: Match, side: int, table: Table) -> None:
    result = match.result
    assert result is not None
    played = result.kind == SCORE
    own, other = result.score[side], result.score[1 - side]
    if result.winner == side:
        got, row.wins = table.points[0], row.wins + 1
    elif result.winner == NOBODY and played:
        got, row.draws = table.points[1], row.draws + 1
    else:
        got, row.losses = table.points[2], row.losses + 1
        row.forfeits += not played
    row.points += got
    row.played += played
    row.score_for += own
    row.score_against += other
    opponent = match.a if side else match.b
    row.meetings.append(Meeting(opponent, match.round, got, own - other, played))


Value = Callable[[Row, AbstractSet[int]], int]
"""A breaker: of a row, among those who are tied with it; the higher the better."""


def _breakers(rows: Mapping[int, Row], table: Table, rounds: int) -> dict[str, Value]:
    values: dict[str, Value] = {
        "head_to_head_points": lambda row, tied: sum(
            each.points for each in row.meetings if each.opponent in tied
        ),
        "head_to_head_difference": lambda row, tied: sum(
            each.difference for each in row.meetings if each.opponent in tied
        ),
        "direct_encounter": lambda row, tied: _encounter(row, tied, rows),
        "difference": lambda row, _: row.score_for - row.score_against,
        "score_for": lambda row, _: row.score_for,
        "wins": lambda row, _: row.wins,
        "forfeits": lambda row, _: -row.forfeits,
    }
    if any("buchholz" in each for each in table.tie_breakers):
        parts = _buchholz(rows, table, rounds)
        values["buchholz"] = lambda row, _: sum(parts[row.entrant])
        values["buchholz_cut_1"] = lambda row, _: sum(parts[row.entrant][1:])
        values["median_buchholz"] = lambda row, _: sum(parts[row.entrant][1:-1])
    return values


def _encounter(row: Row, tied: AbstractSet[int], rows: Mapping[int, Row]) -> int:
    """0 for all, unless each of the tied has met each other."""
    for each in tied:
        met = {meeting.opponent for meeting in rows[each].meetings}
        if len(tied & met) < len(tied) - 1:
            return 0
    return sum(each.points for each in row.meetings if each.opponent in tied)


def _buchholz(rows: Mapping[int, Row], table: Table, rounds: int) -> dict[int, list[int]]:
    """Of each entrant its opponents' points, the lowest first."""
    _, draw, loss = table.points
    adjusted = {
        entrant: sum(each.points for each in row.meetings if each.played)
        + draw * (rounds - sum(each.played for each in row.meetings))
        for entrant, row in rows.items()
    }
    parts: dict[int, list[int]] = {}
    for entrant, row in rows.items():
        found, before = [], 0
        for each in sorted(row.meetings, key=lambda meeting: meeting.round):
            if each.opponent == NOBODY:
                found.append(before + loss + draw * (rounds - each.round))
            else:
                found.append(adjusted[each.opponent])
            before += each.points
        parts[entrant] = sorted(found)
    return parts


def _break(
    tied: Sequence[Row], start: int, breakers: Sequence[str], values: Mapping[str, Value]
) -> list[Row]:
    """The tied in their order; start: the breakers before it do not separate them."""
    if len(tied) == 1:
        return list(tied)
    among = {row.entrant for row in tied}
    for place in range(start, len(breakers)):
        value = values[breakers[place]]
        parts = _split(tied, lambda row, value=value: value(row, among))
        if len(parts) == 1:
            continue
        again = next((at for at, each in enumerate(breakers) if each in _AMONG_TIED), place + 1)
        ranked = []
        for equal in parts:
            ranked += _break(equal, min(again, place + 1), breakers, values)
        return ranked
    return list(tied)  # by seed, as they came


def _split(rows: Sequence[Row], worth: Callable[[Row], int]) -> list[list[Row]]:
    """By worth, the highest first; within one worth in the order given."""
    by_worth: dict[int, list[Row]] = {}
    for row in rows:
        by_worth.setdefault(worth(row), []).append(row)
    return [by_worth[each] for each in sorted(by_worth, reverse=True)]
