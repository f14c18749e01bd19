"""A week of a runner, and rules for it: what tests of judges are made of."""

from agon.challenges.judges import fitness
from agon.challenges.records import activity
from agon.challenges.windows import moment

WEEK = {"start": "2026-11-02", "end": "2026-11-09", "zone": "Europe/Berlin"}
MONDAY_MS = moment("2026-11-02", "Europe/Berlin")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def run(day=0, hour=7, minutes=60, km=10, **parts):
    start_ms = MONDAY_MS + day * DAY_MS + hour * HOUR_MS
    facts = {
        "format": "fit", "sport": "run", "trust": 3, "start_ms": start_ms,
        "end_ms": start_ms + minutes * MINUTE_MS, "timer_ms": minutes * MINUTE_MS,
        "distance_mm": km * 1_000_000,
    }  # fmt: skip
    return activity(**{**facts, **parts})


def steps(day, count, offset_s=3600, zone_shift_ms=0):
    start_ms = MONDAY_MS + day * DAY_MS + zone_shift_ms
    return activity(
        format="apple", sport="daily", trust=2, start_ms=start_ms, end_ms=start_ms + DAY_MS,
        steps=count, utc_offset_s=offset_s,
    )  # fmt: skip


def distance(km=10, **parts):
    return {
        "version": 1, "window": WEEK, "metric": "distance", "unit": "km", "compare": ">=",
        "target": km, **parts,
    }  # fmt: skip


def asked(metric, compare, target, **parts):
    return {
        "version": 1, "window": WEEK, "metric": metric, "compare": compare, "target": target,
        **parts,
    }  # fmt: skip


def judged(rule, *records):
    return fitness.judge(rule, records)


def codes(verdict):
    return [reason.code for reason in verdict.reasons]


TEN, RIDE = (
    {"metric": "distance", "unit": "km", "compare": ">=", "target": 10, "sports": ["run"]},
    {"metric": "activities", "compare": ">=", "target": 1, "sports": ["ride"]},
)
SWIM = {**RIDE, "sports": ["swim"]}
