"""Reader for Apple Health exports: export.xml, or the zip that the phone sends around it.

Workouts become activities; steps and walked distance become one record a day (`apple_days`). The
document goes by in a stream: an export of 1 GB is read in well under 300 MB of memory.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import BinaryIO

from lxml import etree

from agon.challenges.readers import apple_days, apple_workouts, apple_zip, refusals
from agon.challenges.readers.apple_days import Book
from agon.challenges.records import RECORDS_MAX, TRUST_TRACK, Reading, Record, Source
from agon.kernel.errors import Refusal, Refused

FORMAT = "apple"

CHUNK_BYTES = 256 * 1024
PROLOG_BYTES_MAX = 1024 * 1024
"""Before this the root element must come. Apple's DOCTYPE has about 10 kB."""
TAIL_BYTES = 100
ZIP_MAGIC = b"PK\x03\x04"
ROOT = re.compile(rb"<HealthData[\s>]")
CLOSED = re.compile(rb"</HealthData\s*>\s*\Z")
CONTROL_BYTES = bytes({*range(32), 127} - {9, 10, 13})
"""Some exports contain them, XML does not allow them, and no text that we read needs them."""
ENTERED = "HKWasUserEntered"


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """Workouts and days, ordered by start."""
    try:
        export = Export(source.trust(TRUST_TRACK))
        if stream.read(len(ZIP_MAGIC)) == ZIP_MAGIC:
            with apple_zip.export_in(stream) as unpacked:
                _parse(unpacked, export)
        else:
            stream.seek(0)
            _parse(stream, export)
        made = export.workouts + apple_days.days(export.book, export.trust)
    except Refused as refused:
        return refused.refusal
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        return apple_zip.malformed(str(error)).refusal
    return Reading(format=FORMAT, records=tuple(sorted(made, key=_order)))


class Export:
    """What lxml calls with each element: keeps what is read, holds nothing else."""

    def __init__(self, trust: int) -> None:
        self.trust = trust
        self.book = Book()
        self.workouts: list[Record] = []
        self._sample: dict[str, str] | None = None
        self._workout: apple_workouts.Workout | None = None
        self._entered = False
        self._skipped: str | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._skipped:
            return
        if tag == "Record":
            if attributes.get("type") in apple_days.UNITS:
                self._sample, self._entered = attributes, False
        elif self._sample is not None:
            self._entered = self._entered or _is_entered(attributes)
        elif tag == "Workout":
            self._workout = apple_workouts.Workout(attributes=attributes)
        elif tag in ("Correlation", "WorkoutActivity", "WorkoutRoute"):
            self._skipped = tag  # what stands inside is said again outside, or not needed
        elif self._workout is not None:
            self._workout.add(tag, attributes)

    def end(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped:
                self._skipped = None
        elif tag == "Record":
            if self._sample is not None:
                self.book.note(self._sample, self._entered)
                self._sample = None
        elif tag == "Workout" and self._workout is not None:
            self._close_workout(self._workout)

    def close(self) -> Export:
        return self

    def _close_workout(self, workout: apple_workouts.Workout) -> None:
        if len(self.workouts) == RECORDS_MAX:
            raise refusals.too_many_records(RECORDS_MAX + 1)
        self.workouts.append(apple_workouts.activity(workout, self.trust))
        self._workout = None


def _parse(stream: BinaryIO, export: Export) -> None:
    """Feed the document, from its root on, without the bytes that XML does not allow.

    The DOCTYPE is thrown away: some of Apple's are broken, and nothing in it is needed.
    """
    parser = etree.XMLParser(
        target=export, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    chunk, tail = _from_root(stream), b""
    try:
        while chunk:
            tail = (tail + chunk)[-TAIL_BYTES:]
            parser.feed(chunk.translate(None, CONTROL_BYTES))
            chunk = stream.read(CHUNK_BYTES)
        parser.close()
    except etree.XMLSyntaxError as error:
        if CLOSED.search(tail) or stream.read(1):
            raise refusals.xml_malformed(error.msg.strip()) from error
        raise refusals.truncated() from error


def _from_root(stream: BinaryIO) -> bytes:
    head = stream.read(PROLOG_BYTES_MAX)
    root = ROOT.search(head)
    if root is None:
        raise refusals.xml_malformed("no HealthData element at its beginning")
    return head[root.start() :]


def _is_entered(attributes: dict[str, str]) -> bool:
    return attributes.get("key") == ENTERED and attributes.get("value") == "1"


def _order(record: Record) -> tuple[int, int, str]:
    return record["start_ms"], record["end_ms"], record["sport"]
