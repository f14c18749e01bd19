"""Two people, one recording: whether a track is another participant's, copied or carried along.

Rule 4 of the notes on duplicates: same start, length and distance, and a Hausdorff distance below
30 m over 95 % of the points. Riders of one group ride differ by more; it flags, never refuses.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from agon.challenges.twins import is_same_activity

SHAPE_KEYS = ("type", "sport", "trust", "start_ms", "end_ms", "elapsed_ms", "distance_mm", "track")
"""What is kept of a recording, to compare others' with."""
NEAR_M_MAX = 30.0
POINTS_TRIED_MAX = 100
"""Points of a track that are compared; a long one is thinned evenly."""
NEAR_BP_MIN = 9_500
METRES_PER_UNIT = 11.1195
"""One 1e-4 degree of latitude on the mean Earth (radius 6,371,008.8 m)."""

Point = Sequence[int]


def is_shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two tracks look like one recording. Both give SHAPE_KEYS; the points of a track are
    [seconds, latitude, longitude], in 1e-4 degree."""
    if not one.get("track") or not other.get("track"):
        return False
    if not is_same_activity(one, other):
        return False
    return _lies_along(one["track"], other["track"]) and _lies_along(other["track"], one["track"])


def _lies_along(points: Sequence[Point], line: Sequence[Point]) -> bool:
    """Whether enough of the points are near the line."""
    stretch = math.cos(math.radians(points[0][1] / 10_000))
    flat = [_metres(point, stretch) for point in line]
    tried = points[:: 1 + len(points) // POINTS_TRIED_MAX]
    near = sum(_distance_m(_metres(point, stretch), flat) <= NEAR_M_MAX for point in tried)
    return near * 10_000 >= len(tried) * NEAR_BP_MIN


def _metres(point: Point, stretch: float) -> tuple[float, float]:
    return point[2] * METRES_PER_UNIT * stretch, point[1] * METRES_PER_UNIT


def _distance_m(point: tuple[float, float], line: Sequence[tuple[float, float]]) -> float:
    """From a point to a polyline."""
    if len(line) == 1:
        return math.dist(point, line[0])
    return min(_segment_m(point, start, end) for start, end in itertools.pairwise(line))


def _segment_m(
    point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]
) -> float:
    span = (end[0] - start[0], end[1] - start[1])
    length = span[0] ** 2 + span[1] ** 2
    if not length:
        return math.dist(point, start)
    along = ((point[0] - start[0]) * span[0] + (point[1] - start[1]) * span[1]) / length
    along = min(1.0, max(0.0, along))
    return math.dist(point, (start[0] + along * span[0], start[1] + along * span[1]))
