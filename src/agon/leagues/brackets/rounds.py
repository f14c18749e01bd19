"""Rounds: what follows when all matches of a stage are decided. Pure.

After the groups, those who advance enter the playoffs; after a Swiss round, the next is paired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agon.leagues.brackets import standings, swiss
from agon.leagues.brackets.matches import GROUP, NOBODY, SWISS, Match
from agon.leagues.brackets.standings import Row

if TYPE_CHECKING:
    from agon.leagues.brackets.playing import Bracket


class Rounds:
    """The stage of a bracket that is not an elimination.

    moments: when each Swiss round was paired, or, as the only one, when the playoffs began.
    """

    def __init__(self, bracket: Bracket):
        self.bracket = bracket
        self.open = sum(match.bracket_type == GROUP for match in bracket.plan.matches)
        self.moments: list[int] = []
        self.paired: list[list[Match]] = []

    def begin(self) -> None:
        """Pair the first Swiss round, where there is one."""
        if self.bracket.format.kind == "swiss":
            self._pair()

    def decided(self) -> None:
        """One more match of the stage is decided."""
        self.open -= 1
        if self.open:
            return
        if self.bracket.plan.ranks:
            self._advance()
        elif self.paired:
            self._pair()

    def reopen(self, match: Match) -> None:
        """A match of the stage is about to be open again: what came of the stage goes."""
        if match.bracket_type == SWISS:
            self._unpair(match.round)
        elif not self.open and self.bracket.plan.ranks:
            self._retreat()
        self.open += 1

    def standings(self, group: int = 0) -> list[Row]:
        """The rows of a group (from 1), or of the Swiss tournament, the best first.

        Who is disqualified in the playoffs keeps the place in its group.
        """
        bracket, table = self.bracket, self.bracket.format.table
        assert table is not None
        if bracket.format.kind == "swiss":
            matches = [match for each in self.paired for match in each]
            rows = standings.tally(range(len(bracket.entrants)), matches, table)
            complete = len(self.paired) - bool(self.open)
            return standings.order(rows, table, bracket.disqualified(), complete)
        return self._group(group, [each for each in self._matches() if each.group == group])

    def _matches(self) -> list[Match]:
        return [each for each in self.bracket.plan.matches if each.bracket_type == GROUP]

    def _group(self, group: int, matches: list[Match]) -> list[Row]:
        bracket, table = self.bracket, self.bracket.format.table
        assert table is not None
        until = self.moments[0] if self.moments else None
        rows = standings.tally(bracket.plan.groups[group - 1], matches, table)
        return standings.order(rows, table, bracket.disqualified(until))

    def tables(self) -> list[list[Row]]:
        """The rows of all groups."""
        by_group: list[list[Match]] = [[] for _ in self.bracket.plan.groups]
        for match in self._matches():
            by_group[match.group - 1].append(match)
        return [self._group(group, matches) for group, matches in enumerate(by_group, 1)]

    def _advance(self) -> None:
        bracket = self.bracket
        self.moments = [bracket.moment]
        out = bracket.disqualified()
        tables = self.tables()
        for (match, side), rank in zip(bracket.plan.entries, bracket.plan.ranks, strict=False):
            entrant = tables[rank.group - 1][rank.place - 1].entrant
            bracket.put(match, side, NOBODY if entrant in out else entrant)

    def _retreat(self) -> None:
        bracket = self.bracket
        self._reinstate_after(self.moments[0])
        for (match, side), _ in zip(bracket.plan.entries, bracket.plan.ranks, strict=False):
            bracket.pull(match, side)
        self.moments = []

    def _pair(self) -> None:
        bracket, table = self.bracket, self.bracket.format.table
        assert table is not None
        out = bracket.disqualified()
        number = len(self.paired) + 1
        if number > table.rounds or len(bracket.entrants) - len(out) < 2:
            return
        standing, met, byes = self._past(out)
        games = table.games("s", number, table.rounds)
        pairs = swiss.pair(standing, met, byes)
        here = [
            Match(f"s.{number}.{place}", SWISS, 0, number, place, games)
            for place in range(1, len(pairs) + 1)
        ]
        self.paired.append(here)
        self.moments.append(bracket.moment)
        self.open = len(here)
        bracket.add(here)
        for match, (a, b) in zip(here, pairs, strict=True):
            bracket.put(match, 0, a)
            bracket.put(match, 1, b)

    def _past(
        self, out: set[int]
    ) -> tuple[list[tuple[int, int]], dict[int, set[int]], dict[int, int]]:
        """Of those who are still in: (entrant, points) in order, whom each has met, and byes."""
        table = self.bracket.format.table
        assert table is not None
        met: dict[int, set[int]] = {
            each: set() for each in range(len(self.bracket.entrants)) if each not in out
        }
        points, byes = dict.fromkeys(met, 0), dict.fromkeys(met, 0)
        matches = [match for each in self.paired for match in each]
        rows = standings.tally(range(len(self.bracket.entrants)), matches, table)
        for entrant in met:
            points[entrant], byes[entrant] = rows[entrant].points, rows[entrant].byes
            met[entrant] = {each.opponent for each in rows[entrant].meetings} - {NOBODY}
        standing = sorted(points.items(), key=lambda each: (-each[1], each[0]))
        return standing, met, byes

    def _unpair(self, last: int) -> None:
        """Take away the rounds after this one."""
        bracket = self.bracket
        if len(self.paired) > last:
            self._reinstate_after(self.moments[last])
        while len(self.paired) > last:
            here = self.paired[-1]
            for match in here:
                bracket.retract(match)
            self.paired.pop()
            self.moments.pop()
            bracket.remove(here)
            self.open = 0

    def _reinstate_after(self, moment: int) -> None:
        late = self.bracket.disqualified() - self.bracket.disqualified(moment)
        for entrant in sorted(late):
            self.bracket.reinstate(entrant)
