"""A match: two slots, who fills them, and where its winner and its loser go. Pure.

Entrants are numbers inside: their places in the order of seeds, from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

EMPTY = -2
"""A slot whose entrant is not known yet; a winner that is not known yet."""
NOBODY = -1
"""A slot that stays free (a bye); a winner where nobody won."""

WAITING, READY, COMPLETED, CANCELED = "waiting", "ready", "completed", "canceled"
WINNERS, LOSERS, GRAND_FINAL = "winners", "losers", "grand_final"
THIRD_PLACE, GROUP, SWISS = "third_place", "group", "swiss"

SCORE, FORFEIT, WALKOVER = "score", "forfeit", "walkover"
DOUBLE_FORFEIT, DISQUALIFIED = "double_forfeit", "disqualified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a match ended.

    kind: score, forfeit, walkover or double_forfeit as reported; disqualified where that follows
    from a disqualification, and was not reported itself.
    winner: 0 (slot a), 1 (slot b), or NOBODY after a draw or a double forfeit.
    score: of the one game, or the games that each has won in a best of n.
    games: each (a, b), in their order; empty where none was played.
    """

    kind: str
    winner: int
    score: tuple[int, int]
    games: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A source of a slot: who ends in this place (from 1) of this group (from 1)."""

    group: int
    place: int


@dataclass(slots=True, eq=False)
class Match:
    """One match. It is changed by playing.py only.

    id: stable, such as w.1.3 (winners), l.2.1 (losers), gf.1, gf.2 (the reset), p.1.1 (third
    place), g2.1.1 (group 2), s.1.4 (Swiss). round, number: from 1; group: from 1, or 0.
    a, b: an entrant, NOBODY (a bye) or EMPTY. from_a, from_b: the match or rank whose outcome
    fills the slot; none where a seed stands there.
    winner_to, loser_to: the match where they go on, and there slot 0 or 1 (`..._side`).
    reset: of gf.1, the second grand final. winner: an entrant, NOBODY or EMPTY.
    result: none after a bye, which is no match played.
    """

    id: str
    bracket_type: str
    group: int
    round: int
    number: int
    best_of: int
    a: int = EMPTY
    b: int = EMPTY
    from_a: Match | Rank | None = None
    from_b: Match | Rank | None = None
    winner_to: Match | None = None
    winner_side: int = 0
    loser_to: Match | None = None
    loser_side: int = 0
    reset: Match | None = None
    state: str = WAITING
    winner: int = EMPTY
    result: Result | None = None

    def loser(self) -> int:
        """The entrant that lost, or NOBODY."""
        if self.winner < 0:
            return NOBODY
        return self.b if self.winner == self.a else self.a

    def is_open(self) -> bool:
        """It is neither decided nor canceled."""
        return self.state in (WAITING, READY)


def feed_winner(feeder: Match, target: Match, side: int) -> None:
    """The winner of the one goes to this slot of the other."""
    feeder.winner_to, feeder.winner_side = target, side
    if side:
        target.from_b = feeder
    else:
        target.from_a = feeder


def feed_loser(feeder: Match, target: Match, side: int) -> None:
    """The loser of the one goes to this slot of the other."""
    feeder.loser_to, feeder.loser_side = target, side
    if side:
        target.from_b = feeder
    else:
        target.from_a = feeder


def feeds_loser(match: Match, side: int) -> bool:
    """Whether the match that fills this slot sends its loser there, and not its winner."""
    feeder = match.from_b if side else match.from_a
    if not isinstance(feeder, Match):
        return False
    if feeder.reset is match:  # who never lost before stays in slot a
        return side == 0
    return feeder.loser_to is match and feeder.loser_side == side
