"""What a rule can ask for: the metrics, their units, and exact conversion between them.

Inside, every metric has one base unit (mm, ms, mm/s, ms per km, counts, thousandths), and values
are Fractions, so that a comparison is exact. Outputs are rounded to whole base units.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

INTEGER_MAX = 2**53 - 1
"""Largest integer of a result (RFC 8785)."""
SHOWN_DECIMALS = 3
"""Decimals of a value in a sentence."""
MILE_M = Fraction(1_609_344, 1000)
FOOT_MM = Fraction(3048, 10)

LENGTHS = {
    "km": Fraction(1_000_000),
    "m": Fraction(1000),
    "mi": MILE_M * 1000,
}
CLIMBS = {"m": Fraction(1000), "ft": FOOT_MM}
TIMES = {"min": Fraction(60_000), "h": Fraction(3_600_000), "s": Fraction(1000)}
PACES = {"min/km": Fraction(60_000), "min/mi": 60_000 / (MILE_M / 1000)}
SPEEDS = {"km/h": Fraction(10_000, 36), "m/s": Fraction(1000), "mph": MILE_M * 10 / 36}
COUNT = {"": Fraction(1)}
RATIO = {"": Fraction(1000)}

EVERY_WAY = ("total", "best", "per_day", "count")
BY_NUMBER = ("total", "per_day")
AMOUNT = re.compile(r"(?P<whole>[0-9]{1,12})(?P<rest>\.[0-9]{1,9}|:[0-5][0-9])?")
UP = (">=", ">")
DOWN = ("<=", "<")


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One metric.

    family: whose records have it, `activity` or `game`; base: unit of integers in results;
    units: factor to the base unit, by name ("" where the metric needs none);
    aggregates: the ways in which a rule may aggregate it.
    """

    family: str
    label: str
    base: str
    units: Mapping[str, Fraction] = field(default_factory=lambda: COUNT)
    aggregates: tuple[str, ...] = EVERY_WAY


def _activity(label: str, base: str, units: Mapping[str, Fraction]) -> Quantity:
    return Quantity(family="activity", label=label, base=base, units=units)


def _game(label: str, base: str, **parts: object) -> Quantity:
    return Quantity(family="game", label=label, base=base, **parts)  # type: ignore[arg-type]


QUANTITIES = {
    "distance": _activity("Distance", "mm", LENGTHS),
    "moving_time": _activity("Moving time", "ms", TIMES),
    "timer_time": _activity("Timer time", "ms", TIMES),
    "elapsed_time": _activity("Elapsed time", "ms", TIMES),
    "steps": _activity("Steps", "steps", {"steps": Fraction(1)}),
    "ascent": _activity("Ascent", "mm", CLIMBS),
    "calories": _activity("Calories", "kcal", {"kcal": Fraction(1)}),
    "average_pace": _activity("Average pace", "ms/km", PACES),
    "average_speed": _activity("Average speed", "mm/s", SPEEDS),
    "activities": Quantity(
        family="activity", label="Activities", base="activities", aggregates=BY_NUMBER
    ),
    "active_days": Quantity(
        family="activity", label="Active days", base="days", aggregates=("total",)
    ),
    "longest_streak": Quantity(
        family="activity", label="Longest streak", base="days", aggregates=("total",)
    ),
    "wins": _game("Wins", "wins", aggregates=BY_NUMBER),
    "matches": _game("Matches", "matches", aggregates=BY_NUMBER),
    "kills": _game("Kills", "kills"),
    "deaths": _game("Deaths", "deaths"),
    "assists": _game("Assists", "assists"),
    "kda": _game("K/D/A", "1/1000", units=RATIO),
    "win_streak": _game("Win streak", "wins", aggregates=("total",)),
}
OF_DAYS = (
    "distance", "steps", "ascent", "calories", "activities", "active_days", "longest_streak",
)  # fmt: skip
"""Metrics of a whole day's movement, which has no time and so no speed."""
RATIOS = ("average_pace", "average_speed", "kda")
TIMED = ("average_pace", "average_speed")


def units_of(metric: str) -> tuple[str, ...]:
    """Names of the metric's units, the usual one first; none for plain counts."""
    return tuple(name for name in QUANTITIES[metric].units if name)


def unit_of(metric: str, unit: str | None) -> str | None:
    """The unit meant: the given one, or the only one there is; None if that leaves it open."""
    units = QUANTITIES[metric].units
    if unit is None:
        return next(iter(units)) if len(units) == 1 else None
    return unit if unit in units and unit else None


def amount_of(written: int | str, metric: str, unit: str) -> Fraction | None:
    """A written amount in base units, exactly; None if it is no amount of this unit.

    `5:30` (minutes and seconds) is understood where the unit counts minutes.
    """
    match = AMOUNT.fullmatch(str(written))
    if match is None:
        return None
    whole, rest = Fraction(match["whole"]), match["rest"] or ""
    if rest.startswith(":"):
        if not unit.startswith("min"):
            return None
        whole += Fraction(int(rest[1:]), 60)
    elif rest:
        whole += Fraction("0" + rest)
    return whole * QUANTITIES[metric].units[unit]


def compares(value: Fraction, compare: str, target: Fraction) -> bool:
    """Whether `value compare target` holds, exactly."""
    if value == target:
        return compare in (">=", "<=", "==")
    return compare in (UP if value > target else DOWN)


def show(value: Fraction, metric: str, unit: str, *, up: bool = False) -> str:
    """A value for a sentence, in the rule's own unit: `8.2 km`, `5:31 min/km`, `7`.

    Rounded down, or up where less is better, so that a missed target never reads as reached.
    """
    scaled = value / QUANTITIES[metric].units[unit]
    rounded = math.ceil if up else math.floor
    if metric == "average_pace":
        minutes, seconds = divmod(rounded(scaled * 60), 60)
        return f"{minutes}:{seconds:02} {unit}"
    whole, decimals = divmod(rounded(scaled * 10**SHOWN_DECIMALS), 10**SHOWN_DECIMALS)
    text = f"{whole}.{decimals:0{SHOWN_DECIMALS}}".rstrip("0").rstrip(".")
    return f"{text} {unit}".rstrip()


def whole(value: Fraction) -> int:
    """The value in whole base units, half rounded up, at most INTEGER_MAX."""
    return min(math.floor(value + Fraction(1, 2)), INTEGER_MAX)
