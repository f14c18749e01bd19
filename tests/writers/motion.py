"""Motion: speeds, paths and samples, made up from a random generator.

Only + - * / and square roots, which IEEE 754 rounds the same everywhere, and `random()`, whose
sequence Python promises: so a seed gives the same samples on every machine. A Point holds
integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

E7_PER_METRE = 1e7 / 111_194.93
"""1e-7 degree of latitude in a metre, on a sphere of 6,371,008.8 m."""


@dataclass(frozen=True, kw_only=True)
class Place:
    lat_e7: int
    lon_e7: int
    elevation_mm: int


@dataclass(frozen=True, kw_only=True)
class Point:
    """One sample. cadence: steps a minute on foot, turns a minute on a bike."""

    offset_ms: int
    lat_e7: int | None = None
    lon_e7: int | None = None
    distance_mm: int | None = None
    elevation_mm: int | None = None
    speed_mm_s: int | None = None
    heart_rate: int | None = None
    cadence: int | None = None


def wander(rng: Random, reach: float) -> Iterator[float]:
    """A value that drifts around 0, mostly within `reach`, and remembers where it was."""
    value = 0.0
    while True:
        value = 0.95 * value + reach * 0.3 * (2 * rng.random() - 1)
        yield value


def steady_speeds(rng: Random, mean_m_s: float) -> Iterator[float]:
    for drift in wander(rng, 0.12 * mean_m_s):
        yield mean_m_s + drift + 0.06 * mean_m_s * (rng.random() - 0.5)


def traffic_speeds(rng: Random) -> Iterator[float]:
    """Speeds of a car: away from the lights at 2 m/s2, along, and down to the next lights."""
    speed = 0.0
    while True:
        limit = (8.3, 13.9, 13.9, 19.4)[int(4 * rng.random())]
        while speed < limit:
            speed = min(limit, speed + 2)
            yield speed
        for _ in range(25 + int(56 * rng.random())):
            yield speed + rng.random() - 0.5
        while speed > 0:
            speed = max(0.0, speed - 2.5)
            yield speed
        for _ in range(int(16 * rng.random())):
            yield 0.0


def paced(
    speeds: Iterator[float], distance_m: int, pauses_s: Sequence[int]
) -> tuple[list[tuple[int, float, float]], tuple[tuple[int, int], ...]]:
    """(second, metres so far, metres a second) until the distance is done, and the pauses."""
    second, metres = 0, 0.0
    samples, pauses = [(0, 0.0, 0.0)], []
    for leg, pause_s in enumerate((*pauses_s, None), start=1):
        goal = distance_m * leg / (len(pauses_s) + 1)
        while metres < goal:
            speed = min(next(speeds), goal - metres)
            second, metres = second + 1, metres + speed
            samples.append((second, metres, speed))
        if pause_s is not None:
            pauses.append((second * 1_000, (second + pause_s) * 1_000))
            second += pause_s
    return samples, tuple(pauses)


def sampled(
    rng: Random,
    samples: list[tuple[int, float, float]],
    place: Place | None,
    climb_m: int,
    hills: int,
    *,
    cadence: int,
    heart_rate: int,
) -> tuple[Point, ...]:
    """Samples with everything a watch notes; hills of equal height add up to climb_m."""
    path, rates, total_m = _wandering_path(rng), wander(rng, 5), samples[-1][1]
    points, before_m = [], 0.0
    for second, metres, speed in samples:
        north, east = path.send(metres - before_m) if second else next(path)
        before_m = metres
        lat_e7 = lon_e7 = elevation_mm = None
        if place is not None:
            lat_e7 = place.lat_e7 + int(north * E7_PER_METRE)
            lon_e7 = place.lon_e7 + int(east * E7_PER_METRE / cosine(place.lat_e7 / 1e7))
            height = climb_m / hills * _triangle(metres / total_m * hills % 1)
            elevation_mm = place.elevation_mm + int(1_000 * (height + 0.1 * rng.random()))
        points.append(
            Point(
                offset_ms=second * 1_000,
                lat_e7=lat_e7,
                lon_e7=lon_e7,
                distance_mm=int(metres * 1_000 + 0.5),
                elevation_mm=elevation_mm,
                speed_mm_s=int(speed * 1_000),
                heart_rate=heart_rate - int(30 * 60 / (second + 60)) + int(next(rates)),
                cadence=cadence - 4 + int(9 * rng.random()) if cadence and speed > 0.3 else 0,
            )
        )
    return tuple(points)


def _wandering_path(rng: Random):
    """Metres (north, east) of the start, as a receiver a few metres off says; send it each step."""
    north = east = 0.0
    heading_north, heading_east = 0.6, 0.8
    turns, error_north, error_east = wander(rng, 0.04), wander(rng, 1.2), wander(rng, 1.2)
    while True:
        step = yield north + next(error_north), east + next(error_east)
        turn = next(turns)
        heading_north, heading_east = (
            heading_north - turn * heading_east,
            heading_east + turn * heading_north,
        )
        length = sqrt(heading_north * heading_north + heading_east * heading_east)
        heading_north, heading_east = heading_north / length, heading_east / length
        north, east = north + step * heading_north, east + step * heading_east


def _triangle(share: float) -> float:
    return 2 * share if share < 0.5 else 2 - 2 * share


def cosine(degrees: float) -> float:
    """Cosine by its power series: `math.cos` may differ in the last bit between machines."""
    angle = degrees * 3.141592653589793 / 180
    term = total = 1.0
    for n in range(2, 24, 2):
        term *= -angle * angle / (n * (n - 1))
        total += term
    return total
