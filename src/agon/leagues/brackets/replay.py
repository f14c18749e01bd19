"""Replay: a bracket from a recorded list of reports, as a result. Pure.

A result of kind `leagues.bracket`, version 1:

    inputs  {"entrants": [ids, the first seed first], "results": [reports, as reports.py has them]}
    rules   the format
    output  {"outcome": one of OUTCOMES, "champion": id or null,
             "placements": [{"entrant", "from", "to"}, ...] from the first to the last; none while
                 the bracket is open,
             "standings": [{"group", "entrant", "points", "played", "wins", "draws", "losses",
                 "byes", "forfeits", "score_for", "score_against"}, ...] group by group, where
                 there are tables; a Swiss tournament is group 0,
             "matches": [[id, a, b, state, kind, winner, score], ...]}

In `matches` entrants are their seeds from 1, 0 is nobody (a bye; no winner), null is not known yet;
kind and score are null where nothing was played or given.

The order of reports changes nothing where they do not depend on each other: one that comes before
its match is ready waits for it. A disqualification counts from its place in the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agon.kernel import results
from agon.leagues.brackets import placements, reports
from agon.leagues.brackets.matches import DISQUALIFIED, GROUP, NOBODY, WAITING, Match
from agon.leagues.brackets.placements import Placement
from agon.leagues.brackets.playing import Bracket
from agon.leagues.brackets.standings import Row

OPEN, WON, NO_CHAMPION = "open", "won", "no_champion"
OUTCOMES = (OPEN, WON, NO_CHAMPION)
_COLUMNS = (
    "points", "played", "wins", "draws", "losses", "byes", "forfeits", "score_for", "score_against"
)  # fmt: skip


def bundle(bracket: Bracket) -> results.Bundle:
    """The result of a bracket as it stands."""
    inputs = {"entrants": bracket.entrants, "results": bracket.reported()}
    return results.bundle(KIND, inputs, bracket.config)


def recompute(inputs: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a result, from its inputs and rules alone."""
    return output(play(rules, inputs["entrants"], inputs["results"]))


def play(
    config: Mapping[str, Any], entrants: Sequence[str], recorded: Iterable[Mapping[str, Any]]
) -> Bracket:
    """The bracket after these reports. Refused: as `Bracket` and its `report`; a report whose match
    never becomes ready is refused, too."""
    bracket = Bracket(config, entrants)
    left = list(recorded)
    while left:
        later = _pass(bracket, left)
        if len(later) == len(left):
            # Nothing goes on: a disqualification may; else what is left is refused by its match.
            stuck = (each for each in left if reports.kind_of(each) == DISQUALIFIED)
            first = next(stuck, left[0])
            bracket.report(first)
            later = [each for each in left if each is not first]
        left = later
    return bracket


def output(bracket: Bracket) -> dict[str, Any]:
    """What is decided."""
    name = bracket.entrants.__getitem__
    won = champion(bracket)
    outcome = OPEN if not bracket.completed else NO_CHAMPION if won == NOBODY else WON
    return {
        "outcome": outcome,
        "champion": None if won == NOBODY else name(won),
        "placements": [
            {"entrant": name(each.entrant), "from": each.first, "to": each.last}
            for each in placed(bracket)
        ],
        "standings": [
            {"group": group, "entrant": name(row.entrant)}
            | {column: getattr(row, column) for column in _COLUMNS}
            for group, rows in tables(bracket)
            for row in rows
        ],
        "matches": [_row(match) for match in bracket.matches.values()],
    }


def champion(bracket: Bracket) -> int:
    """The entrant that has won it all; NOBODY while it is open, and where nobody has."""
    if not bracket.completed:
        return NOBODY
    final = bracket.plan.final
    if final is None:
        first = bracket.rounds.standings(1)[0].entrant
        return NOBODY if first in bracket.disqualified() else first
    if final.reset is not None and final.reset.a >= 0:
        return final.reset.winner
    return final.winner


def placed(bracket: Bracket) -> list[Placement]:
    """Everyone's range of places; nobody's while the bracket is open."""
    if not bracket.completed:
        return []
    won = champion(bracket)
    first = 2 if won == NOBODY else 1
    if bracket.plan.final is None:
        rows = bracket.rounds.standings(1)
        return placements.ranges(([row.entrant] for row in rows), first)
    elimination = bracket.format.elimination
    assert elimination is not None
    knock_out = [each for each in bracket.matches.values() if each.bracket_type != GROUP]
    tiers = placements.tiers(knock_out, elimination.double)
    tiers = tiers if won == NOBODY else [[won], *tiers]
    went_on = {entrant for tier in tiers for entrant in tier}
    by_place: dict[int, list[int]] = {}
    for _, rows in tables(bracket):
        for place, row in enumerate(rows):
            if row.entrant not in went_on:
                by_place.setdefault(place, []).append(row.entrant)
    return placements.ranges([*tiers, *(by_place[place] for place in sorted(by_place))], first)


def tables(bracket: Bracket) -> list[tuple[int, list[Row]]]:
    """Each group, from 1, with its rows; a Swiss tournament is group 0."""
    if bracket.plan.groups:
        return list(enumerate(bracket.rounds.tables(), 1))
    return [(0, bracket.rounds.standings())] if bracket.format.table else []


KIND = results.Kind(name="leagues.bracket", version=1, recompute=recompute)


def _pass(bracket: Bracket, left: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Take what can be taken, in order, and answer with the rest."""
    later: list[Mapping[str, Any]] = []
    for report in left:
        if reports.kind_of(report) == DISQUALIFIED:
            waits = bool(later)
        else:
            match = bracket.matches.get(str(report.get("match")))
            waits = match is None or match.state == WAITING
        if waits:
            later.append(report)
        else:
            bracket.report(report)
    return later


def _row(match: Match) -> list[Any]:
    result = match.result
    return [
        match.id,
        _seed(match.a),
        _seed(match.b),
        match.state,
        result.kind if result else None,
        _seed(match.winner),
        list(result.score) if result else None,
    ]


def _seed(entrant: int) -> int | None:
    return entrant + 1 if entrant >= NOBODY else None
