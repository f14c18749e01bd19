"""Reports: a result as somebody states it, read against its match. Pure.

    {"match": "w.1.3", "scores": [[2, 1], [0, 3], [4, 2]]}         the games of a best of n
    {"match": "w.1.3", "kind": "forfeit", "by": "<entrant>"}       gives up, or did not come
    {"match": "w.1.3", "kind": "walkover", "winner": "<entrant>"}  the same, seen from who came
    {"match": "w.1.3", "kind": "double_forfeit"}                   nobody came
    {"kind": "disqualified", "by": "<entrant>"}                    out of all open and later matches

A disqualification may name a match, which must be an open one of who it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agon.kernel.errors import Refused, refuse
from agon.leagues.brackets.matches import (
    DISQUALIFIED,
    DOUBLE_FORFEIT,
    FORFEIT,
    NOBODY,
    SCORE,
    WALKOVER,
    Match,
    Result,
)

SCORE_MAX = 1_000_000_000
_KEYS = {
    SCORE: {"match", "kind", "scores"},
    FORFEIT: {"match", "kind", "by"},
    WALKOVER: {"match", "kind", "winner"},
    DOUBLE_FORFEIT: {"match", "kind"},
    DISQUALIFIED: {"match", "kind", "by"},
}


def kind_of(report: object) -> str:
    """The kind of a report whose keys are those of its kind. Refused: `result_malformed`."""
    if not isinstance(report, Mapping):
        raise malformed("It is not an object.")
    kind = report.get("kind", SCORE)
    keys = _KEYS.get(kind) if isinstance(kind, str) else None
    if keys is None:
        raise malformed(f"kind is one of {', '.join(_KEYS)}.")
    if not keys.issuperset(report):
        strange = min(str(key) for key in report if key not in keys)
        raise malformed(f"The kind {kind} has no key {strange[:80]}.")
    return kind


def read(
    report: Mapping[str, Any],
    kind: str,
    match: Match,
    numbers: Mapping[str, int],
    draws: bool,
    forfeit_score: tuple[int, int],
) -> Result:
    """The result that a report states of a match that is ready.

    numbers: of each entrant's id. Refused: `result_malformed`, `draw_not_allowed`,
    `games_undecided`, `games_too_many`.
    """
    if kind == SCORE:
        return _scored(report.get("scores"), match, draws)
    if kind == DOUBLE_FORFEIT:
        return forfeited(kind, NOBODY, forfeit_score)
    key = "winner" if kind == WALKOVER else "by"
    entrant = named(report, key, numbers)
    if entrant not in (match.a, match.b) or entrant == NOBODY:
        raise malformed(f"{key} is one of the two in the match {match.id}.")
    side = int(entrant == match.b)
    return forfeited(kind, side if kind == WALKOVER else 1 - side, forfeit_score)


def named(report: Mapping[str, Any], key: str, numbers: Mapping[str, int]) -> int:
    """The entrant that a report names, or NOBODY."""
    name = report.get(key)
    return numbers.get(name, NOBODY) if isinstance(name, str) else NOBODY


def forfeited(kind: str, winner: int, forfeit_score: tuple[int, int]) -> Result:
    """A match that nobody played. winner: 0, 1 or NOBODY."""
    won, lost = forfeit_score
    score = (won if winner == 0 else lost, won if winner == 1 else lost)
    return Result(kind=kind, winner=winner, score=score)


def report_of(match: Match, entrants: Sequence[str]) -> dict[str, Any]:
    """The report that a match was decided by."""
    result = match.result
    assert result is not None
    if result.kind == SCORE:
        return {"match": match.id, "kind": SCORE, "scores": [list(each) for each in result.games]}
    report = {"match": match.id, "kind": result.kind}
    if result.kind == FORFEIT:
        report["by"] = entrants[match.loser()]
    elif result.kind == WALKOVER:
        report["winner"] = entrants[match.winner]
    return report


def _scored(games: object, match: Match, draws: bool) -> Result:
    if not isinstance(games, list | tuple) or not games:
        raise malformed("scores is a list of games, each a pair of scores.")
    if len(games) > match.best_of:
        raise _too_many(match)
    need = match.best_of // 2 + 1
    played: list[tuple[int, int]] = []
    won = [0, 0]
    for game in games:
        if need in won:
            raise _too_many(match)
        a, b = _game(game)
        played.append((a, b))
        if a != b:
            won[b > a] += 1
        elif not draws:
            raise refuse(
                "draw_not_allowed",
                "A match here does not end in a draw.",
                details=f"{match.id}: {a} to {b}.",
                hint="Play on until somebody wins, and report that.",
                status=422,
            )
    if need not in won and len(games) < match.best_of:
        raise refuse(
            "games_undecided",
            "These games do not decide the match.",
            details=f"{match.id}: {won[0]} to {won[1]} in a best of {match.best_of}.",
            hint="Report all games of the match at once.",
            status=422,
        )
    score = played[0] if match.best_of == 1 else (won[0], won[1])
    winner = NOBODY if won[0] == won[1] else int(won[1] > won[0])
    return Result(kind=SCORE, winner=winner, score=score, games=tuple(played))


def _game(game: object) -> tuple[int, int]:
    if isinstance(game, list | tuple) and len(game) == 2:
        a, b = game
        if type(a) is int and type(b) is int and 0 <= a <= SCORE_MAX and 0 <= b <= SCORE_MAX:
            return a, b
    raise malformed(f"A game is a pair of integers from 0 to {SCORE_MAX}.")


def _too_many(match: Match) -> Refused:
    return refuse(
        "games_too_many",
        "There are more games than the match has.",
        details=f"{match.id} is a best of {match.best_of}.",
        hint="Leave out what was played after the match was decided.",
        status=422,
    )


def malformed(details: str) -> Refused:
    """`result_malformed`."""
    return refuse(
        "result_malformed",
        "This is not a result.",
        details=details,
        hint="A result names its match, and its scores, or a kind and by whom.",
        status=422,
    )
