"""Tallies: from the values of single records to the value that a condition compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from agon.challenges.quantities import DOWN, RATIOS, compares
from agon.challenges.rule_tree import Condition, Score
from agon.challenges.windows import days_in, longest_streak


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one record gives to one metric: amount, for ratios over base; on its day."""

    day: date
    amount: int
    base: int = 0


@dataclass(frozen=True, kw_only=True)
class Tally:
    """value stands against target: in base units, or in days or records with per_day and count.

    days: the metric's value of each day that has any.
    """

    value: Fraction
    target: Fraction
    met: bool
    days: dict[date, Fraction]


def tally(asked: Condition, entries: Sequence[Entry]) -> Tally:
    """How a condition stands. Without any entry it is not met, whatever it asks."""
    days = by_day(asked.metric, entries)
    if asked.aggregate in ("total", "best"):
        value = aggregate(asked.metric, asked.aggregate, entries, asked.compare in DOWN)
        met = bool(entries) and compares(value, asked.compare, asked.target)
        return Tally(value=value, target=asked.target, met=met, days=days)
    if asked.aggregate == "per_day":
        values = list(days.values())
    else:
        values = [_sum(asked.metric, [entry]) for entry in entries]
    reached = sum(compares(value, asked.compare, asked.target) for value in values)
    needed = days_in(asked.scope.window) if asked.needed is None else asked.needed
    return Tally(value=Fraction(reached), target=Fraction(needed), met=reached >= needed, days=days)


def score(asked: Score, entries: Sequence[Entry]) -> Fraction | None:
    """The value that ranks a participant, in base units; None where nothing counts."""
    if not entries:
        return None
    return aggregate(asked.metric, asked.aggregate, entries, asked.order == "asc")


def aggregate(metric: str, how: str, entries: Sequence[Entry], least: bool) -> Fraction:
    """The total of all entries, or the best of one entry: the least or the largest."""
    if how == "total" or not entries:
        return _sum(metric, entries)
    values = [_sum(metric, [entry]) for entry in entries]
    return min(values) if least else max(values)


def by_day(metric: str, entries: Sequence[Entry]) -> dict[date, Fraction]:
    """The metric's value of each day that has an entry, in order."""
    grouped: dict[date, list[Entry]] = defaultdict(list)
    for entry in entries:
        grouped[entry.day].append(entry)
    return {day: _sum(metric, grouped[day]) for day in sorted(grouped)}


def _sum(metric: str, entries: Sequence[Entry]) -> Fraction:
    """Amounts add up. Ratios divide sums, so that a long activity weighs more than a short one.

    K/D/A divides by deaths, or by one where there are none: (kills + assists) / max(1, deaths).
    """
    if metric == "active_days":
        return Fraction(len({entry.day for entry in entries}))
    if metric == "longest_streak":
        return Fraction(longest_streak({entry.day for entry in entries}))
    if metric == "win_streak":
        return Fraction(_longest_run(entries))
    total = sum(entry.amount for entry in entries)
    if metric in RATIOS:
        return Fraction(total, max(1, sum(entry.base for entry in entries)))
    return Fraction(total)


def _longest_run(entries: Sequence[Entry]) -> int:
    """Most entries in a row, in their order, that have an amount."""
    longest = length = 0
    for entry in entries:
        length = length + 1 if entry.amount else 0
        longest = max(longest, length)
    return longest
