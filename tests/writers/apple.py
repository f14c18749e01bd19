"""Apple Health exports: `export.xml`, streamed at any size, and the zip that the phone sends.

The order is Apple's: records first, workouts after them. Dates have whole seconds and the offset
of the place: `2026-11-03 07:30:00 +0100`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from itertools import islice
from random import Random
from typing import BinaryIO
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tests.writers.text import XML_DECLARATION, decimal, moment
from tests.writers.tracks import Track

ZIP_NAME = "apple_health_export/export.xml"
LINES_PER_WRITE = 2_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
STEP_MM = 720

# kind: (HealthKit type, unit, decimal places between our integer and its unit)
KINDS = {
    "steps": ("StepCount", "count", 0),
    "distance": ("DistanceWalkingRunning", "km", 6),
    "energy": ("ActiveEnergyBurned", "kcal", 0),
    "heart_rate": ("HeartRate", "count/min", 0),
}
DISTANCE_TYPES = {"ride": "DistanceCycling", "swim": "DistanceSwimming"}
WORKOUTS = {
    "run": "Running",
    "walk": "Walking",
    "hike": "Hiking",
    "ride": "Cycling",
    "swim": "Swimming",
    "row": "Rowing",
    "strength": "TraditionalStrengthTraining",
    "yoga": "Yoga",
    "hiit": "HighIntensityIntervalTraining",
    "other": "Other",
}
HARDWARE = {"iPhone": "iPhone15,2", "Apple Watch": "Watch6,4"}

DECLARATIONS = """<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Workout)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT ExportDate EMPTY>
<!ATTLIST ExportDate
  value CDATA #REQUIRED
>
<!ELEMENT Me EMPTY>
<!ELEMENT Record (MetadataEntry*)>
<!ATTLIST Record
  type          CDATA #REQUIRED
  unit          CDATA #IMPLIED
  value         CDATA #IMPLIED
  sourceName    CDATA #REQUIRED
  device        CDATA #IMPLIED
  creationDate  CDATA #IMPLIED
  startDate     CDATA #REQUIRED
  endDate       CDATA #REQUIRED
>
<!ELEMENT Workout ((MetadataEntry|WorkoutEvent|WorkoutStatistics)*)>
<!ELEMENT WorkoutEvent EMPTY>
<!ELEMENT WorkoutStatistics EMPTY>
<!ELEMENT MetadataEntry EMPTY>
"""
# Attributes outside of any declaration, which is what the exports of iOS 16 trip over.
BROKEN_DECLARATIONS = DECLARATIONS + "  startDate     CDATA #REQUIRED\n>\n"
DOCTYPES = {
    "full": f"<!DOCTYPE HealthData [\n{DECLARATIONS}]>\n",
    "broken": f"<!DOCTYPE HealthData [\n{BROKEN_DECLARATIONS}]>\n",
    "none": "",
}


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One record. value: count, mm, kcal or beats a minute, as kind says; entered: by hand."""

    kind: str
    start_ms: int
    end_ms: int
    value: int
    source: str = "iPhone"
    entered: bool = False
    utc_offset_s: int = 3_600


def write(
    stream: BinaryIO,
    *,
    workouts: Iterable[Track] = (),
    quantities: Iterable[Quantity] = (),
    doctype: str = "full",
    control_byte: bool = False,
    statistics: bool = True,
) -> None:
    """Write an export. statistics: distance and energy as children (iOS 16), else attributes."""
    source_name = "iPhone\x0b" if control_byte else "iPhone"
    stream.write((XML_DECLARATION + DOCTYPES[doctype]).encode())
    stream.write(b'<HealthData locale="en_DE">\n <ExportDate value="2026-11-09 12:00:00 +0100"/>\n')
    stream.write(b' <Me HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexNotSet"/>\n')
    lines = (_record(quantity, source_name) for quantity in quantities)
    while batch := list(islice(lines, LINES_PER_WRITE)):
        stream.write("".join(batch).encode())
    for track in workouts:
        stream.write("".join(_workout(track, statistics)).encode())
    stream.write(b"</HealthData>\n")


def document(**contents: object) -> bytes:
    """The same as bytes."""
    stream = BytesIO()
    write(stream, **contents)  # type: ignore[arg-type]
    return stream.getvalue()


def write_zip(stream: BinaryIO, *, name: str = ZIP_NAME, **contents: object) -> None:
    """The same inside a zip, written as it grows."""
    with (
        ZipFile(stream, "w", ZIP_DEFLATED) as archive,
        archive.open(_entry(name), "w", force_zip64=True) as entry,
    ):
        write(entry, **contents)  # type: ignore[arg-type]


def zipped(xml: bytes, name: str = ZIP_NAME, others: Mapping[str, bytes] | None = None) -> bytes:
    """A zip of one document, with whatever else is to lie beside it."""
    stream = BytesIO()
    with ZipFile(stream, "w") as archive:
        for entry, data in {**(others or {}), name: xml}.items():
            archive.writestr(_entry(entry), data)
    return stream.getvalue()


def day_of_steps(
    seed: int,
    day_start_ms: int,
    watch_steps: int = 8_000,
    *,
    phone_only_steps: int = 0,
    utc_offset_s: int = 3_600,
) -> Iterator[Quantity]:
    """Walks of ten minutes from 7 h on, which the Watch counts and the phone again, a bit less.

    At 22 h the phone alone counts phone_only_steps more: the day's truth is the sum of both.
    """
    rng = Random(seed)
    begin_ms, left = day_start_ms + 7 * HOUR_MS, watch_steps
    while left > 0:
        count = min(left, 600 + int(400 * rng.random()))
        left -= count
        late_ms = 1_000 * int(20 * rng.random())
        yield from _walk("Apple Watch", begin_ms, count, utc_offset_s)
        yield from _walk("iPhone", begin_ms + late_ms, count * 19 // 20, utc_offset_s)
        begin_ms += 20 * MINUTE_MS
    if phone_only_steps:
        yield from _walk("iPhone", day_start_ms + 22 * HOUR_MS, phone_only_steps, utc_offset_s)


def _walk(source: str, start_ms: int, steps: int, utc_offset_s: int) -> Iterator[Quantity]:
    for kind, value in (("steps", steps), ("distance", steps * STEP_MM)):
        yield Quantity(
            kind=kind,
            start_ms=start_ms,
            end_ms=start_ms + 10 * MINUTE_MS,
            value=value,
            source=source,
            utc_offset_s=utc_offset_s,
        )


def _record(quantity: Quantity, phone: str) -> str:
    kind, unit, places = KINDS[quantity.kind]
    source = phone if quantity.source == "iPhone" else quantity.source
    opening = (
        f' <Record type="HKQuantityTypeIdentifier{kind}" {_source(source)} unit="{unit}"'
        f" {_dates(quantity.start_ms, quantity.end_ms, quantity.utc_offset_s)}"
        f' value="{decimal(quantity.value, places)}"'
    )
    if quantity.entered:
        return f"{opening}>\n{_metadata('HKWasUserEntered', '1')} </Record>\n"
    return f"{opening}/>\n"


def _workout(track: Track, statistics: bool) -> Iterator[str]:
    dates = _dates(track.start_ms, track.end_ms, track.utc_offset_s)
    minutes = decimal((track.timer_ms * 10**7 + 3) // 6, 11)
    totals = _totals(track)
    attributes = "" if statistics else _total_attributes(totals)
    yield (
        f' <Workout workoutActivityType="HKWorkoutActivityType{WORKOUTS[track.sport]}"'
        f' duration="{minutes}" durationUnit="min"{attributes} {_source("Apple Watch")} {dates}>\n'
    )
    if track.indoor:
        yield _metadata("HKIndoorWorkout", "1")
    if track.manual:
        yield _metadata("HKWasUserEntered", "1")
    for begin, end in track.pauses:
        yield _event("Pause", track.start_ms + begin, track.utc_offset_s)
        yield _event("Resume", track.start_ms + end, track.utc_offset_s)
    if statistics:
        for kind, (value, unit) in totals.items():
            yield (
                f'  <WorkoutStatistics type="HKQuantityTypeIdentifier{kind}"'
                f' startDate="{_date(track.start_ms, track.utc_offset_s)}"'
                f' endDate="{_date(track.end_ms, track.utc_offset_s)}"'
                f' sum="{value}" unit="{unit}"/>\n'
            )
    yield " </Workout>\n"


def _totals(track: Track) -> dict[str, tuple[str, str]]:
    totals = {}
    if track.distance_mm is not None:
        kind = DISTANCE_TYPES.get(track.sport, "DistanceWalkingRunning")
        totals[kind] = (decimal(track.distance_mm, 6), "km")
    if track.calories is not None:
        totals["ActiveEnergyBurned"] = (str(track.calories), "kcal")
    return totals


def _total_attributes(totals: Mapping[str, tuple[str, str]]) -> str:
    """Totals as exports wrote them before iOS 16."""
    names = {kind: "totalDistance" for kind in totals} | {"ActiveEnergyBurned": "totalEnergyBurned"}
    return "".join(
        f' {names[kind]}="{value}" {names[kind]}Unit="{unit}"'
        for kind, (value, unit) in totals.items()
    )


def _event(name: str, at_ms: int, utc_offset_s: int) -> str:
    date = _date(at_ms, utc_offset_s)
    return f'  <WorkoutEvent type="HKWorkoutEventType{name}" date="{date}"/>\n'


def _metadata(key: str, value: str) -> str:
    return f'  <MetadataEntry key="{key}" value="{value}"/>\n'


@cache
def _source(name: str) -> str:
    """sourceName, and the device where it is one of Apple's."""
    model = name.strip("\x0b")
    if model not in HARDWARE:
        return f"sourceName={quoteattr(name)}"
    maker = "manufacturer:Apple Inc."
    device = f"<<HKDevice: 0x2810>, name:{model}, {maker}, hardware:{HARDWARE[model]}>"
    return f'sourceName={quoteattr(name)} sourceVersion="26.1" device={quoteattr(device)}'


def _dates(start_ms: int, end_ms: int, utc_offset_s: int) -> str:
    start, end = _date(start_ms, utc_offset_s), _date(end_ms, utc_offset_s)
    return f'creationDate="{end}" startDate="{start}" endDate="{end}"'


@lru_cache(maxsize=64)
def _date(ms: int, utc_offset_s: int) -> str:
    return moment(ms, utc_offset_s).strftime("%Y-%m-%d %H:%M:%S %z")


def _entry(name: str) -> ZipInfo:
    """An entry with the date that zip counts from, so that bytes do not depend on the clock."""
    entry = ZipInfo(name)
    entry.compress_type = ZIP_DEFLATED
    return entry
