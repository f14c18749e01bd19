"""The judge of activities: runs, rides, days of steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agon.challenges import rules
from agon.challenges.judges.admission import Admission, by_trust, refused
from agon.challenges.judges.verdict import Verdict
from agon.challenges.judges.weighing import invalid, weigh
from agon.challenges.quantities import DOWN
from agon.challenges.records import Record
from agon.challenges.rule_tree import Condition, Minimum, Scope, Score

JUDGE = "fitness"
FIELDS = {
    "distance": "distance_mm",
    "steps": "steps",
    "ascent": "ascent_mm",
    "calories": "calories_kcal",
}
"""Metric -> field of an activity record."""
TIMES = {"moving_time": "moving", "timer_time": "timer", "elapsed_time": "elapsed"}
FALLBACKS = {
    ("moving", "long"): ("moving_ms",),
    ("timer", "long"): ("timer_ms", "moving_ms"),
    ("elapsed", "long"): ("elapsed_ms",),
    ("moving", "short"): ("moving_ms", "timer_ms", "elapsed_ms"),
    ("timer", "short"): ("timer_ms", "elapsed_ms"),
    ("elapsed", "short"): ("elapsed_ms",),
}
"""The time asked for, and what would help the participant -> fields to take it from.

Moving <= timer <= elapsed. Where a file lacks a time, the next one stands in that cannot help.
"""
PACE_SCALE = 1_000_000
"""ms per mm -> ms per km."""
SPEED_SCALE = 1000
"""mm per ms -> mm per s."""


def judge(
    rule: dict[str, Any], records: Iterable[Record], *, enrolled_ms: int | None = None
) -> Verdict:
    """The verdict on a subject's activities; enrolment does not matter to them."""
    tree, mistakes = rules.read(rule, JUDGE)
    if tree is None:
        return invalid(JUDGE, mistakes)
    return weigh(JUDGE, tree, records, _admit, _amount)


def _admit(record: Record, scope: Scope, sports: frozenset[str]) -> Admission:
    if record["type"] != "activity":
        return refused("wrong_kind")
    if record["sport"] == "other" and scope.other_as:
        record = {**record, "sport": scope.other_as}
    if record["sport"] not in sports:
        return refused("sport_unknown" if record["sport"] == "other" else "sport_not_asked")
    if not scope.window.holds(record["start_ms"], record["end_ms"]):
        return refused("outside_window")
    if not _reaches(record, scope.minimum):
        return refused("below_minimum")
    return by_trust(record, scope)


def _reaches(record: Record, minimum: Minimum | None) -> bool:
    if minimum is None:
        return True
    value = _plain(record, minimum.metric, "long")
    return value is not None and value >= minimum.amount


def _amount(record: Record, asked: Condition | Score) -> tuple[int, int] | None:
    """What an activity gives to a metric: amount and, for pace and speed, what it is divided by.

    Pace is time over distance, speed distance over time; the sums of each are divided.
    """
    down = asked.order == "asc" if isinstance(asked, Score) else asked.compare in DOWN
    if asked.metric in ("average_pace", "average_speed"):
        helps = "short" if down == (asked.metric == "average_pace") else "long"
        time, distance = _time(record, asked.time, helps), record["distance_mm"]
        if not time or not distance:
            return None
        if asked.metric == "average_pace":
            return time * PACE_SCALE, distance
        return distance * SPEED_SCALE, time
    value = _plain(record, asked.metric, "short" if down else "long")
    return None if value is None else (value, 0)


def _plain(record: Record, metric: str, helps: str) -> int | None:
    """The value of a metric that adds up; 1 for the metrics that count activities and days."""
    if metric in TIMES:
        return _time(record, TIMES[metric], helps)
    return record[FIELDS[metric]] if metric in FIELDS else 1


def _time(record: Record, time: str, helps: str) -> int | None:
    known = (record[key] for key in FALLBACKS[time, helps])
    return next((value for value in known if value is not None), None)
