"""Playing: a bracket that takes results, and takes them back. Pure: all of it is in memory.

The state is a function of the format, the entrants and the results that stand. What follows from
them is not recorded, but derived: byes, matches that nobody plays, the forfeits of those who were
disqualified, the playoffs' entrants, the next Swiss round. A report or an undo touches the matches
that it affects, and no others; a Swiss round that is complete pairs the next.

A double forfeit puts both out, also in the winners' rounds of a double elimination: the next match
gets a bye in their place. Who is disqualified loses its open matches and those that it would go on
to, and in tables ends below all others; what it has played stands.

Undoing a result undoes first what came of it: later results of the two, a disqualification of
either, the playoffs or later Swiss rounds with all that was reported there. The same reports in the
same order bring all of it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agon.kernel.errors import refuse
from agon.leagues.brackets import building, format, reports, rounds, seeding
from agon.leagues.brackets.matches import (
    CANCELED,
    COMPLETED,
    DISQUALIFIED,
    EMPTY,
    GROUP,
    NOBODY,
    READY,
    SWISS,
    WAITING,
    Match,
    Result,
)

NO_SCORE = (0, 0)


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What an undo takes back.

    reverted: the reports that no longer stand, in the order in which they were made. changed: the
    matches that are not as before. removed: ids of Swiss matches that are no longer paired.
    """

    reverted: tuple[dict[str, Any], ...]
    changed: tuple[Match, ...]
    removed: tuple[str, ...]


@dataclass(slots=True)
class _Fault:
    """A disqualification: when it was reported, and the matches that it decided."""

    at: int
    forfeited: list[Match] = field(default_factory=list)


class Bracket:
    """A bracket that is played.

    Refused: `format_malformed`, `entrants_malformed`, `entrants_few`, `bracket_large`.
    """

    def __init__(self, config: Mapping[str, Any], entrants: Sequence[str]):
        seeding.check(entrants)
        self.config = config
        self.format = format.read(config)
        self.entrants = list(entrants)
        self.numbers = {entrant: number for number, entrant in enumerate(self.entrants)}
        self.plan = building.plan(self.format, len(self.entrants))
        self.matches = {match.id: match for match in self.plan.matches}
        self.open = len(self.matches)
        """Matches that are neither decided nor canceled."""
        self.rounds = rounds.Rounds(self)
        self._log: dict[str | int, int] = {}  # match, or who was disqualified -> when
        self._clock = 0
        self._faults: dict[int, _Fault] = {}
        self._changed: dict[str, Match] = {}
        self._reverted: list[tuple[int, dict[str, Any]]] = []
        self._removed: list[str] = []
        for number, (match, side) in enumerate(self.plan.entries):
            if number >= self.plan.seeds:
                self.put(match, side, NOBODY)
            elif self.format.groups is None:
                self.put(match, side, number)
        self.rounds.begin()
        self._changed.clear()

    # What stands.

    def match(self, match_id: object) -> Match:
        """Refused: `match_unknown`."""
        match = self.matches.get(match_id) if isinstance(match_id, str) else None
        if match is None:
            raise refuse(
                "match_unknown",
                "The bracket has no such match.",
                details=str(match_id)[:80],
                hint="Swiss matches are there once their round is paired.",
                status=404,
            )
        return match

    @property
    def completed(self) -> bool:
        """Nothing is left to play."""
        return self.open == 0

    def reported(self) -> list[dict[str, Any]]:
        """The reports that stand, in the order in which they were made."""
        return [self._report_of(key) for key in self._log]

    def disqualified(self, until: int | None = None) -> set[int]:
        """Who is disqualified, or was at that moment."""
        return {each for each, fault in self._faults.items() if until is None or fault.at <= until}

    @property
    def moment(self) -> int:
        """Grows with each report."""
        return self._clock

    # What is done.

    def report(self, report: Mapping[str, Any]) -> tuple[Match, ...]:
        """Take a result (reports.py has its forms), and answer with the matches that it changed.

        Refused, with nothing changed: `result_malformed`, `match_unknown`, `match_not_ready`,
        `match_decided`, `draw_not_allowed`, `games_undecided`, `games_too_many`, `entrant_out`.
        """
        self._changed.clear()
        kind = reports.kind_of(report)
        if kind == DISQUALIFIED:
            self._disqualify(report)
        else:
            match = self.match(report.get("match"))
            _check_ready(match)
            table = self.format.table if match.bracket_type in (GROUP, SWISS) else None
            draws, forfeit_score = (
                (table.draws, table.forfeit_score) if table else (False, NO_SCORE)
            )
            result = reports.read(report, kind, match, self.numbers, draws, forfeit_score)
            self._clock += 1
            self._log[match.id] = self._clock
            self._decide(match, result)
        return tuple(self._changed.values())

    def undo(self, match_id: object) -> Undone:
        """Take back the result of a match with all that came of it.

        Of a match that a disqualification decided, the disqualification. Refused: `match_unknown`,
        `match_open` (there is no result), `match_not_played` (a bye has none).
        """
        match = self.match(match_id)
        _check_played(match)
        self._changed.clear()
        self._reverted, self._removed = [], []
        if match.id in self._log:
            self.retract(match)
        else:
            for entrant in (match.a, match.b):
                if match in self._forfeited(entrant):
                    self.reinstate(entrant)
        self._reverted.sort(key=lambda each: each[0])
        return Undone(
            reverted=tuple(report for _, report in self._reverted),
            changed=tuple(self._changed.values()),
            removed=tuple(self._removed),
        )

    def preview_undo(self, match_id: object) -> Undone:
        """What an undo would take back. The bracket is afterwards as it was.

        Swiss rounds that are paired again for it have new Match objects, equal to the old ones.
        """
        log, clock, moments = dict(self._log), self._clock, list(self.rounds.moments)
        undone = self.undo(match_id)
        for report in undone.reverted:
            self.report(report)
        self._log, self._clock, self.rounds.moments = log, clock, moments
        for entrant, fault in self._faults.items():
            fault.at = log[entrant]
        return undone

    # How it follows. These are for rounds.py, too.

    def put(self, match: Match, side: int, entrant: int) -> None:
        """Fill a slot, and decide the match if that decides it."""
        if side:
            match.b = entrant
        else:
            match.a = entrant
        self._changed[match.id] = match
        if match.a != EMPTY and match.b != EMPTY:
            self._settle(match)

    def pull(self, match: Match, side: int) -> None:
        """Empty a slot, and first take back what came of it."""
        self.retract(match)
        if side:
            match.b = EMPTY
        else:
            match.a = EMPTY
        match.state = WAITING
        self._changed[match.id] = match

    def add(self, matches: Sequence[Match]) -> None:
        """A Swiss round is paired."""
        self.matches.update((match.id, match) for match in matches)
        self.open += len(matches)

    def remove(self, matches: Sequence[Match]) -> None:
        """A Swiss round, whose matches are all open, is no longer paired."""
        self.open -= len(matches)
        for match in matches:
            del self.matches[match.id]
            self._changed.pop(match.id, None)
            self._removed.append(match.id)

    def retract(self, match: Match) -> None:
        """Take back how a match was decided, with all that came of it; nothing if it is open."""
        if match.is_open():
            return
        for entrant in (match.a, match.b):
            if entrant in self._faults and match not in self._forfeited(entrant):
                self.reinstate(entrant)
        if match.reset is not None:
            for side in (0, 1):
                self.pull(match.reset, side)
        if match.winner_to is not None:
            self.pull(match.winner_to, match.winner_side)
        if match.loser_to is not None:
            self.pull(match.loser_to, match.loser_side)
        if match.bracket_type in (GROUP, SWISS):
            self.rounds.reopen(match)
        if match.id in self._log:
            self._reverted.append((self._log[match.id], self._report_of(match.id)))
            del self._log[match.id]
        for entrant in (match.a, match.b):
            if match in self._forfeited(entrant):
                self._faults[entrant].forfeited.remove(match)
        match.winner, match.result = EMPTY, None
        match.state = READY if match.a >= 0 and match.b >= 0 else WAITING
        self.open += 1
        self._changed[match.id] = match

    def reinstate(self, entrant: int) -> None:
        """Take back a disqualification, with the matches that it decided; nothing without one."""
        if entrant not in self._faults:
            return
        self._reverted.append((self._log[entrant], self._report_of(entrant)))
        fault = self._faults.pop(entrant)
        del self._log[entrant]
        for match in reversed(fault.forfeited):
            self.retract(match)
            self._settle(match)

    def _settle(self, match: Match) -> None:
        """Both slots are filled: a bye, a forfeit by who is disqualified, or ready."""
        if match.a < 0 or match.b < 0:
            self._collapse(match)
            return
        faults = self._faults
        if not (faults and (match.a in faults or match.b in faults)):
            match.state = READY
            return
        out = [entrant for entrant in (match.a, match.b) if entrant in faults]
        for entrant in out:
            faults[entrant].forfeited.append(match)
        winner = NOBODY if len(out) == 2 else int(match.a in faults)
        table = self.format.table if match.bracket_type in (GROUP, SWISS) else None
        forfeit_score = table.forfeit_score if table else NO_SCORE
        self._decide(match, reports.forfeited(DISQUALIFIED, winner, forfeit_score))

    def _collapse(self, match: Match) -> None:
        """One slot, or both, stay free: nothing is played."""
        winner = max(match.a, match.b)
        if winner in self._faults:
            self._faults[winner].forfeited.append(match)
            winner = NOBODY
        match.state = CANCELED if winner == NOBODY else COMPLETED
        match.winner = winner
        if match.reset is not None:
            self._cancel(match.reset)
        self._follow(match, NOBODY)

    def _decide(self, match: Match, result: Result) -> None:
        match.state, match.result = COMPLETED, result
        sides = (match.a, match.b)
        match.winner = sides[result.winner] if result.winner >= 0 else NOBODY
        if match.reset is not None:
            if result.winner == 1:
                self.put(match.reset, 0, match.a)
                self.put(match.reset, 1, match.b)
            else:
                self._cancel(match.reset)
        self._follow(match, match.loser())

    def _follow(self, match: Match, loser: int) -> None:
        self.open -= 1
        self._changed[match.id] = match
        if match.winner_to is not None:
            self.put(match.winner_to, match.winner_side, match.winner)
        if match.loser_to is not None:
            self.put(match.loser_to, match.loser_side, loser)
        if match.bracket_type in (GROUP, SWISS):
            self.rounds.decided()

    def _cancel(self, reset: Match) -> None:
        reset.state, reset.winner = CANCELED, NOBODY
        self.open -= 1
        self._changed[reset.id] = reset

    def _disqualify(self, report: Mapping[str, Any]) -> None:
        entrant = reports.named(report, "by", self.numbers)
        here = [each for each in self.matches.values() if entrant in (each.a, each.b)]
        still = [each for each in here if each.is_open()]
        if "match" in report and self.match(report["match"]) not in still:
            raise reports.malformed("match is an open match of who is disqualified.")
        in_stage = self.rounds.open > 0
        if entrant == NOBODY or entrant in self._faults or not (still or in_stage):
            raise refuse(
                "entrant_out",
                "Who plays no more is not disqualified.",
                details=str(report.get("by"))[:100],
                hint="Undo the result that put the entrant out, or that disqualified it, first.",
                status=409,
            )
        self._clock += 1
        self._log[entrant] = self._clock
        self._faults[entrant] = _Fault(at=self._clock)
        for match in still:
            if match.state == READY:
                self._settle(match)

    def _forfeited(self, entrant: int) -> list[Match]:
        fault = self._faults.get(entrant)
        return fault.forfeited if fault else []

    def _report_of(self, key: str | int) -> dict[str, Any]:
        if isinstance(key, str):
            return reports.report_of(self.matches[key], self.entrants)
        return {"kind": DISQUALIFIED, "by": self.entrants[key]}


def _check_ready(match: Match) -> None:
    if match.state == WAITING:
        raise refuse(
            "match_not_ready",
            "Who plays this match is not known yet.",
            details=match.id,
            hint="Report the matches before it first.",
            status=409,
        )
    if match.state != READY:
        raise refuse(
            "match_decided",
            "The match is decided already.",
            details=match.id,
            hint="Undo its result first.",
            status=409,
        )


def _check_played(match: Match) -> None:
    if match.is_open():
        raise refuse(
            "match_open",
            "The match has no result that could be undone.",
            details=match.id,
            hint="Only what is decided can be undone.",
            status=409,
        )
    if match.result is None:
        raise refuse(
            "match_not_played",
            "Nobody played this match, so there is no result to undo.",
            details=match.id,
            hint="Undo the results that it follows from.",
            status=409,
        )
