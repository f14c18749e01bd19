"""Twins: two records of one activity or game, which may count only once.

Rules, by precedence (docs/evidence.md explains them):
- `same_source`: equal provider ids, whoever submits them;
- `same_track`: equal fingerprints of recorded tracks, whoever submits them;
- `same_activity`: one subject, start within two minutes, overlap of at least 90 % of the shorter,
  distance within 5 %: the same recording in another format;
- `overlap`: one subject, in two places at once.
Accounts have no twins. A day of steps overlaps only days of steps, a game only games.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal

from agon.challenges.records import TRUST_MANUAL, Record, content, fingerprint

OVERLAP_TOLERANCE_MS = 2_000
"""Two devices stopped and started by hand may disagree about this much."""
DAY_OVERLAP_TOLERANCE_MS = 11 * 3_600_000
"""Days of a traveller overlap by the change of zone. A day moved by any number of hours still
overlaps itself, or its neighbour, by twelve hours or more."""
START_TOLERANCE_MS = 120_000
OVERLAP_BP_MIN = 9_000
DISTANCE_BP_MAX = 500

TOLERANCE_MS = {
    "activity": OVERLAP_TOLERANCE_MS,
    "daily": DAY_OVERLAP_TOLERANCE_MS,
    "game": OVERLAP_TOLERANCE_MS,
}
"""Kind of record -> overlap that two of a kind may have."""

FORMATS_BY_RICHNESS = ("fit", "tcx", "gpx", "apple", "strava", "opendota", "riot", "steam")
"""Richest first; whatever is not listed (manual) comes last."""

Rule = Literal["same_source", "same_track", "same_activity", "overlap"]


@dataclass(frozen=True, kw_only=True)
class Twin:
    """A new record (by index) that is a known one (by index), and the rule that says so."""

    new_index: int
    known_index: int
    rule: Rule


def find_twins(
    new: Sequence[Record], known: Sequence[Record], *, same_subject: bool = True
) -> list[Twin]:
    """The first twin of each new record among the known ones, in the order of `new`.

    same_subject: whether both are one subject's; of two subjects, only equal sources and equal
    tracks are twins. A known record without `track` may carry its `fingerprint` instead.
    O(n log n) where the known records are distinct. For twins inside one submission: `distinct`.
    """
    sources = _first_by(known, _source)
    tracks = _first_by(known, _track)
    spans = {kind: _Spans(kind, known) for kind in TOLERANCE_MS} if same_subject else {}
    twins = []
    for index, record in enumerate(new):
        if record["type"] == "account":
            continue
        found: tuple[int, Rule] | None = None
        if (source := sources.get(_source(record))) is not None:
            found = source, "same_source"
        elif (track := tracks.get(_track(record))) is not None:
            found = track, "same_track"
        elif same_subject:
            found = spans[_kind(record)].twin_of(record)
        if found:
            twins.append(Twin(new_index=index, known_index=found[0], rule=found[1]))
    return twins


def distinct(records: Iterable[Record]) -> tuple[Record, ...]:
    """One subject's records without twins, ordered by start; the richest of each stays.

    Richest: higher trust, then FIT > TCX > GPX > Apple > API documents > manual, then the earlier
    one, then content, then what came first. The order of the input does not matter, nor do tracks.
    `split` says what happens to those that only overlap.
    """
    return split(records)[0]


def split(records: Iterable[Record]) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """The distinct records, and those that gave way to a twin; each ordered by start.

    Of one thing recorded twice the richer stays. Of two things at once the longer stays, what
    was proved before what was only said: a short recording never takes a long one's place.
    """
    given_way: list[Record] = []
    survivors: list[Record] = []
    seen: set[object] = set()
    starts: list[tuple[int, int]] = []
    for record in _ordered(records, _richness):
        if record["type"] != "account":
            if _identity(record) in seen or _is_recorded(record, survivors, starts):
                given_way.append(record)
                continue
            seen.add(_identity(record))
            insort(starts, (_start(record), len(survivors)))
        survivors.append(record)
    kept: list[Record] = []
    taken: dict[str, list[tuple[int, int]]] = {kind: [] for kind in TOLERANCE_MS}
    for record in _ordered(survivors, _reach):
        free = record["type"] == "account" or _take(taken[_kind(record)], record)
        (kept if free else given_way).append(record)
    return tuple(_ordered(kept, _start)), tuple(_ordered(given_way, _start))


def _is_recorded(
    record: Record, survivors: Sequence[Record], starts: Sequence[tuple[int, int]]
) -> bool:
    """Whether a richer recording of the same activity is among the survivors."""
    low = bisect_left(starts, (_start(record) - START_TOLERANCE_MS, -1))
    high = bisect_right(starts, (_start(record) + START_TOLERANCE_MS, len(survivors)))
    near = (survivors[index] for _, index in starts[low:high])
    return any(_kind(other) == _kind(record) and is_same_activity(record, other) for other in near)


def _kind(record: Record) -> str:
    return "daily" if record.get("sport") == "daily" else record["type"]


def _source(record: Record) -> str | None:
    return record["provider_id"]


def _identity(record: Record) -> object:
    """The source's id; for a record without one, its kind and interval."""
    return _source(record) or (_kind(record), record["start_ms"], record["end_ms"])


def _track(record: Record) -> str | None:
    return fingerprint(record) if "track" in record else record.get("fingerprint")


def _first_by(records: Sequence[Record], key) -> dict[str | None, int]:
    """Index of the first record with each key; a missing key stands for nothing."""
    first: dict[str | None, int] = {}
    for index, record in enumerate(records):
        if record["type"] != "account" and (value := key(record)) is not None:
            first.setdefault(value, index)
    return first


def _span(record: Record) -> tuple[int, int]:
    """The record's interval, its end cut by the tolerance of its kind.

    Two intervals overlap by more than the tolerance exactly if what is left of them overlaps at
    all, so tolerance costs nothing: what is left of distinct records is disjoint.
    """
    return record["start_ms"], record["end_ms"] - TOLERANCE_MS[_kind(record)]


def _take(taken: list[tuple[int, int]], record: Record) -> bool:
    """Add the record's span to disjoint sorted spans, unless it overlaps one of them."""
    start, end = _span(record)
    if end <= start:
        return True
    place = bisect_left(taken, (start, end))
    if place and taken[place - 1][1] > start:
        return False
    if place < len(taken) and taken[place][0] < end:
        return False
    insort(taken, (start, end))
    return True


class _Spans:
    """The known records of one kind, ordered by start."""

    def __init__(self, kind: str, known: Sequence[Record]):
        self.known = known
        self.order = sorted(
            (index for index, record in enumerate(known) if _is_of(kind, record)),
            key=lambda index: (known[index]["start_ms"], index),
        )
        self.starts = [known[index]["start_ms"] for index in self.order]
        # Per place: of the spans up to here, the end that is last and whose it is.
        self.last: list[tuple[int, int]] = []
        last = (-1, -1)
        for index in self.order:
            start, end = _span(known[index])
            last = max(last, (end, index)) if end > start else last
            self.last.append(last)

    def twin_of(self, record: Record) -> tuple[int, Rule] | None:
        """A known record that looks like this one, or else one that overlaps it."""
        start, end = _span(record)
        near = slice(
            bisect_left(self.starts, start - START_TOLERANCE_MS),
            bisect_right(self.starts, start + START_TOLERANCE_MS),
        )
        for index in self.order[near]:
            if is_same_activity(record, self.known[index]):
                return index, "same_activity"
        places_before_end = bisect_left(self.starts, end)
        if end > start and places_before_end:
            last_end, index = self.last[places_before_end - 1]
            if last_end > start:
                return index, "overlap"
        return None


def _is_of(kind: str, record: Record) -> bool:
    return record["type"] != "account" and _kind(record) == kind


def is_same_activity(one: Record, other: Record) -> bool:
    """Whether two activities look like one recording in two formats."""
    if one["type"] != "activity" or other["type"] != "activity":
        return False
    if not one["distance_mm"] or not other["distance_mm"]:
        return False
    overlap = min(one["end_ms"], other["end_ms"]) - max(one["start_ms"], other["start_ms"])
    shorter = min(one["elapsed_ms"], other["elapsed_ms"])
    longer_way = max(one["distance_mm"], other["distance_mm"])
    difference = abs(one["distance_mm"] - other["distance_mm"])
    return (
        shorter > 0
        and abs(one["start_ms"] - other["start_ms"]) <= START_TOLERANCE_MS
        and overlap * 10_000 >= shorter * OVERLAP_BP_MIN
        and difference * 10_000 <= longer_way * DISTANCE_BP_MAX
    )


def _richness(record: Record) -> tuple[int, int, int, int]:
    # A day goes on: of two exports of it, the one with more steps is the later.
    steps = record["steps"] or 0 if record.get("sport") == "daily" else 0
    return -record["trust"], _rank(record["format"]), -steps, _start(record)


def _reach(record: Record) -> tuple[bool, int, tuple[int, int, int, int]]:
    """Order in which intervals are given away: how much of the time, or of the steps, is proved."""
    extent = record["steps"] if record.get("sport") == "daily" else record.get("elapsed_ms")
    return record["trust"] == TRUST_MANUAL, -(extent or 0), _richness(record)


@cache
def _rank(name: str) -> int:
    ranks = (rank for rank, rich in enumerate(FORMATS_BY_RICHNESS) if name.startswith(rich))
    return next(ranks, len(FORMATS_BY_RICHNESS))


def _start(record: Record) -> int:
    return record.get("start_ms", 0)


def _ordered(records: Iterable[Record], key) -> list[Record]:
    """Ordered by the key, ties by content, so that the input's order leaves no trace.

    Content is compared only within ties, without the track first: it decides nothing.
    """
    ordered: list[Record] = []
    for _, ties in groupby(sorted(records, key=key), key=key):
        tied = list(ties)
        ordered.extend(sorted(tied, key=_content) if len(tied) > 1 else tied)
    return ordered


def _content(record: Record) -> tuple[str, int, str]:
    """What the reader made of it, then the one that came first, then the rest."""
    facts = {name: value for name, value in content(record).items() if name != "track"}
    first = json.dumps(facts, sort_keys=True)
    return first, record.get("received_ms") or 0, json.dumps(record, sort_keys=True)
