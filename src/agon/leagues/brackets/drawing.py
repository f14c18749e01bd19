"""Drawing: a bracket as lines of text, for a terminal. Pure.

An elimination is a tree with its final as the root: the matches that the two came from as winners
hang below. Who comes from another tree (a loser, a rank of a group) is only named. Tables and Swiss
rounds are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agon.leagues.brackets import replay
from agon.leagues.brackets.matches import (
    CANCELED,
    EMPTY,
    GROUP,
    NOBODY,
    READY,
    SCORE,
    SWISS,
    THIRD_PLACE,
    Match,
    Rank,
    feeds_loser,
)
from agon.leagues.brackets.playing import Bracket


def lines(bracket: Bracket, names: Mapping[str, str] | None = None) -> list[str]:
    """The bracket. names: what people call an entrant; without one, its id."""
    called = [(names or {}).get(each, each) for each in bracket.entrants]
    drawn = [*_tables(bracket, called), *_rounds(bracket, called)]
    final = bracket.plan.final
    if final is not None:
        last = final.reset if final.reset and final.reset.a >= 0 else final
        drawn += _tree(last, called)
        drawn += [line for each in _others(bracket) for line in ["", *_tree(each, called)]]
    won = replay.champion(bracket)
    return drawn if won == NOBODY else [*drawn, "", f"Champion: {called[won]}"]


def _others(bracket: Bracket) -> Iterator[Match]:
    """The roots of other trees: third place."""
    return (each for each in bracket.matches.values() if each.bracket_type == THIRD_PLACE)


def _tables(bracket: Bracket, called: list[str]) -> Iterator[str]:
    width = max(map(len, called))
    for group, rows in replay.tables(bracket):
        yield f"Group {group}" if group else "Standings"
        for place, row in enumerate(rows, 1):
            record = f"{row.wins}-{row.draws}-{row.losses}"
            yield f"{place:4}  {called[row.entrant]:{width}}  {record:>8}  {row.points:4}"
        yield ""


def _rounds(bracket: Bracket, called: list[str]) -> Iterator[str]:
    for match in bracket.matches.values():
        if match.bracket_type in (GROUP, SWISS):
            yield _line(match, called)


def _tree(root: Match, called: list[str]) -> list[str]:
    """The root, then each branch below it. A bye is left out: what leads to it hangs higher."""
    drawn = [_line(root, called)]
    branches = list(_branches(root))
    for place, branch in enumerate(branches):
        last = place == len(branches) - 1
        first, *rest = _tree(branch, called)
        drawn.append(("└─ " if last else "├─ ") + first)
        drawn += [("   " if last else "│  ") + line for line in rest]
    return drawn


def _branches(match: Match) -> Iterator[Match]:
    for side, feeder in enumerate((match.from_a, match.from_b)):
        if not isinstance(feeder, Match) or (feeder.reset is match and side):
            continue
        if feeder.reset is match or not feeds_loser(match, side):
            if feeder.result is None and not feeder.is_open():
                yield from _branches(feeder)
            else:
                yield feeder


def _line(match: Match, called: list[str]) -> str:
    sides = [_slot(match, side, called) for side in (0, 1)]
    result = match.result
    if result is None:
        end = {READY: "to play", CANCELED: "canceled"}.get(match.state, "")
        between = " v "
    else:
        end = "" if result.kind == SCORE else result.kind.replace("_", " ")
        between = f" {result.score[0]}:{result.score[1]} "
    return f"{match.id:7} {sides[0]}{between}{sides[1]}" + (f"  ({end})" if end else "")


def _slot(match: Match, side: int, called: list[str]) -> str:
    entrant, feeder = (match.b, match.from_b) if side else (match.a, match.from_a)
    if entrant >= 0:
        return called[entrant] + (" *" if match.winner == entrant else "")
    if entrant == NOBODY:
        return "bye"
    assert entrant == EMPTY
    if isinstance(feeder, Rank):
        return f"group {feeder.group}, place {feeder.place}"
    if isinstance(feeder, Match):
        return f"{'loser' if feeds_loser(match, side) else 'winner'} of {feeder.id}"
    return "open"
