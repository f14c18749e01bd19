"""What plausibility needs to know of an activity's samples, so that judges never see the samples.

`follow` puts a sport's samples in order once; `measure`, `moving_time` and `track` read from that.
Integers in and out: ms, mm, 1e-7 degree. GPS steps are rounded to whole mm before they are added.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import asin, cos, inf, pi, sin, sqrt
from operator import ge, gt, sub
from typing import Any

from agon.challenges.limits import (
    BEST_SPLITS,
    JUMP_MM_MIN,
    JUMP_SPEED_DEFAULT_MM_S,
    JUMP_SPEED_FACTOR,
    SPEED_LIMITS,
)

EARTH_RADIUS_MM = 6_371_008_800
"""Mean radius of the Earth (IUGG)."""
RADIANS_PER_E7 = pi / 180 / 10**7
MM_PER_E7 = EARTH_RADIUS_MM * RADIANS_PER_E7
FLAT_MM_MAX = 1_000_000
CURVE_INTERVAL_MS = 5_000
"""Speeds are taken from samples that lie at least this far apart: less is the sensor's noise."""
GAP_MS = 60_000
"""A longer silence between two samples is a gap."""
TRACK_INTERVAL_MS = 60_000
MOVING_MM_S_MIN = 500
"""Slower is standing: GPS drifts by less than that."""
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


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Columns of equal length, in the file's order; None where a sample has no such value.

    times_ms: UTC; latitudes, longitudes: 1e-7 degree, both or neither; distances_mm: the device's
    running total; cadences: steps or turns a minute; breaks: indexes, from 1 on, of samples that
    begin a new stretch after a declared pause, whose step and silence do not count.
    """

    times_ms: list[int] = field(default_factory=list)
    latitudes: list[int | None] = field(default_factory=list)
    longitudes: list[int | None] = field(default_factory=list)
    distances_mm: list[int | None] = field(default_factory=list)
    heart_rates: list[int | None] = field(default_factory=list)
    cadences: list[int | None] = field(default_factory=list)
    breaks: set[int] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A running total: indexes of the samples, their times in ms, the distance until each in mm."""

    indexes: Sequence[int]
    times: list[int]
    totals: list[int]


@dataclass(frozen=True, kw_only=True)
class Path:
    """Samples in order: their clock, which only runs forward, the curve that speeds are taken from
    (thinned), and what the GPS alone says."""

    sport: str
    samples: Samples
    clock: list[int]
    source: str | None
    curve: Curve
    gps: Curve
    dropped_points: int
    dropped_mm: int


def follow(samples: Samples, sport: str) -> Path:
    """The path of an activity; jumps (see `limits`) are dropped from the GPS curve.

    Speeds are the device's own where it measured a distance, else the GPS's. A step back in time
    takes no time: a device that set its clock back is not seen to stand still, nor to fly.
    """
    clock = _rising(samples.times_ms)
    device = _device_curve(samples, clock)
    gps, dropped_mm = _gps_curve(samples, clock, sport)
    measured = len(device.totals) > 1
    moved = measured and device.totals[-1] > device.totals[0]
    source = "device" if moved else "gps" if len(gps.totals) > 1 else "device" if measured else None
    return Path(
        sport=sport,
        samples=samples,
        clock=clock,
        source=source,
        curve=_thinned(gps if source == "gps" else device),
        gps=gps,
        dropped_points=len(clock) - samples.latitudes.count(None) - len(gps.times),
        dropped_mm=dropped_mm,
    )


def measure(path: Path, paused_ms: int = 0) -> dict[str, Any]:
    """The measures of a record, with exactly the keys of NOTHING, as docs/evidence.md has them.

    paused_ms: pauses that the device declared (elapsed minus timer); they are no gap.
    """
    samples, curve = path.samples, path.curve
    intervals = list(_steps(path.clock))
    for index in samples.breaks:
        intervals[index - 1] = 0
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
        order = _next(gps.times, order, due)
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


def highest_gain(times: list[int], totals: list[int], window: int) -> int | None:
    """The most that a total gains in any window of that length, in the total's unit.

    None if the curve is shorter. times rise; between samples the total changes evenly, so a
    window that gains most begins or ends at a sample.
    """
    gain, aligned = _gain(times, totals, window)
    if gain is not None and not aligned:
        backwards = [-time for time in reversed(times)], [-total for total in reversed(totals)]
        gain = max(gain, _gain(*backwards, window)[0])
    return gain


def _gain(times: list[int], totals: list[int], window: int) -> tuple[int | None, bool]:
    """The highest gain of windows that begin at a sample, and whether all of them end at one."""
    best, aligned, end, size = None, True, 0, len(times)
    times = [*times, inf]
    for start, total in zip(times, totals, strict=False):
        until = start + window
        while times[end] < until:
            end += 1
        if end == size:
            break
        gain, reached = totals[end] - total, times[end]
        if reached != until:
            aligned = False
            before = end - 1
            gain -= (totals[end] - totals[before]) * (reached - until) // (reached - times[before])
        if best is None or gain > best:
            best = gain
    return best, aligned


def _fastest(curve: Curve, window_ms: int) -> int | None:
    """Highest mean speed in mm/s over any window of that length."""
    gain = highest_gain(curve.times, curve.totals, window_ms)
    return None if gain is None else gain * 1000 // window_ms


def _best_splits(curve: Curve) -> dict[str, int | None]:
    """Metres -> shortest time in ms that covers them from a sample on, None if nowhere covered.

    The shortest time over a distance is the highest gain of negative time over it.
    """
    countdown = [-time for time in curve.times]
    gains = {metres: _gain(curve.totals, countdown, metres * 1000)[0] for metres in BEST_SPLITS}
    return {str(metres): None if gain is None else -gain for metres, gain in gains.items()}


def _rising(values: list[int]) -> list[int]:
    """The same values with each fall taken out."""
    if all(map(ge, values[1:], values)):
        return values
    return list(accumulate((max(0, step) for step in _steps(values)), initial=values[0]))


def _device_curve(samples: Samples, clock: list[int]) -> Curve:
    """The device's distance; where it starts again from 0, the total goes on."""
    indexes, distances, times = range(len(clock)), samples.distances_mm, clock
    if None in distances:
        indexes = [index for index, distance in enumerate(distances) if distance is not None]
        distances = [distances[index] for index in indexes]
        times = [clock[index] for index in indexes]
    return Curve(indexes=indexes, times=times, totals=_rising(distances))


def _gps_curve(samples: Samples, clock: list[int], sport: str) -> tuple[Curve, int]:
    """The GPS curve without jumps, and how far they jumped in mm.

    After a jump the new point goes, unless nothing but itself speaks for the old one.
    """
    indexes = [index for index, angle in enumerate(samples.latitudes) if angle is not None]
    steps = _distances(samples, indexes)
    if max(steps, default=0) <= JUMP_MM_MIN and not samples.breaks:
        totals = list(accumulate(steps, initial=0)) if indexes else []
        return Curve(indexes=indexes, times=[clock[index] for index in indexes], totals=totals), 0
    limit = SPEED_LIMITS.get(sport)
    top_speed = JUMP_SPEED_FACTOR * (limit.reject_60s if limit else JUMP_SPEED_DEFAULT_MM_S)
    kept, totals, jumped, alone = indexes[:1], [0], 0, True
    for before, index, step in zip(indexes, indexes[1:], steps, strict=False):
        if index in samples.breaks:
            step, alone = 0, True
        else:
            step = step if before == kept[-1] else _distances(samples, [kept[-1], index])[0]
            if step > JUMP_MM_MIN and step * 1000 > top_speed * (clock[index] - clock[kept[-1]]):
                jumped += step
                if alone:
                    kept[-1] = index
                continue
            alone = False
        kept.append(index)
        totals.append(totals[-1] + step)
    return Curve(indexes=kept, times=[clock[index] for index in kept], totals=totals), jumped


def _distances(samples: Samples, indexes: list[int]) -> list[int]:
    """Distance in mm from each of these positions to the next, on a sphere.

    Haversine: h = sin(dlat / 2)^2 + cos(lat1) cos(lat2) sin(dlon / 2)^2, d = 2 r asin(sqrt(h)).
    Up to FLAT_MM_MAX sin(x) = asin(x) = x, which is the same to the micrometre and twice as fast.
    """
    latitudes = [samples.latitudes[index] for index in indexes]
    longitudes = [samples.longitudes[index] for index in indexes]
    cosines = [cos(latitude * RADIANS_PER_E7) for latitude in latitudes]
    legs = zip(_steps(latitudes), _steps(longitudes), cosines, cosines[1:], strict=False)
    steps = [round(MM_PER_E7 * sqrt(n * n + here * there * e * e)) for n, e, here, there in legs]
    if max(steps, default=0) > FLAT_MM_MAX:
        legs = zip(_steps(latitudes), _steps(longitudes), cosines, cosines[1:], strict=False)
        pairs = zip(steps, legs, strict=True)
        return [_haversine(*leg) if step > FLAT_MM_MAX else step for step, leg in pairs]
    return steps


def _haversine(north: int, east: int, here: float, there: float) -> int:
    """Distance in mm of a leg of so many 1e-7 degree between two cosines of latitude."""
    n, e = sin(north * RADIANS_PER_E7 / 2), sin(east * RADIANS_PER_E7 / 2)
    return round(2 * EARTH_RADIUS_MM * asin(min(1.0, sqrt(n * n + here * there * e * e))))


def _thinned(curve: Curve) -> Curve:
    """The first sample of the curve, the next ones CURVE_INTERVAL_MS apart, and the last one."""
    kept, order = [], 0
    while order < len(curve.times):
        kept.append(order)
        order = _next(curve.times, order, curve.times[order] + CURVE_INTERVAL_MS)
    return Curve(
        indexes=[curve.indexes[order] for order in kept],
        times=[curve.times[order] for order in kept],
        totals=[curve.totals[order] for order in kept],
    )


def _next(times: list[int], order: int, due: int) -> int:
    """The place of the first time from `due` on, or of the last one if that still comes."""
    last = len(times) - 1
    return last + 1 if order == last else min(last, bisect_left(times, due, order + 1))


def _speed_varies(curve: Curve) -> bool | None:
    """Whether any two steps had different speeds; None without a step that took time."""
    first = None
    for took, gained in zip(_steps(curve.times), _steps(curve.totals), strict=True):
        if took and first and gained * first[0] != first[1] * took:
            return True
        if took and not first:
            first = took, gained
    return False if first else None


def _cadence_odd_bp(path: Path) -> int | None:
    """Share of samples, faster than CADENCE_MM_S_MIN, whose cadence is no runner's."""
    seen = odd = 0
    cadences = (path.samples.cadences[index] for index in path.curve.indexes[1:])
    steps = zip(cadences, _steps(path.curve.times), _steps(path.curve.totals), strict=True)
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


def _steps(values: list[int]) -> Iterable[int]:
    return map(sub, values[1:], values)
