"""Curves: how far an activity had come by when, from its samples.

Integers in and out: ms, mm, 1e-7 degree. GPS steps are rounded to whole mm before they are added.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import asin, cos, inf, pi, sin, sqrt
from operator import ge, sub
from typing import Any

from agon.challenges.limits import (
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


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Columns of equal length, in the file's order; None where a sample has no such value.

    times_ms: UTC; latitudes, longitudes: 1e-7 degree, both or neither; distances_mm: the device's
    running total; cadences: steps or turns a minute; breaks: indexes of samples that begin a new
    stretch after a pause: the step to them does not count.
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


def highest_gain(times: list[int], totals: list[int], window: int) -> int | None:
    """The most that a total gains in any window of that length, in the total's unit.

    None if the curve is shorter. times rise; between samples the total changes evenly, so a
    window that gains most begins or ends at a sample.
    """
    gain, aligned = gain_from(times, totals, window)
    if gain is not None and not aligned:
        backwards = [-time for time in reversed(times)], [-total for total in reversed(totals)]
        gain = max(gain, gain_from(*backwards, window)[0])
    return gain


def gain_from(times: list[int], totals: list[int], window: int) -> tuple[int | None, bool]:
    """The highest gain of windows that begin at a sample, and whether those that end at one are
    the same windows."""
    best, aligned, end, size, first_end = None, True, 0, len(times), None
    times = [*times, inf]
    for begin, (start, total) in enumerate(zip(times, totals, strict=False)):
        until = start + window
        while times[end] < until:
            end += 1
        first_end = end if first_end is None else first_end
        if end == size:
            # Each end that was reached was another sample; were all of them?
            aligned = aligned and begin == size - first_end
            break
        gain, reached = totals[end] - total, times[end]
        if reached != until:
            aligned = False
            before = end - 1
            gain -= (totals[end] - totals[before]) * (reached - until) // (reached - times[before])
        if best is None or gain > best:
            best = gain
    return best, aligned


def _device_curve(samples: Samples, clock: list[int]) -> Curve:
    """The device's distance; where it starts again from 0, the total goes on."""
    indexes = _known(samples.distances_mm)
    totals = _rising(_picked(samples.distances_mm, indexes))
    return Curve(indexes=indexes, times=_picked(clock, indexes), totals=totals)


def _gps_curve(samples: Samples, clock: list[int], sport: str) -> tuple[Curve, int]:
    """The GPS curve without jumps, and how far they jumped in mm.

    After a jump the new point goes, unless nothing but itself speaks for the old one.
    """
    indexes = _known(samples.latitudes)
    steps = _distances(samples, indexes)
    if max(steps, default=0) <= JUMP_MM_MIN and not samples.breaks:
        totals = list(accumulate(steps, initial=0))[: len(indexes)]
        return Curve(indexes=indexes, times=_picked(clock, indexes), totals=totals), 0
    limit = SPEED_LIMITS.get(sport)
    top_speed = JUMP_SPEED_FACTOR * (limit.reject_60s if limit else JUMP_SPEED_DEFAULT_MM_S)
    kept, totals, jumped, alone = list(indexes[:1]), [0][: len(indexes)], 0, True
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
    return Curve(indexes=kept, times=_picked(clock, kept), totals=totals), jumped


def _known(values: list[int | None]) -> Sequence[int]:
    """The indexes of the values that are not None."""
    if None not in values:
        return range(len(values))
    return [index for index, value in enumerate(values) if value is not None]


def _picked(values: list[Any], indexes: Sequence[int]) -> list[int]:
    """The values at these indexes; the list itself if that is all of it."""
    return values if len(indexes) == len(values) else [values[index] for index in indexes]


def _distances(samples: Samples, indexes: Sequence[int]) -> list[int]:
    """Distance in mm from each of these positions to the next, on a sphere.

    Haversine: h = sin(dlat / 2)^2 + cos(lat1) cos(lat2) sin(dlon / 2)^2, d = 2 r asin(sqrt(h)).
    Up to FLAT_MM_MAX sin(x) = asin(x) = x, which is the same to the micrometre and twice as fast.
    """
    latitudes = _picked(samples.latitudes, indexes)
    longitudes = _picked(samples.longitudes, indexes)
    cosines = [cos(latitude * RADIANS_PER_E7) for latitude in latitudes]
    legs = zip(deltas(latitudes), deltas(longitudes), cosines, cosines[1:], strict=False)
    steps = [round(MM_PER_E7 * sqrt(n * n + here * there * e * e)) for n, e, here, there in legs]
    if max(steps, default=0) > FLAT_MM_MAX:
        legs = zip(deltas(latitudes), deltas(longitudes), cosines, cosines[1:], strict=False)
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
        order = next_from(curve.times, order, curve.times[order] + CURVE_INTERVAL_MS)
    return Curve(
        indexes=[curve.indexes[order] for order in kept],
        times=[curve.times[order] for order in kept],
        totals=[curve.totals[order] for order in kept],
    )


def next_from(times: list[int], order: int, due: int) -> int:
    """The place of the first time from `due` on, or of the last one if that still comes."""
    last = len(times) - 1
    return last + 1 if order == last else min(last, bisect_left(times, due, order + 1))


def _rising(values: list[int]) -> list[int]:
    """The same values with each fall taken out."""
    if all(map(ge, values[1:], values)):
        return values
    return list(accumulate((max(0, step) for step in deltas(values)), initial=values[0]))


def deltas(values: list[int]) -> Iterable[int]:
    """Each value minus the one before it."""
    return map(sub, values[1:], values)
