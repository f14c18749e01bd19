"""Ratings of a season: OpenSkill's Plackett-Luce over its matches, in one order. Pure.

A wallet begins with mu 25 and sigma 25/3; beta 25/6, kappa 0.0001 and tau 25/300 are the library's.
What counts are matches that were played: no byes, forfeits, walkovers and disqualifications. The
two sides are the rosters; a draw gives both the same rank. The order is that of the competitions'
ends (then ids), and within one that of the bracket (stage, round, number), whenever a result came
in. After each match mu and sigma are rounded to 4 places, half to even, and the next match begins
from there: so what is computed on from kept values equals what is computed from the start, and
machines whose floats differ in their last bits agree.

Source of the model: Weng and Lin, "A Bayesian Approximation Method for Online Ranking" (2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from openskill.models import PlackettLuce

PLACES = 4
SCALE = 10**PLACES
MU, SIGMA, BETA, KAPPA, TAU = 25.0, 25.0 / 3.0, 25.0 / 6.0, 0.0001, 25.0 / 300.0


@dataclass(frozen=True, kw_only=True)
class Rating:
    """mu, sigma: in units of 10^-PLACES; matches: how many it comes from."""

    mu: int
    sigma: int
    matches: int = 0

    @property
    def ordinal(self) -> int:
        """What a rating is worth: mu - 3 sigma."""
        return self.mu - 3 * self.sigma


@dataclass(frozen=True, kw_only=True)
class Played:
    """A match: the wallets of both sides; winner: 0, 1, or None after a draw."""

    a: Sequence[str]
    b: Sequence[str]
    winner: int | None


BEGINNER = Rating(mu=round(MU * SCALE), sigma=round(SIGMA * SCALE))


def rate(begun: Mapping[str, Rating], matches: Iterable[Played]) -> dict[str, Rating]:
    """Everybody's rating after these matches; begun: what it was before, of whom it was known."""
    model = PlackettLuce(mu=MU, sigma=SIGMA, beta=BETA, kappa=KAPPA, tau=TAU)
    found = dict(begun)
    for match in matches:
        sides = (match.a, match.b)
        if not all(sides):
            continue
        teams = [
            [
                model.rating(mu=own.mu / SCALE, sigma=own.sigma / SCALE)
                for own in (found.get(wallet, BEGINNER) for wallet in side)
            ]
            for side in sides
        ]
        ranks = [1, 1] if match.winner is None else [1 + match.winner, 2 - match.winner]
        for side, team in zip(sides, model.rate(teams, ranks=ranks), strict=True):
            for wallet, after in zip(side, team, strict=True):
                found[wallet] = Rating(
                    mu=round(after.mu * SCALE),
                    sigma=round(after.sigma * SCALE),
                    matches=found.get(wallet, BEGINNER).matches + 1,
                )
    return found
