"""Readers: what a participant hands in, as canonical records.

Pure: a reader works on the stream that it is given and answers with a Reading or a Refusal; bad
input never raises, and is never half read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import SEEK_END
from typing import BinaryIO

from agon.challenges.readers import (
    apple,
    fit,
    gpx,
    manual,
    opendota,
    refusals,
    riot,
    steam,
    strava,
    tcx,
    xml,
)
from agon.challenges.readers.json_document import WHOLE_MAX
from agon.challenges.records import RECORDS_MAX, TIME_MIN_MS, Reading, Source
from agon.kernel.errors import Refusal, Refused, refuse

MEGABYTE = 1024**2
FILE_BYTES_MAX = 64 * MEGABYTE
EXPORT_BYTES_MAX = 4096 * MEGABYTE
"""Of an Apple Health export, unpacked or not; it goes by in a stream."""

READERS: dict[str, Callable[[BinaryIO, Source], Reading | Refusal]] = {
    "fit": fit.read,
    "gpx": gpx.read,
    "tcx": tcx.read,
    "apple": apple.read,
    "strava": strava.read,
    "opendota": opendota.read,
    "riot": riot.read,
    "steam": steam.read,
    "manual": manual.read,
}
FORMATS_BY_PROVIDER: dict[str, tuple[str, ...]] = {
    "apple": ("apple", "fit", "gpx", "tcx"),
    "garmin": ("fit", "gpx", "tcx"),
    "strava": ("strava", "fit", "gpx", "tcx"),
    "opendota": ("opendota",),
    "riot": ("riot",),
    "steam": ("steam",),
    "manual": ("manual",),
}
FORMAT_BY_ROOT = {"gpx": "gpx", "TrainingCenterDatabase": "tcx", "HealthData": "apple"}
JSON_PROVIDERS = ("strava", "opendota", "riot", "steam", "manual")
"""Their JSON is read by the reader of the same name."""
NAMES = {
    "fit": "FIT",
    "gpx": "GPX",
    "tcx": "TCX",
    "apple": "Apple Health's export.zip or export.xml",
    "manual": "JSON of manual entries",
}


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """The records of a seekable stream, ordered by start; every code is in docs/evidence.md.

    Refused here: `evidence_empty`, `evidence_too_large`, `evidence_kind_unknown`,
    `evidence_kind_mismatch`, `evidence_without_activity`, `evidence_too_many_records`,
    `evidence_time_implausible`; the rest by the format's reader.
    """
    try:
        format = _format(stream, source.provider)
        reading = READERS[format](stream, source)
        if isinstance(reading, Reading):
            _check(reading)
    except Refused as refused:
        return refused.refusal
    return reading


def detect(head: bytes, provider: str) -> str | None:
    """The format of a file that begins so, by its content; JSON is the provider's."""
    if head[8:12] == b".FIT":
        return "fit"
    if head.startswith(apple.ZIP_MAGIC):
        return "apple"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return provider if provider in JSON_PROVIDERS else None
    root = xml.root_of(head)
    return FORMAT_BY_ROOT.get(root[0]) if root else None


def _format(stream: BinaryIO, provider: str) -> str:
    """The format of the stream, which is left at its beginning."""
    size = stream.seek(0, SEEK_END)
    stream.seek(0)
    if not size:
        raise refuse(
            "evidence_empty", "The file is empty.", hint="Choose the file again and send it."
        )
    format = detect(stream.read(xml.HEAD_BYTES), provider)
    stream.seek(0)
    taken = FORMATS_BY_PROVIDER.get(provider, ())
    if format not in taken:
        raise _wrong_kind(format, provider, taken)
    limit = EXPORT_BYTES_MAX if format == "apple" else FILE_BYTES_MAX
    if size > limit:
        raise refuse(
            "evidence_too_large",
            "The file is larger than Agon reads.",
            details=f"{size} bytes; the limit is {limit}",
            hint="Send a shorter recording, or an export of a shorter time.",
            status=413,
        )
    return format


def _wrong_kind(format: str | None, provider: str, taken: tuple[str, ...]) -> Refused:
    wanted = ", ".join(NAMES.get(name, f"JSON as {name}'s API answers it") for name in taken)
    if format is None:
        return refuse(
            "evidence_kind_unknown",
            "The file is of no kind that Agon reads.",
            hint=f"For {provider} send {wanted}; XML and JSON in UTF-8.",
            status=415,
        )
    return refuse(
        "evidence_kind_mismatch",
        f"This kind of file is not taken as evidence from {provider}.",
        details=f"the file is {NAMES.get(format, format)}",
        hint=f"Send {wanted}, or name the provider that the file is from.",
        status=415,
    )


def _check(reading: Reading) -> None:
    """What holds for the records of every format."""
    if not reading.records:
        raise refusals.without_activity(f"an empty {reading.format} file")
    if len(reading.records) > RECORDS_MAX:
        raise refusals.too_many_records(len(reading.records))
    for record in reading.records:
        start_ms, end_ms = record.get("start_ms"), record.get("end_ms")
        if start_ms is not None and not TIME_MIN_MS <= start_ms <= end_ms:
            raise refusals.time_implausible(f"from {start_ms} ms to {end_ms} ms since 1970")
        if max(_numbers(record)) > WHOLE_MAX:
            raise refusals.value_malformed("sum", "more than canonical JSON can carry")


def _numbers(values: Mapping[str, object]) -> Iterator[int]:
    """The sizes of all numbers of a record but those of its track, which are angles and seconds."""
    for value in values.values():
        if isinstance(value, dict):
            yield from _numbers(value)
        elif isinstance(value, int):
            yield abs(value)
