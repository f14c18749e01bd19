"""Steps and walked distance of an Apple Health export, one record a local day.

The iPhone and the Watch count the same walk. So at every moment one sample counts: that of a Watch
before that of an iPhone before any other's, of two equal sources the first by name, of one source
the sample that began first. A sample counts in proportion to the time that is left to it. What was
entered by hand counts only on a day that has nothing else, and the record says so.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise

from agon.challenges import measures, records
from agon.challenges.curves import highest_gain
from agon.challenges.readers import xml
from agon.challenges.readers.apple_texts import COUNT, DAY_S, MM, NAMES, kind_of, moment, quantity
from agon.challenges.records import RECORDS_MAX, TIME_MIN_MS, Record
from agon.kernel.errors import Refused, refuse

SAMPLES_MAX = 5_000_000
"""Of an export, at 16 bytes each; ten years of an iPhone and a Watch have about a million."""
DAY_SAMPLES_MAX = 100_000
SOURCES_MAX = 10_000
WORD_MAX = 2**32 - 1
"""The largest number in a page: seconds since 1970, until 2106; steps; mm."""
WINDOW_S = 300
QUARTER_S = 900
STEPS = "HKQuantityTypeIdentifierStepCount"
DISTANCE = "HKQuantityTypeIdentifierDistanceWalkingRunning"
UNITS = {STEPS: COUNT, DISTANCE: MM}

Page = array
"""Four numbers a sample: start and end in s (UTC), value, and what `_packed` puts together."""
Piece = tuple[int, int, int]
"""Begin and end in s, and what was counted between them."""


@dataclass(frozen=True, kw_only=True)
class Book:
    """All samples so far. sources: (kind, name) -> index; pages: (local day, quantity) -> samples;
    size: one item, the number of samples."""

    sources: dict[tuple[int, str], int] = field(default_factory=dict)
    pages: dict[tuple[int, str], Page] = field(default_factory=dict)
    size: list[int] = field(default_factory=lambda: [0])


@dataclass(frozen=True, kw_only=True)
class Sample:
    """rank: place of the source, the first one counts; entered: by hand."""

    start_s: int
    end_s: int
    value: int
    offset_s: int
    rank: int
    entered: bool
