"""Boards: brackets as this process has them in memory, and their rows.

The truth is the log of results in the database; a bracket follows from it. A process remembers the
brackets that it played last, with the version that they stand at, so that a report touches a few
matches, however large the bracket is. Another process's results are read from the log; what was
reverted elsewhere makes the bracket anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agon.kernel.database import Actor, Conn, Database
from agon.leagues.brackets.matches import (
    CANCELED,
    COMPLETED,
    READY,
    WAITING,
    Match,
)
from agon.leagues.brackets.playing import Bracket, Undone

REMEMBERED_MATCHES_MAX = 400_000
"""Matches of all remembered brackets together; some 300 bytes each."""
ROWS_PER_WRITE = 4_096

STATUS = {
    WAITING: "pending", READY: "in_progress", COMPLETED: "completed", CANCELED: "canceled",
}  # fmt: skip

_remembered: OrderedDict[UUID, Board] = OrderedDict()


@dataclass(kw_only=True)
class Board:
    """A bracket at a version of its log."""

    competition_id: UUID
    version: int
    bracket: Bracket


@dataclass(kw_only=True)
class Turn:
    """A turn in a competition, in a transaction in which nobody else has one.

    board: none before the bracket is made. changed: the board is no longer what its version says,
    until it is written.
    """

    conn: Conn
    board: Board | None
    changed: bool = False

    @property
    def bracket(self) -> Bracket:
        assert self.board is not None
        return self.board.bracket

    def report(self, report: Mapping[str, Any]) -> tuple[Match, ...]:
        """As `Bracket.report`."""
        matches = self.bracket.report(report)
        self.changed = True
        return matches

    def undo(self, key: str) -> Undone:
        """As `Bracket.undo`."""
        undone = self.bracket.undo(key)
        self.changed = True
        return undone

    def try_out(self, report: Mapping[str, Any]) -> None:
        """Refuse a report as `report` would, and leave the bracket as it is."""
        self.bracket.report(report)
        self.bracket.undo(report["match"])

    async def write(self, changed: Iterable[Match], removed: Iterable[str] = ()) -> None:
        """The rows of these matches, and of Swiss matches that are paired no more."""
        bracket, board = self.bracket, self.board
        assert board is not None
        keys = {match.id for match in changed} | set(removed)
        rows = [
            row(bracket.matches[key], bracket.entrants) if key in bracket.matches else gone(key)
            for key in sorted(keys)
        ]
        board.version = await write(self.conn, board.competition_id, rows, bracket.completed)
        self.changed = False


@asynccontextmanager
async def turn(
    database: Database, actor: Actor, competition_id: UUID, *, or_before: bool = False
) -> AsyncIterator[Turn]:
    """A turn in a bracket that is being played, for somebody; with or_before also where none was
    made yet. Raises PT404 `competition_unknown`, PT409 `bracket_missing`,
    `competition_not_active`."""
    taken = None
    try:
        async with database.as_worker(actor) as conn:
            version = await conn.fetchval(
                "select agon.hold_bracket($1, $2)", competition_id, or_before
            )
            known = _remembered.pop(competition_id, None)
            board = None if version is None else await _at(conn, competition_id, known, version)
            taken = Turn(conn=conn, board=board)
            yield taken
    except BaseException:
        # What was changed for nothing is forgotten; what was only looked at is as good as before.
        if taken is not None and taken.board is not None and taken.board.version != version:
            taken.board = None
        raise
    finally:
        if taken is not None and taken.board is not None and not taken.changed:
            remember(taken.board)


async def seen(conn: Conn, competition_id: UUID) -> Board:
    """The board of a bracket as it stands, to look at only. Raises as `agon.load_bracket`."""
    known = _remembered.get(competition_id)
    news = await _load(conn, competition_id, known.version if known else None)
    if known is not None and news["version"] == known.version:
        return known
    board = _made(competition_id, await _load(conn, competition_id, None) if known else news)
    remember(board)
    return board


def remember(board: Board) -> None:
    """Keep a board that is as committed, and forget those that were not used for longest."""
    newer = _remembered.get(board.competition_id)
    if newer is None or newer.version <= board.version:
        _remembered[board.competition_id] = board
        _remembered.move_to_end(board.competition_id)
    while len(_remembered) > 1 and _matches() > REMEMBERED_MATCHES_MAX:
        _remembered.popitem(last=False)


async def write(
    conn: Conn, competition_id: UUID, rows: Sequence[Mapping[str, Any]], completed: bool
) -> int:
    """Write rows of matches, which may be none; the version of the bracket."""
    version = 0
    for start in range(0, max(1, len(rows)), ROWS_PER_WRITE):
        version = await conn.fetchval(
            "select agon.write_matches($1, $2, $3)",
            competition_id,
            rows[start : start + ROWS_PER_WRITE],
            completed,
        )
    return version


def row(match: Match, entrants: Sequence[str]) -> dict[str, Any]:
    """A match as `bracket_matches` has it."""
    result = match.result
    winner_to, loser_to = match.reset or match.winner_to, match.reset or match.loser_to
    return {
        "key": match.id,
        "round": match.round,
        "match_number": match.number,
        "bracket_type": match.bracket_type,
        "group_number": match.group,
        "best_of": match.best_of,
        "participant_a": entrants[match.a] if match.a >= 0 else None,
        "participant_b": entrants[match.b] if match.b >= 0 else None,
        "score_a": result.score[0] if result else None,
        "score_b": result.score[1] if result else None,
        "winner": entrants[match.winner] if match.winner >= 0 else None,
        "status": STATUS[match.state],
        "games": [list(game) for game in result.games] if result and result.games else None,
        "result_kind": result.kind if result else None,
        "winner_to": winner_to.id if winner_to else None,
        "winner_slot": "ab"[match.winner_side] if match.winner_to else None,
        "loser_to": loser_to.id if loser_to else None,
        "loser_slot": "ab"[match.loser_side] if match.loser_to else None,
    }


def gone(key: str) -> dict[str, Any]:
    """A Swiss match that is paired no more: canceled, until its round is paired again."""
    _, number, place = key.split(".")
    return {
        "key": key, "round": int(number), "match_number": int(place), "bracket_type": "swiss",
        "group_number": 0, "best_of": 1, "status": "canceled",
    }  # fmt: skip


async def _at(conn: Conn, competition_id: UUID, board: Board | None, version: int) -> Board:
    """The board at this version: as it is, with what others reported since, or made anew."""
    if board is not None and board.version == version:
        return board
    if board is not None:
        news = await _load(conn, competition_id, board.version)
        if not news["reverted"]:
            for report in news["reports"]:
                board.bracket.report(report)
            board.version = news["version"]
            return board
    return _made(competition_id, await _load(conn, competition_id, None))


def _made(competition_id: UUID, case: Mapping[str, Any]) -> Board:
    bracket = Bracket(case["format"], case["entrants"])
    for report in case["reports"]:
        bracket.report(report)
    return Board(competition_id=competition_id, version=case["version"], bracket=bracket)


async def _load(conn: Conn, competition_id: UUID, since: int | None) -> dict[str, Any]:
    return await conn.fetchval("select agon.load_bracket($1, $2)", competition_id, since)


def _matches() -> int:
    return sum(len(board.bracket.matches) for board in _remembered.values())
