"""Plausibility: what no body and no device does, and what a person should look at.

Every row of CHECKS is one finding with its level:
- `reject`: the record does not count, whatever the rule says;
- `flag`: it counts, and the finding stands in the verdict, unless the rule refuses flags;
- `rule`: it counts only where the rule allows it.
The speeds are in `limits.py`; where the other limits come from stands beside each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from agon.challenges.limits import BEST_SPLITS, SPEED_LIMITS
from agon.challenges.quantities import INTEGER_MAX
from agon.challenges.records import TIME_MIN_MS, Record
from agon.challenges.windows import DAY_MS, TIME_MAX_MS

FUTURE_TOLERANCE_MS = 300_000
"""A device's clock may be ahead of ours by this much."""
TIMER_TOLERANCE_MS = 2_000
"""Timer time is rounded apart from elapsed time."""
BACKWARD_BP_MAX = 10
"""Samples that go back in time; an honest multisport file of 24,239 samples has two."""
BACKWARD_STEPS_FREE = 2
DROPPED_POINTS_BP_MAX = 100
DROPPED_DISTANCE_BP_MAX = 500
DROPPED_POINTS_FREE = 1
"""One bad position exists in honest files, and may lie anywhere on Earth."""
GPS_DIFFERENCE_BP_MAX = {"run": 1_000, "ride": 1_000, "walk": 1_500, "hike": 1_500}
"""GPS against device distance; honest pairs differ by 2 % at most."""
SAMPLE_INTERVAL_MS_MAX = 10_000
GAP_BP_MAX = 2_000
"""Share of the elapsed time in gaps of more than a minute."""
PAUSE_RATIO_MAX = 4
PAUSE_MS_MAX = DAY_MS
"""Honest files of 27 and 31 days exist: a forgotten device. Hence a flag."""
HEART_RATE_MAX = 220
HEART_RATE_CONSTANT_BP_MAX = 5_000
CADENCE_ODD_BP_MAX = 5_000
"""Share of fast samples whose cadence is no runner's."""
STEPS_FLAG = 50_000
STEPS_REJECT = 100_000
STEPS_5MIN_MAX = 1_250
"""250 steps a minute for five minutes; scoring elsewhere is capped at 15,000 to 20,000 a day."""
STEPS_WINDOW_MS = 300_000
SPEED_WINDOW_MS = 60_000

ON_FOOT = ("run", "walk", "hike")
OUTDOORS = (*ON_FOOT, "ride")
STEPPING = ("daily", *ON_FOOT)
LIMITED = tuple(SPEED_LIMITS)
ACTIVITIES = (*LIMITED, "row", "strength", "yoga", "hiit", "other")
TRAINER_SPORTS = OUTDOORS
"""Sports that a treadmill or trainer stands in for; a pool is where swimming belongs."""
ACTIVITY_TIMES = ("timer_ms", "moving_ms", "elapsed_ms")

Facts = dict[str, int]
Level = Literal["reject", "flag", "rule"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One implausible trait: stable code, level, a sentence without data, and the data."""

    code: str
    level: Level
    sentence: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Check:
    """A row of the table. sports: which it is for, None for all records with a time.

    find: the facts that make the finding, None if the record is fine.
    """

    code: str
    level: Level
    sentence: str
    find: Callable[[Record], Facts | None]
    sports: tuple[str, ...] | None = None


def examine(record: Record) -> tuple[Finding, ...]:
    """All findings of one record, in the order of CHECKS; accounts have none.

    Reads what the intake noted on the record, if it did (`received_ms`, `intake_flags`), and
    never `track`.
    """
    if record["type"] == "account":
        return ()
    return tuple(
        Finding(code=check.code, level=check.level, sentence=check.sentence, facts=facts)
        for check in _checks_for(record.get("sport"))
        if (facts := check.find(record)) is not None
    )


@cache
def _checks_for(sport: str | None) -> tuple[Check, ...]:
    return tuple(check for check in CHECKS if check.sports is None or sport in check.sports)


def _measures(record: Record) -> dict:
    return record.get("measures") or {}


def _over(value: int | None, limit: int) -> Facts | None:
    if value is None or value <= limit:
        return None
    return {"value": min(value, INTEGER_MAX), "limit": limit}


def _active_ms(record: Record) -> int:
    """Timer, moving or elapsed time: the first that is known; at least 1."""
    return next((record[key] for key in ACTIVITY_TIMES if (record[key] or 0) > 0), 1)


def _mean_mm_s(record: Record) -> int | None:
    distance = record["distance_mm"]
    return None if distance is None else distance * 1000 // _active_ms(record)


def _before_2000(record: Record) -> Facts | None:
    start = record["start_ms"]
    return {"start_ms": start} if start < TIME_MIN_MS else None


def _in_future(record: Record) -> Facts | None:
    """A day of steps ends at midnight, so only its start can be too late."""
    latest = min(record.get("received_ms") or TIME_MAX_MS, TIME_MAX_MS) + FUTURE_TOLERANCE_MS
    last = record["start_ms" if record.get("sport") == "daily" else "end_ms"]
    return {"last_ms": last, "latest_ms": latest} if last > latest else None


def _ends_before_start(record: Record) -> Facts | None:
    length = record["end_ms"] - record["start_ms"]
    return {"elapsed_ms": length} if length < 0 else None


def _timer_over_elapsed(record: Record) -> Facts | None:
    longest = max(record["timer_ms"] or 0, record["moving_ms"] or 0)
    return _over(longest, max(0, record["elapsed_ms"]) + TIMER_TOLERANCE_MS)


def _goes_back(record: Record) -> Facts | None:
    steps, samples = _measures(record).get("backward_steps") or 0, _measures(record).get("samples")
    if steps <= BACKWARD_STEPS_FREE or steps * 10_000 <= (samples or 0) * BACKWARD_BP_MAX:
        return None
    return {"steps": steps, "samples": samples or 0}


def _too_fast_60s(record: Record) -> Facts | None:
    """Any minute of the samples; without samples, a mean over a minute or more proves one."""
    limit = SPEED_LIMITS[record["sport"]].reject_60s
    mean, distance = _mean_mm_s(record) or 0, record["distance_mm"] or 0
    a_minute = _active_ms(record) >= SPEED_WINDOW_MS or distance * 1000 > limit * SPEED_WINDOW_MS
    fastest = _measures(record).get("fastest_60s_mm_s") or 0
    return _over(max(fastest, mean if a_minute else 0), limit)


def _faster_than_record(record: Record) -> Facts | None:
    """The best time over each distance, and the whole for the longest one that it contains."""
    best = {int(metres): ms for metres, ms in (_measures(record).get("best_ms") or {}).items()}
    covered = [metres for metres in BEST_SPLITS if metres * 1000 <= (record["distance_mm"] or 0)]
    splits = [(metres, metres * 1_000_000 // ms) for metres, ms in best.items() if ms]
    if covered:
        splits.append((max(covered), _mean_mm_s(record) or 0))
    for metres, speed in splits:
        if found := _over(speed, BEST_SPLITS[metres]):
            return {"metres": metres, **found}
    return None


def _too_fast_300s(record: Record) -> Facts | None:
    limit = SPEED_LIMITS[record["sport"]].flag_300s
    return _over(_measures(record).get("fastest_300s_mm_s"), limit)


def _too_fast_mean(record: Record) -> Facts | None:
    return _over(_mean_mm_s(record), SPEED_LIMITS[record["sport"]].flag_mean)


def _jumps(record: Record) -> Facts | None:
    measures = _measures(record)
    points, way = measures.get("dropped_points") or 0, measures.get("dropped_distance_mm") or 0
    many = points * 10_000 > (measures.get("samples") or 0) * DROPPED_POINTS_BP_MAX
    far = way * 10_000 > (record["distance_mm"] or 0) * DROPPED_DISTANCE_BP_MAX
    if points <= DROPPED_POINTS_FREE or not (many or far):
        return None
    return {"points": points, "distance_mm": way}


def _gps_differs(record: Record) -> Facts | None:
    measures, device = _measures(record), record["distance_mm"]
    gps = measures.get("gps_distance_mm")
    if measures.get("distance_source") != "device" or not device or not gps:
        return None
    return _over(abs(gps - device) * 10_000 // device, GPS_DIFFERENCE_BP_MAX[record["sport"]])


def _sparse(record: Record) -> Facts | None:
    return _over(_measures(record).get("median_interval_ms"), SAMPLE_INTERVAL_MS_MAX)


def _gaps(record: Record) -> Facts | None:
    gap, elapsed = _measures(record).get("gap_ms") or 0, record["elapsed_ms"]
    return _over(gap * 10_000 // elapsed, GAP_BP_MAX) if elapsed > 0 else None


def _pauses(record: Record) -> Facts | None:
    timer, elapsed = record["timer_ms"], record["elapsed_ms"]
    if not timer or (elapsed <= PAUSE_RATIO_MAX * timer and elapsed - timer <= PAUSE_MS_MAX):
        return None
    return {"elapsed_ms": elapsed, "timer_ms": timer}


def _heart_too_fast(record: Record) -> Facts | None:
    known = (_measures(record).get("mean_heart_rate"), record["average_heart_rate"])
    return _over(max((rate for rate in known if rate), default=None), HEART_RATE_MAX)


def _heart_constant(record: Record) -> Facts | None:
    varies = _measures(record).get("speed_varies")
    share = _measures(record).get("top_heart_rate_bp")
    return _over(share, HEART_RATE_CONSTANT_BP_MAX) if varies else None


def _cadence_odd(record: Record) -> Facts | None:
    return _over(_measures(record).get("cadence_odd_bp"), CADENCE_ODD_BP_MAX)


def _steps_over(limit: int) -> Callable[[Record], Facts | None]:
    """More than so many steps in each whole day that it lasted, and in the first one."""
    return lambda record: _over(record["steps"], limit * max(1, record["elapsed_ms"] // DAY_MS))


def _steps_burst(record: Record) -> Facts | None:
    """Any five minutes of the samples; without samples, a mean over five minutes or more."""
    mean = (record["steps"] or 0) * STEPS_WINDOW_MS // max(_active_ms(record), STEPS_WINDOW_MS)
    return _over(max(_measures(record).get("max_steps_5min") or 0, mean), STEPS_5MIN_MAX)


def _flagged(code: str) -> Callable[[Record], Facts | None]:
    return lambda record: {} if code in record.get("intake_flags", ()) else None


def _told(key: str) -> Callable[[Record], Facts | None]:
    return lambda record: {} if record.get(key) else None


ROWS = (
    ("before_2000", "reject", None, _before_2000, "It starts before the year 2000."),
    ("in_future", "reject", None, _in_future,
     "It lies more than 5 minutes in the future of its submission."),
    ("ends_before_start", "reject", None, _ends_before_start, "It ends before it starts."),
    ("timer_over_elapsed", "reject", ACTIVITIES, _timer_over_elapsed,
     "Its timer or moving time is longer than the time that passed."),
    ("time_goes_back", "reject", ACTIVITIES, _goes_back,
     "Its clock goes back in more than 0.1 % of the samples."),
    ("too_fast_60s", "reject", LIMITED, _too_fast_60s,
     "A minute of it is faster than a person is in this sport."),
    ("faster_than_record", "reject", ("run",), _faster_than_record,
     "A part of it is faster than the running record over that distance."),
    ("gps_jumps", "reject", (*OUTDOORS, "swim"), _jumps,
     "Its positions jump: more than 1 % of the points or 5 % of the distance."),
    ("steps_impossible", "reject", STEPPING, _steps_over(STEPS_REJECT),
     "It has more than 100,000 steps in a day."),
    ("steps_burst", "reject", STEPPING, _steps_burst,
     "It has more than 250 steps a minute for five minutes."),
    ("too_fast_300s", "flag", LIMITED, _too_fast_300s,
     "Five minutes of it are unusually fast for this sport."),
    ("too_fast_mean", "flag", LIMITED, _too_fast_mean,
     "Its mean speed is unusually high for this sport."),
    ("gps_distance_differs", "flag", OUTDOORS, _gps_differs,
     "The distance of its positions and that of the device differ too much."),
    ("samples_sparse", "flag", OUTDOORS, _sparse,
     "Half of its samples are more than 10 seconds apart."),
    ("recording_gaps", "flag", OUTDOORS, _gaps,
     "More than a fifth of it lies in gaps of over a minute."),
    ("long_pauses", "flag", ACTIVITIES, _pauses,
     "Its pauses are longer than a day, or three times as long as the rest."),
    ("heart_rate_too_high", "flag", ACTIVITIES, _heart_too_fast,
     "Its mean heart rate is over 220."),
    ("heart_rate_constant", "flag", LIMITED, _heart_constant,
     "Its heart rate stands still for more than half of it while the speed varies."),
    ("cadence_odd", "flag", ("run",), _cadence_odd,
     "Its cadence is no runner's in more than half of the fast samples."),
    ("steps_many", "flag", STEPPING, _steps_over(STEPS_FLAG),
     "It has more than 50,000 steps in a day."),
    ("shared_recording", "flag", ACTIVITIES, _flagged("shared_recording"),
     "Another participant submitted a recording along the same way at the same time."),
    ("shared_device", "flag", ACTIVITIES, _flagged("shared_device"),
     "Another participant submitted recordings of the same device."),
    ("manual_entry", "rule", None, _told("manual"), "It was entered by hand."),
    ("on_trainer", "rule", TRAINER_SPORTS, _told("indoor"),
     "It was done on a treadmill or trainer."),
    ("virtual", "rule", ACTIVITIES, _told("virtual"), "It took place in a virtual world."),
)  # fmt: skip

CHECKS = tuple(
    Check(code=code, level=level, sports=sports, find=find, sentence=sentence)
    for code, level, sports, find, sentence in ROWS
)
