"""Steps and walked distance of an Apple Health export, one record a local day.

The iPhone and the Watch count the same walk. So at every moment one sample counts: that of a Watch
before that of an iPhone before any other's, of two equal sources the first by name, of one source
the sample that began first. A sample counts in proportion to the time that is left to it, and not
at all if that is less than half: such remains are the same walk, timed a little differently. What
was entered by hand counts only on a day that has nothing else, and the record says so.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

from agon.challenges import measures, records
from agon.challenges.curves import highest_gain
from agon.challenges.readers import refusals
from agon.challenges.readers.apple_texts import (
    COUNT,
    DAY_S,
    MM,
    MODELS,
    kind_of,
    moment,
    quantity,
)
from agon.challenges.records import RECORDS_MAX, TIME_MIN_MS, Record

SAMPLES_MAX = 5_000_000
"""Of an export, at 16 bytes each; ten years of an iPhone and a Watch have about a million."""
DAY_SAMPLES_MAX = 100_000
SOURCES_MAX = 10_000
WORD_MAX = 2**32 - 1
"""The largest number in a page: seconds since 1970 (until 2106), steps, mm."""
WINDOW_S = 300
QUARTER_S = 900
QUARTER_MIN = -64
STEPS = "HKQuantityTypeIdentifierStepCount"
DISTANCE = "HKQuantityTypeIdentifierDistanceWalkingRunning"
UNITS = {STEPS: COUNT, DISTANCE: MM}

Source = tuple[int, str]
"""Kind and name; the smaller one counts first."""
Piece = tuple[int, int, int]
"""Begin and end in s, and what was counted between them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """rank: place of its source, the first one counts; entered: by hand."""

    start_s: int
    end_s: int
    value: int
    offset_s: int
    rank: int
    entered: bool


class Book:
    """All samples so far: pages of four numbers a sample, by local day and quantity."""

    def __init__(self) -> None:
        self.sources: dict[Source, int] = {}
        self.pages: dict[tuple[int, str], array[int]] = {}
        self.size = 0

    def note(self, facts: dict[str, str], entered: bool) -> None:
        """Keep a sample; facts: the attributes of its <Record>; entered: by hand.

        Refused: `evidence_time_local`, `evidence_time_implausible`, `evidence_value_malformed`,
        `evidence_too_many_samples`.
        """
        kind, name = facts["type"], facts.get("sourceName", "")
        local_s, offset_s = moment(facts.get("startDate", ""))
        end_s, end_offset_s = moment(facts.get("endDate", ""))
        start_s = local_s - offset_s
        end_s = max(end_s - end_offset_s, start_s + 1)
        value = quantity(facts.get("value", "0"), facts.get("unit"), UNITS[kind])
        if start_s * 1000 < TIME_MIN_MS:
            raise refusals.time_implausible(facts["startDate"])
        if max(end_s, value) > WORD_MAX:
            raise refusals.value_malformed("sample", f"{facts['endDate']} {value}")
        source = (kind_of(name, facts.get("device", "")), name)
        index = self.sources.setdefault(source, len(self.sources))
        quarter = offset_s // QUARTER_S - QUARTER_MIN
        page = self.pages.setdefault((local_s // DAY_S, kind), array("I"))
        page.extend((start_s, end_s, value, index << 8 | quarter << 1 | entered))
        self.size += 1
        self._check_size(page)

    def _check_size(self, page: array[int]) -> None:
        if (
            self.size > SAMPLES_MAX
            or len(page) > 4 * DAY_SAMPLES_MAX
            or len(self.sources) > SOURCES_MAX
            or len(self.pages) > RECORDS_MAX
        ):
            raise refusals.too_many_samples(f"{self.size} samples of steps and distance")


def days(book: Book, trust: int) -> list[Record]:
    """A record of each day that has samples, in order. The book is used up."""
    order = sorted(book.sources)
    ranks = {book.sources[source]: rank for rank, source in enumerate(order)}
    models = [MODELS[kind] for kind, _ in order]
    made = []
    for day in sorted({day for day, _ in book.pages}):
        steps, distances = (
            list(_samples(book.pages.pop((day, kind), ()), ranks)) for kind in UNITS
        )
        made.append(_record(day, steps, distances, models, trust))
    for record, after in pairwise(made):
        # Whoever travels has long and short days, but none that overlap.
        if record["start_ms"] < after["start_ms"] < record["end_ms"]:
            record["end_ms"] = after["start_ms"]
            record["elapsed_ms"] = record["end_ms"] - record["start_ms"]
    return made


def _samples(page: Iterable[int], ranks: dict[int, int]) -> Iterator[Sample]:
    words = iter(page)
    for start_s, end_s, value, packed in zip(words, words, words, words, strict=True):
        yield Sample(
            start_s=start_s,
            end_s=end_s,
            value=value,
            offset_s=((packed >> 1 & 0x7F) + QUARTER_MIN) * QUARTER_S,
            rank=ranks[packed >> 8],
            entered=bool(packed & 1),
        )


def _record(
    day: int, steps: list[Sample], distances: list[Sample], models: list[str | None], trust: int
) -> Record:
    samples = sorted(steps + distances, key=lambda sample: (sample.start_s, sample.end_s))
    entered = all(sample.entered for sample in samples)
    first_s, last_s = samples[0].offset_s, samples[-1].offset_s
    start_ms = (day * DAY_S - first_s) * 1000
    end_ms = ((day + 1) * DAY_S - last_s) * 1000
    taken, walked = (_counted(kind, entered) for kind in (steps, distances))
    best = min(sample.rank for sample in samples if sample.entered == entered)
    return records.activity(
        format="apple",
        sport="daily",
        device=models[best],
        manual=entered,
        trust=trust,
        start_ms=start_ms,
        end_ms=end_ms if end_ms > start_ms else start_ms + DAY_S * 1000,
        utc_offset_s=first_s,
        distance_mm=_sum(walked),
        steps=_sum(taken),
        measures=measures.NOTHING
        | {"samples": len(samples), "max_steps_5min": _fastest(taken) if taken else None},
    )


def _counted(samples: list[Sample], entered: bool) -> list[Piece]:
    """What counts of these samples, in pieces that do not overlap, in order."""
    samples = sorted(
        (sample for sample in samples if sample.entered == entered),
        key=lambda sample: (sample.start_s, sample.rank, sample.end_s, sample.value),
    )
    left_s = [0] * len(samples)
    pieces: list[tuple[int, int, int, int]] = []
    for begin_s, end_s, index in _owned(samples):
        share = _share(samples[index], left_s[index], end_s - begin_s)
        left_s[index] += end_s - begin_s
        pieces.append((begin_s, end_s, share, index))
    counts = [
        2 * left >= sample.end_s - sample.start_s
        for left, sample in zip(left_s, samples, strict=True)
    ]
    return [(begin_s, end_s, share) for begin_s, end_s, share, index in pieces if counts[index]]


def _owned(samples: list[Sample]) -> Iterator[tuple[int, int, int]]:
    """(begin, end, index of the sample that counts there), in order; samples: by start."""
    begun: list[tuple[int, int]] = []
    arrived = 0
    for begin_s, end_s in pairwise(_boundaries(samples)):
        while arrived < len(samples) and samples[arrived].start_s == begin_s:
            heappush(begun, (samples[arrived].rank, arrived))
            arrived += 1
        while begun and samples[begun[0][1]].end_s <= begin_s:
            heappop(begun)
        if begun:
            yield begin_s, end_s, begun[0][1]


def _boundaries(samples: list[Sample]) -> list[int]:
    return sorted({second for sample in samples for second in (sample.start_s, sample.end_s)})


def _share(sample: Sample, before_s: int, more_s: int) -> int:
    """What the sample counts in its next more_s; all its shares add up to its value."""
    length_s = sample.end_s - sample.start_s
    return sample.value * (before_s + more_s) // length_s - sample.value * before_s // length_s


def _sum(pieces: list[Piece]) -> int | None:
    return sum(value for _, _, value in pieces) if pieces else None


def _fastest(pieces: list[Piece]) -> int | None:
    """The most that was counted in any WINDOW_S, if each piece was counted evenly."""
    times, totals = [pieces[0][0] - WINDOW_S], [0]
    for begin_s, end_s, value in pieces:
        times += (begin_s, end_s)
        totals += (totals[-1], totals[-1] + value)
    return highest_gain([*times, times[-1] + WINDOW_S], [*totals, totals[-1]], WINDOW_S)
