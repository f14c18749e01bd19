"""Tracks: what somebody did, second by second, made up from a seed.

The values, the activities that a test asks for, and what makes twins and damaged copies of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.writers.motion import (
    E7_PER_METRE,
    Place,
    Point,
    cosine,
    paced,
    sampled,
    steady_speeds,
    traffic_speeds,
    wander,
)

START_MS = 1_793_687_400_000
"""2026-11-03T06:30:00Z, a Tuesday."""
MANUFACTURERS = {
    "garmin": 1, "suunto": 23, "wahoo_fitness": 32, "polar_electro": 123, "development": 255,
    "coros": 294,
}  # fmt: skip
HILL_M = 2_000
"""Length of one hill, up and down, of runs and rides."""


@dataclass(frozen=True, kw_only=True)
class Device:
    manufacturer: str
    product: int
    serial: int


BERLIN = Place(lat_e7=525_100_000, lon_e7=133_700_000, elevation_mm=35_000)
ALPS = Place(lat_e7=474_200_000, lon_e7=109_900_000, elevation_mm=1_050_000)
GARMIN = Device(manufacturer="garmin", product=3_113, serial=3_950_112_001)
SUUNTO = Device(manufacturer="suunto", product=34, serial=220_400_123)


@dataclass(frozen=True, kw_only=True)
class Track:
    """One activity: its samples, in order, the first at its start and the last at its end.

    pauses: (from_offset_ms, to_offset_ms) pairs; the totals are what the device would state.
    """

    sport: str
    start_ms: int
    points: tuple[Point, ...]
    pauses: tuple[tuple[int, int], ...] = ()
    ascent_mm: int | None = None
    steps: int | None = None
    calories: int | None = None
    device: Device | None = GARMIN
    indoor: bool = False
    virtual: bool = False
    manual: bool = False
    utc_offset_s: int = 0
    pool_mm: int | None = None

    @property
    def elapsed_ms(self) -> int:
        return self.points[-1].offset_ms if self.points else 0

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.elapsed_ms

    @property
    def timer_ms(self) -> int:
        return self.elapsed_ms - sum(end - begin for begin, end in self.pauses)

    @property
    def distance_mm(self) -> int | None:
        return self.points[-1].distance_mm if self.points else None

    @property
    def average_heart_rate(self) -> int | None:
        rates = [p.heart_rate for p in self.points if p.heart_rate is not None]
        return (sum(rates) + len(rates) // 2) // len(rates) if rates else None


def run(
    seed: int,
    distance_m: int = 5_000,
    pace_s_per_km: int = 330,
    start_ms: int = START_MS,
    *,
    pauses_s: Sequence[int] = (),
    place: Place | None = BERLIN,
    climb_m: int = 20,
    **fields: object,
) -> Track:
    """A run at an even pace, one sample a second. place: None for no positions."""
    rng = Random(seed)
    pace = steady_speeds(rng, 1_000 / pace_s_per_km)
    samples, pauses = paced(pace, distance_m, pauses_s)
    hills = max(1, distance_m // HILL_M)
    points = sampled(rng, samples, place, climb_m, hills, cadence=168, heart_rate=148)
    return _on_foot("run", start_ms, points, pauses, climb_m, kcal_per_km=70, fields=fields)


def treadmill(
    seed: int,
    distance_m: int = 5_000,
    pace_s_per_km: int = 330,
    start_ms: int = START_MS,
    **fields: object,
) -> Track:
    """A run on the spot: distance and heart rate, no positions."""
    fields = {"indoor": True, "place": None, "climb_m": 0, **fields}
    return run(seed, distance_m, pace_s_per_km, start_ms, **fields)  # type: ignore[arg-type]


def walk(
    seed: int,
    distance_m: int = 4_000,
    pace_s_per_km: int = 720,
    start_ms: int = START_MS,
    *,
    pauses_s: Sequence[int] = (),
    place: Place | None = BERLIN,
    **fields: object,
) -> Track:
    rng = Random(seed)
    samples, pauses = paced(steady_speeds(rng, 1_000 / pace_s_per_km), distance_m, pauses_s)
    points = sampled(rng, samples, place, 10, 1, cadence=112, heart_rate=104)
    return _on_foot("walk", start_ms, points, pauses, 10, kcal_per_km=50, fields=fields)


def hike(
    seed: int,
    distance_m: int = 12_500,
    climb_m: int = 900,
    start_ms: int = START_MS,
    *,
    pauses_s: Sequence[int] = (600,),
    place: Place = ALPS,
    **fields: object,
) -> Track:
    """Up one mountain and down again, with a rest."""
    rng = Random(seed)
    samples, pauses = paced(steady_speeds(rng, 1.2), distance_m, pauses_s)
    points = sampled(rng, samples, place, climb_m, 1, cadence=104, heart_rate=126)
    return _on_foot("hike", start_ms, points, pauses, climb_m, kcal_per_km=85, fields=fields)


def ride(
    seed: int,
    distance_m: int = 20_000,
    pace_s_per_km: int = 140,
    start_ms: int = START_MS,
    *,
    pauses_s: Sequence[int] = (),
    place: Place | None = BERLIN,
    climb_m: int = 100,
    **fields: object,
) -> Track:
    rng = Random(seed)
    samples, pauses = paced(steady_speeds(rng, 1_000 / pace_s_per_km), distance_m, pauses_s)
    hills = max(1, distance_m // HILL_M)
    points = sampled(rng, samples, place, climb_m, hills, cadence=84, heart_rate=136)
    return _track("ride", start_ms, points, pauses, climb_m, kcal_per_km=25, fields=fields)


def drive(
    seed: int,
    distance_m: int = 12_000,
    start_ms: int = START_MS,
    *,
    sport: str = "run",
    place: Place = BERLIN,
    **fields: object,
) -> Track:
    """A car in town and on the ring road, under the name of any sport; nobody takes a step."""
    rng = Random(seed)
    samples, pauses = paced(traffic_speeds(rng), distance_m, ())
    points = sampled(rng, samples, place, 10, 1, cadence=0, heart_rate=78)
    return _track(sport, start_ms, points, pauses, 10, kcal_per_km=5, fields=fields)


def pool_swim(
    seed: int,
    lengths: int = 40,
    pool_m: int = 25,
    start_ms: int = START_MS,
    **fields: object,
) -> Track:
    """A sample at each wall, no positions."""
    rng = Random(seed)
    offset_ms, points = 0, [Point(offset_ms=0, distance_mm=0, heart_rate=110)]
    for length in range(1, lengths + 1):
        took_ms = int(pool_m * (1_050 + 250 * rng.random()))
        offset_ms += took_ms
        points.append(
            Point(
                offset_ms=offset_ms,
                distance_mm=length * pool_m * 1_000,
                speed_mm_s=pool_m * 1_000_000 // took_ms,
                heart_rate=120 + int(12 * rng.random()),
                cadence=26 + int(4 * rng.random()),
            )
        )
    fields = {"indoor": True, "pool_mm": pool_m * 1_000, "ascent_mm": None, **fields}
    return _track("swim", start_ms, tuple(points), (), 0, kcal_per_km=280, fields=fields)


def still(
    sport: str,
    duration_s: int = 1_800,
    start_ms: int = START_MS,
    *,
    seed: int = 1,
    **fields: object,
) -> Track:
    """Strength, yoga and the like: time and heart rate, no distance."""
    rng = Random(seed)
    rates = wander(rng, 8)
    points = tuple(
        Point(offset_ms=second * 1_000, heart_rate=105 + int(next(rates)))
        for second in range(duration_s + 1)
    )
    facts = {"indoor": True, "calories": duration_s // 12, **fields}
    return Track(sport=sport, start_ms=start_ms, points=points, **facts)  # type: ignore[arg-type]


def stretches(track: Track, points: Sequence[Point] | None = None) -> list[list[Point]]:
    """The points (all, or these) between pauses, stretch by stretch; no stretch is empty."""
    ends = [begin for begin, _ in track.pauses]
    parts: list[list[Point]] = [[] for _ in range(len(ends) + 1)]
    for point in track.points if points is None else points:
        parts[sum(end < point.offset_ms for end in ends)].append(point)
    return [part for part in parts if part]


def every(track: Track, seconds: int) -> Track:
    """The same activity with a sample every so many seconds; the last one stays."""
    kept = [point for point in track.points[:-1] if point.offset_ms % (seconds * 1_000) == 0]
    return replace(track, points=(*kept, *track.points[-1:]))


def shifted(track: Track, ms: int) -> Track:
    return replace(track, start_ms=track.start_ms + ms)


def jittered(track: Track, seed: int, metres: float) -> Track:
    """The same activity as a second receiver saw it: each position moved by up to `metres`."""
    rng = Random(seed)

    def error() -> float:
        return metres * (2 * rng.random() - 1)

    return replace(track, points=tuple(_moved(p, error(), error()) for p in track.points))


def with_spike(track: Track, index: int, metres: float) -> Track:
    """One bad position, that far north; the distance of the device knows nothing of it."""
    points = list(track.points)
    points[index] = _moved(points[index], metres, 0)
    return replace(track, points=tuple(points))


def _moved(point: Point, north_m: float, east_m: float) -> Point:
    if point.lat_e7 is None or point.lon_e7 is None:
        return point
    lat_e7 = point.lat_e7 + int(north_m * E7_PER_METRE)
    lon_e7 = point.lon_e7 + int(east_m * E7_PER_METRE / cosine(point.lat_e7 / 1e7))
    return replace(point, lat_e7=lat_e7, lon_e7=lon_e7)


def _on_foot(
    sport: str,
    start_ms: int,
    points: tuple[Point, ...],
    pauses: tuple[tuple[int, int], ...],
    climb_m: int,
    *,
    kcal_per_km: int,
    fields: dict[str, object],
) -> Track:
    steps = sum(point.cadence or 0 for point in points) // 60
    return _track(sport, start_ms, points, pauses, climb_m, kcal_per_km=kcal_per_km,
                  fields={"steps": steps, **fields})  # fmt: skip


def _track(
    sport: str,
    start_ms: int,
    points: tuple[Point, ...],
    pauses: tuple[tuple[int, int], ...],
    climb_m: int,
    *,
    kcal_per_km: int,
    fields: dict[str, object],
) -> Track:
    facts: dict[str, object] = {
        "ascent_mm": climb_m * 1_000,
        "calories": (points[-1].distance_mm or 0) * kcal_per_km // 1_000_000,
        **fields,
    }
    return Track(sport=sport, start_ms=start_ms, points=points, pauses=pauses, **facts)  # type: ignore[arg-type]
