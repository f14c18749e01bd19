"""Reader for GPX 1.0 and 1.1: each track that was recorded becomes a record."""

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

FORMAT = "gpx"
ELEVATION_M_MAX = 100_000


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """The tracks with times, ordered by start; a new segment is a new start after a pause.

    A track without times is passed over if the file has others. A track that has lost some of its
    times is refused.
    """
    try:
        return records.reading_of(FORMAT, _tracks(stream, source))
    except Refused as refused:
        return refused.refusal


def _tracks(stream: BinaryIO, source: Source) -> Iterator[Record]:
    made = passed_over = 0
    samples, elevations_mm, untimed = Samples(), [], 0
    for name, element in xml.elements(stream, "trkpt", ("trkseg", "trk")):
        if name == "trkpt":
            texts = xml.texts(element)
            if "time" in texts:
                _note(element, texts, samples, elevations_mm)
            else:
                untimed += 1
        elif name == "trkseg":
            samples.breaks.add(len(samples.times_ms))
        else:
            if samples.times_ms and untimed:
                raise refusals.without_times("A point of the track")
            if samples.times_ms:
                made += 1
                yield _record(element, samples, elevations_mm, source)
            passed_over += untimed
            samples, elevations_mm, untimed = Samples(), [], 0
    if passed_over and not made:
        raise refusals.without_times("The track")
    if not made:
        raise refusals.without_activity("waypoints or routes, and no track")


def _note(
    point: etree._Element, texts: dict[str, str], samples: Samples, elevations_mm: list[int]
) -> None:
    """Append a point to the columns."""
    latitude, longitude = xml.angles(point.get("lat", ""), point.get("lon", ""))
    samples.times_ms.append(xml.time_ms(texts["time"]))
    samples.latitudes.append(latitude)
    samples.longitudes.append(longitude)
    samples.distances_mm.append(None)
    samples.heart_rates.append(xml.optional(texts, "hr", "heartrate"))
    samples.cadences.append(xml.optional(texts, "cad", "cadence"))
    if "ele" in texts:
        high = ELEVATION_M_MAX
        elevations_mm.append(xml.scaled(texts["ele"], "elevation", 1000, -high, high))


def _record(
    track: etree._Element, samples: Samples, elevations_mm: list[int], source: Source
) -> Record:
    sport = sport_of(track.findtext("{*}type"))
    xml.count_both_feet(samples, sport.sport)
    times = samples.times_ms
    start_ms, end_ms = min(times), max(times)
    pauses = [times[at] - times[at - 1] for at in samples.breaks if 0 < at < len(times)]
    timer_ms = max(0, end_ms - start_ms - sum(pause for pause in pauses if pause > 0))
    found = measures.facts(
        samples, sport.sport, start_ms=start_ms, end_ms=end_ms, timer_ms=timer_ms
    )
    return records.activity(
        format=FORMAT,
        sport=sport.sport,
        sport_detail=sport.detail,
        indoor=sport.indoor,
        virtual=sport.virtual,
        device=records.label(track.getroottree().getroot().get("creator")),
        trust=source.trust(TRUST_TRACK),
        start_ms=start_ms,
        end_ms=end_ms,
        timer_ms=timer_ms,
        distance_mm=found["measures"]["gps_distance_mm"],
        ascent_mm=measures.ascent(elevations_mm),
        average_heart_rate=found["measures"]["mean_heart_rate"],
        **found,
    )
