"""What plausibility needs to know of an activity's samples, so that judges never see the samples.

Integers throughout: ms, mm, mm/s, basis points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import gt
from typing import Any

from agon.challenges.curves import (
    Curve,
    Path,
    Samples,
    deltas,
    follow,
    gain_from,
    highest_gain,
    next_from,
)
from agon.challenges.limits import BEST_SPLITS

GAP_MS = 60_000
"""A longer silence between two samples is a gap."""
TRACK_INTERVAL_MS = 60_000
MOVING_MM_S_MIN = 300
"""Slower is standing: a GPS that does not move drifts by about that."""
MOVING_STRETCH_MS = 10_000
"""Movement is judged over stretches of this length: devices do not update distance every second."""
RISE_MM_MIN = 3_000
"""Smaller ups and downs are the barometer's noise."""
CADENCE_SPM = range(120, 251)
"""Steps a minute of a runner …"""
CADENCE_MM_S_MIN = 2_500
"""… who is faster than this."""

NOTHING: dict[str, Any] = {
    "samples": 0,
    "distance_source": None,
    "fastest_60s_mm_s": None,
    "fastest_300s_mm_s": None,
    "best_ms": {},
    "gps_distance_mm": None,
    "dropped_points": 0,
    "dropped_distance_mm": 0,
    "median_interval_ms": None,
    "gap_ms": 0,
    "backward_steps": 0,
    "mean_heart_rate": None,
    "top_heart_rate_bp": None,
    "speed_varies": None,
    "cadence_odd_bp": None,
    "max_steps_5min": None,
}
"""The keys of every measure, and what they are where nothing is known."""


def facts(
    samples: Samples, sport: str, *, start_ms: int, end_ms: int, timer_ms: int | None
) -> dict[str, Any]:
    """What a record says of its samples: the arguments measures, moving_ms and track of
    `records.activity`. The keys of measures are those of NOTHING; docs/evidence.md explains them.
    """
    if not samples.times_ms:
        return {"measures": None, "moving_ms": None, "track": None}
    path = follow(samples, sport)
    paused_ms = 0 if timer_ms is None else max(0, end_ms - start_ms - timer_ms)
    return {
        "measures": measure(path, paused_ms),
        "moving_ms": moving_time(path, timer_ms),
        "track": track(path, start_ms),
    }


def measure(path: Path, paused_ms: int) -> dict[str, Any]:
    """The measures of a path. paused_ms: pauses that the device declared, which are no gaps."""
    samples, curve = path.samples, path.curve
    intervals = list(deltas(path.clock))
    gaps = sum(interval for interval in intervals if interval > GAP_MS)
    rates = Counter(filter(None, samples.heart_rates))
    return NOTHING | {
        "samples": len(samples.times_ms),
        "distance_source": path.source,
        "fastest_60s_mm_s": _fastest(curve, 60_000),
        "fastest_300s_mm_s": _fastest(curve, 300_000),
        "best_ms": _best_splits(curve) if path.sport == "run" else {},
        "gps_distance_mm": path.gps.totals[-1] if path.gps.totals else None,
        "dropped_points": path.dropped_points,
        "dropped_distance_mm": path.dropped_mm,
        "median_interval_ms": sorted(intervals)[len(intervals) // 2] if intervals else None,
        "gap_ms": max(0, gaps - paused_ms),
        "backward_steps": sum(map(gt, samples.times_ms, samples.times_ms[1:])),
        "mean_heart_rate": _mean(rates),
        "top_heart_rate_bp": max(rates.values()) * 10_000 // rates.total() if rates else None,
        "speed_varies": _speed_varies(curve),
        "cadence_odd_bp": _cadence_odd_bp(path) if path.sport == "run" else None,
    }


def moving_time(path: Path, timer_ms: int | None) -> int | None:
    """Time in ms in stretches of MOVING_STRETCH_MS or more that were not stood still.

    Never more than the timer ran. None without a distance, and for swims, whose distance grows a
    pool length at a time.
    """
    curve = path.curve
    if path.sport == "swim" or len(curve.times) < 2:
        return None
    moving, since, covered = 0, curve.times[0], curve.totals[0]
    for time, total in zip(curve.times, curve.totals, strict=True):
        took = time - since
        if took >= MOVING_STRETCH_MS or time == curve.times[-1]:
            if (total - covered) * 1000 >= MOVING_MM_S_MIN * took:
                moving += took
            since, covered = time, total
    return moving if timer_ms is None else min(moving, timer_ms)


def track(path: Path, start_ms: int) -> list[list[int]]:
    """[seconds after start, latitude, longitude] in 1e-4 degree: the first and last position, and
    between them the first one in every TRACK_INTERVAL_MS."""
    samples, gps, points, order = path.samples, path.gps, [], 0
    last = len(gps.times) - 1
    while order <= last:
        index, time = gps.indexes[order], gps.times[order]
        angles = (samples.latitudes[index], samples.longitudes[index])
        seconds = (samples.times_ms[index] - start_ms) // 1000
        points.append([seconds, *((angle + 500) // 1000 for angle in angles)])
        due = time - (time - start_ms) % TRACK_INTERVAL_MS + TRACK_INTERVAL_MS
        order = next_from(gps.times, order, due)
    return points


def ascent(elevations_mm: Iterable[int]) -> int | None:
    """Sum of rises of at least RISE_MM_MIN in mm; None without elevations."""
    climbed, low = 0, None
    for elevation in elevations_mm:
        if low is None or elevation < low:
            low = elevation
        elif elevation - low >= RISE_MM_MIN:
            climbed, low = climbed + elevation - low, elevation
    return None if low is None else climbed


def _fastest(curve: Curve, window_ms: int) -> int | None:
    """Highest mean speed in mm/s over any window of that length."""
    gain = highest_gain(curve.times, curve.totals, window_ms)
    return None if gain is None else gain * 1000 // window_ms


def _best_splits(curve: Curve) -> dict[str, int | None]:
    """Metres -> shortest time in ms that covers them from a sample on, None if nowhere covered.

    The shortest time over a distance is the highest gain of negative time over it.
    """
    countdown = [-time for time in curve.times]
    gains = {metres: gain_from(curve.totals, countdown, metres * 1000)[0] for metres in BEST_SPLITS}
    return {str(metres): None if gain is None else -gain for metres, gain in gains.items()}


def _speed_varies(curve: Curve) -> bool | None:
    """Whether any two steps had different speeds; None without a step that took time."""
    first = None
    for took, gained in zip(deltas(curve.times), deltas(curve.totals), strict=True):
        if took and first and gained * first[0] != first[1] * took:
            return True
        if took and not first:
            first = took, gained
    return False if first else None


def _cadence_odd_bp(path: Path) -> int | None:
    """Share of samples, faster than CADENCE_MM_S_MIN, whose cadence is no runner's."""
    seen = odd = 0
    cadences = (path.samples.cadences[index] for index in path.curve.indexes[1:])
    steps = zip(cadences, deltas(path.curve.times), deltas(path.curve.totals), strict=True)
    for cadence, took, gained in steps:
        if cadence is not None and gained * 1000 > CADENCE_MM_S_MIN * took:
            seen += 1
            odd += cadence not in CADENCE_SPM
    return odd * 10_000 // seen if seen else None


def _mean(counts: Counter[int]) -> int | None:
    """The mean of what was counted, half rounded up; None if nothing was."""
    size = counts.total()
    summed = sum(value * count for value, count in counts.items())
    return (summed + size // 2) // size if size else None
