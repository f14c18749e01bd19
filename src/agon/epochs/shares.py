"""From contributions to shares: weights, caps and whole units that add up. Pure, no floats.

Weights. Part c (occupied, claims, defense, votes) has w_c basis points, and bot b has x_c(b) of it,
X_c in all. A part with X_c = 0 is left out. With D = the lowest common multiple of the other X_c:
    weight(b) = sum over c of w_c x_c(b) D / X_c                   an integer
    raw(b)    = weight(b) / (10^4 D)                               in 0 .. 1
    share(b)  = weight(b) / sum of all weights                     parts left out fall to the others

Caps by water-filling. The amount of b, as a part of the pool, is min(limit(b), level x weight(b)),
at the one level at which the amounts add up to 1: what a cap cuts off goes to the others in
proportion. limit(b) is the bot's cap; where the limits of an owner's bots exceed the owner's cap,
they are first filled in the same way up to it, so that both caps hold. Where all limits add up to
less than 1, caps cannot be held: everyone's limit is raised by the same factor, to add up to 1.

Whole units (largest remainder, Hamilton). Of T units, b gets floor(T amount(b)); the units left
over go one each to the largest fractional parts, then larger amounts, then smaller keys (text).
Sums are T, each is within one unit of T x amount, and the order of input changes nothing.

Source: Hamilton's method, as M. Balinski and H. P. Young describe it in Fair Representation (1982).
It keeps every share within one unit; its paradoxes, such as that of Alabama, move single units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

WHOLE_BPS = 10_000


@dataclass(frozen=True, kw_only=True)
class Weights:
    """by_bot: weight(b); whole: 10^4 D, of which weight(b) is the part raw(b)."""

    by_bot: list[int]
    whole: int


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """by_bot: parts of the pool, adding up to 1, or all 0; raised: no caps could be held."""

    by_bot: list[Fraction]
    raised: bool


def weigh(parts: Sequence[tuple[int, Sequence[int]]]) -> Weights:
    """The weights of bots. parts: (basis points, what each bot has), none negative."""
    sums = [sum(amounts) for _, amounts in parts]
    multiple = lcm(*(total for total in sums if total))
    by_bot = [0] * len(parts[0][1])
    for (weight_bps, amounts), total in zip(parts, sums, strict=True):
        if total:
            factor = weight_bps * (multiple // total)
            by_bot = [one + factor * own for one, own in zip(by_bot, amounts, strict=True)]
    return Weights(by_bot=by_bot, whole=WHOLE_BPS * multiple)


def cap(
    weights: Sequence[int], owners: Sequence[object], bot_bps: int, owner_bps: int = WHOLE_BPS
) -> Amounts:
    """Parts of the pool in proportion to the weights, within the caps."""
    limits = [Fraction(bot_bps, WHOLE_BPS) if weight else Fraction(0) for weight in weights]
    groups: dict[object, list[int]] = defaultdict(list)
    for bot, owner in enumerate(owners):
        groups[owner].append(bot)
    owner_cap = Fraction(owner_bps, WHOLE_BPS)
    reachable = Fraction(0)
    for bots in groups.values():
        together = sum(limits[bot] for bot in bots)
        reachable += min(together, owner_cap)
        if together > owner_cap and owner_cap < 1:  # a cap of the whole binds nobody
            within = fill([weights[bot] for bot in bots], [limits[bot] for bot in bots], owner_cap)
            for bot, limit in zip(bots, within, strict=True):
                limits[bot] = limit
    if reachable >= 1 or not reachable:
        return Amounts(by_bot=fill(weights, limits, Fraction(1)), raised=False)
    return Amounts(by_bot=[limit / reachable for limit in limits], raised=True)


def fill(weights: Sequence[int], limits: Sequence[Fraction], total: Fraction) -> list[Fraction]:
    """min(limit, level x weight) for each, at the level at which they add up to the total.

    Where the limits add up to less, each is at its limit. A weight of 0 gets 0.
    """
    amounts = [Fraction(0)] * len(weights)
    mass = sum(weights)
    order = sorted(
        (place for place, weight in enumerate(weights) if weight),
        key=lambda place: limits[place] / weights[place],
    )
    for done, place in enumerate(order):
        if limits[place] * mass > total * weights[place]:
            for rest in order[done:]:
                amounts[rest] = total * weights[rest] / mass
            break
        amounts[place] = limits[place]
        total -= limits[place]
        mass -= weights[place]
    return amounts


def apportion(amounts: Sequence[Fraction], units: int, keys: Sequence[str]) -> list[int]:
    """Whole units by largest remainder, in all `units`; all 0 where the amounts are.

    amounts: adding up to 1, or all 0; keys: unlike each other. ValueError for any other.
    """
    whole = sum(amounts)
    if (
        min(amounts, default=0) < 0
        or units < 0
        or whole not in (0, 1)
        or len(set(keys)) < len(keys)
    ):
        raise ValueError("amounts are parts of one whole, each with a key of its own")
    if not whole:
        return [0] * len(amounts)
    exact = [amount * units for amount in amounts]
    given = [int(each) for each in exact]
    order = sorted(
        range(len(amounts)),
        key=lambda place: (given[place] - exact[place], -exact[place], keys[place]),
    )
    for place in order[: units - sum(given)]:
        given[place] += 1
    return given
