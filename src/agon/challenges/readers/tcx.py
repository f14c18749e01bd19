"""Reader for TCX (Garmin's Training Center Database v2): each activity becomes a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from agon.challenges import measures, records
from agon.challenges.curves import Samples
from agon.challenges.readers import refusals, xml
from agon.challenges.readers.sports import sport_of
from agon.challenges.records import TRUST_TRACK, Reading, Record, Source
from agon.kernel.errors import Refusal, Refused

FORMAT = "tcx"
ELEVATION_M_MAX = 100_000


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """All activities of the file, ordered by start. One without trackpoints was made by hand."""
    try:
        return records.reading_of(FORMAT, _activities(stream, source))
    except Refused as refused:
        return refused.refusal


def _activities(stream: BinaryIO, source: Source) -> Iterator[Record]:
    samples, elevations_mm = Samples(), []
    for name, element in xml.elements(stream, "Trackpoint", ("Activity", "Course")):
        if name == "Trackpoint":
            _note(xml.texts(element), samples, elevations_mm)
            continue
        if name == "Activity":
            yield _record(element, samples, elevations_mm, source)
        samples, elevations_mm = Samples(), []


def _note(texts: dict[str, str], samples: Samples, elevations_mm: list[int]) -> None:
    """Append a trackpoint to the columns."""
    if "Time" not in texts:
        raise refusals.without_times("A trackpoint")
    latitude = longitude = None
    if "LatitudeDegrees" in texts and "LongitudeDegrees" in texts:
        latitude, longitude = xml.angles(texts["LatitudeDegrees"], texts["LongitudeDegrees"])
    samples.times_ms.append(xml.time_ms(texts["Time"]))
    samples.latitudes.append(latitude)
    samples.longitudes.append(longitude)
    distance = texts.get("DistanceMeters")
    samples.distances_mm.append(xml.scaled(distance, "distance", 1000) if distance else None)
    samples.heart_rates.append(xml.optional(texts, "Value"))
    samples.cadences.append(xml.optional(texts, "RunCadence", "Cadence"))
    if "AltitudeMeters" in texts:
        high = ELEVATION_M_MAX
        altitude_mm = xml.scaled(texts["AltitudeMeters"], "altitude", 1000, -high, high)
        elevations_mm.append(altitude_mm)


def _record(
    element: etree._Element, samples: Samples, elevations_mm: list[int], source: Source
) -> Record:
    sport = sport_of(element.get("Sport"))
    xml.count_both_feet(samples, sport.sport)
    laps = element.findall("{*}Lap")
    timer_ms = _summed(laps, "TotalTimeSeconds", 1000)
    start_ms, end_ms = _interval(laps, samples)
    found = measures.facts(
        samples, sport.sport, start_ms=start_ms, end_ms=end_ms, timer_ms=timer_ms
    )
    measured = found["measures"] or measures.NOTHING
    return records.activity(
        format=FORMAT,
        sport=sport.sport,
        sport_detail=sport.detail,
        indoor=sport.indoor,
        virtual=sport.virtual,
        device=records.label(element.findtext("{*}Creator/{*}Name")),
        manual=not samples.times_ms,
        trust=source.trust(TRUST_TRACK),
        start_ms=start_ms,
        end_ms=end_ms,
        timer_ms=timer_ms,
        distance_mm=_summed(laps, "DistanceMeters", 1000),
        ascent_mm=measures.ascent(elevations_mm),
        calories_kcal=_summed(laps, "Calories", 1),
        average_heart_rate=measured["mean_heart_rate"],
        **found,
    )


def _interval(laps: list[etree._Element], samples: Samples) -> tuple[int, int]:
    """From the first lap, or sample, to the end of the last one."""
    starts_ms, ends_ms = samples.times_ms[:1], samples.times_ms[-1:]
    for lap in laps:
        start = lap.get("StartTime")
        if start:
            starts_ms.append(xml.time_ms(start))
            ends_ms.append(starts_ms[-1] + (_summed([lap], "TotalTimeSeconds", 1000) or 0))
    if not starts_ms:
        raise refusals.without_times("An activity of the TCX file")
    return min(starts_ms), max(ends_ms)


def _summed(laps: list[etree._Element], name: str, factor: int) -> int | None:
    """The sum of a total of the laps, None if no lap states it."""
    stated = [lap.findtext(f"{{*}}{name}") for lap in laps]
    known = [xml.scaled(text, name, factor) for text in stated if text]
    return sum(known) if known else None
