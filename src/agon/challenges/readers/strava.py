"""Reader for Strava activities, API v3: DetailedActivity and SummaryActivity.

Our collector wraps an activity with its streams: {"activity": {…}, "streams": {…}}. Without
streams there are no measures and no track: splits and laps are summaries, not samples.
Strava has no timer: it tells elapsed and moving time, so timer_ms is None.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from agon.challenges import measures, records
from agon.challenges.measures import Samples
from agon.challenges.readers import json_document
from agon.challenges.readers.json_document import DURATION_MAX_S, Node
from agon.challenges.records import Reading, Record, Source
from agon.kernel.errors import Refusal

FORMAT = "strava"

LENGTH_MAX_MM = 100_000_000_000
CALORIES_MAX_KCAL = 1_000_000
HEART_RATE_MAX = 300
CADENCE_MAX = 1_000
SAMPLES_MAX = 500_000
"""Of one activity: more than five days at one a second."""
UTC_OFFSET_MAX_S = 18 * 3_600
DEGREE_E7 = 10**7

# Electric bikes are no rides: a motor helps. What is missing here is "other".
SPORTS = {
    "Run": "run",
    "TrailRun": "run",
    "VirtualRun": "run",
    "Walk": "walk",
    "Hike": "hike",
    "Ride": "ride",
    "GravelRide": "ride",
    "MountainBikeRide": "ride",
    "VirtualRide": "ride",
    "Swim": "swim",
    "Rowing": "row",
    "VirtualRow": "row",
    "WeightTraining": "strength",
    "Yoga": "yoga",
    "Crossfit": "hiit",
    "HighIntensityIntervalTraining": "hiit",
}
ON_FOOT = ("run", "walk", "hike")


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """One activity or an array of them, each bare or with its streams."""
    return json_document.read(FORMAT, stream, source, _activities)


def _activities(document: Node, source: Source) -> list[Record]:
    return [_activity(found, source) for found in document.each()]


def _activity(found: Node, source: Source) -> Record:
    activity = found if found["activity"].value is None else found["activity"]
    start_ms, _ = json_document.timed(activity["start_date"]).moment()
    elapsed_ms = json_document.timed(activity["elapsed_time"]).scaled(1000, DURATION_MAX_S * 1000)
    moving_ms = activity["moving_time"].scaled(1000, DURATION_MAX_S * 1000)
    detail = activity["sport_type"].label() or activity["type"].label() or ""
    sport = SPORTS.get(detail, "other")
    standing_ms = max(0, elapsed_ms - (elapsed_ms if moving_ms is None else moving_ms))
    return records.activity(
        format=FORMAT,
        provider_id=f"strava:{activity['id'].needed().whole()}",
        device=activity["device_name"].label(),
        manual=activity["manual"].flag() or False,
        trust=json_document.trust_of(source),
        sport=sport,
        sport_detail=detail or None,
        indoor=activity["trainer"].flag() or False,
        virtual=detail.startswith("Virtual"),
        start_ms=start_ms,
        end_ms=start_ms + elapsed_ms,
        utc_offset_s=_utc_offset_s(activity, start_ms),
        moving_ms=moving_ms,
        distance_mm=activity["distance"].scaled(1000, LENGTH_MAX_MM),
        ascent_mm=activity["total_elevation_gain"].scaled(1000, LENGTH_MAX_MM),
        calories_kcal=_calories(activity),
        average_heart_rate=activity["average_heartrate"].scaled(1, HEART_RATE_MAX),
        **_sampled(found, sport, start_ms, standing_ms),
    )


def _utc_offset_s(activity: Node, start_ms: int) -> int | None:
    """As told, else from start_date_local, which has the local time of day with a Z behind it."""
    told_s = activity["utc_offset"].scaled(1, UTC_OFFSET_MAX_S, -UTC_OFFSET_MAX_S)
    local = activity["start_date_local"].moment()
    return told_s if told_s is not None or local is None else (local[0] - start_ms) // 1000


def _calories(activity: Node) -> int | None:
    """In kcal. A summary of a ride has the work in kJ instead, which is nearly the same number:
    4.184 kJ are a kcal, and the body turns about 24 % of what it burns into work."""
    told = activity["calories"] if activity["calories"].value else activity["kilojoules"]
    return told.scaled(1, CALORIES_MAX_KCAL)


def _sampled(found: Node, sport: str, start_ms: int, standing_ms: int) -> dict[str, Any]:
    """Measures and track, if there are streams with a clock. Time stood still is no gap."""
    streams = found["streams"]
    if streams.value is None or streams["time"].value is None:
        return {}
    path = measures.follow(_samples(streams, sport, start_ms), sport)
    return {
        "measures": measures.measure(path, standing_ms),
        "track": measures.track(path, start_ms),
    }


def _samples(streams: Node, sport: str, start_ms: int) -> Samples:
    clock = streams["time"]["data"]
    times_s = clock.column(1, DURATION_MAX_S)
    size = len(times_s)
    if size > SAMPLES_MAX or None in times_s:
        raise clock.unexpected(f"must have at most {SAMPLES_MAX} items, none of them null")
    latitudes, longitudes = _positions(streams["latlng"], size)
    # Strava counts the strides of one leg.
    legs = 2 if sport in ON_FOOT else 1
    return Samples(
        times_ms=[start_ms + time_s * 1000 for time_s in times_s],
        latitudes=latitudes,
        longitudes=longitudes,
        distances_mm=_column(streams["distance"], size, 1000, LENGTH_MAX_MM),
        heart_rates=_column(streams["heartrate"], size, 1, HEART_RATE_MAX),
        cadences=_column(streams["cadence"], size, legs, CADENCE_MAX),
    )


def _column(stream: Node, size: int, factor: int, high: int) -> list[int | None]:
    """A stream's values times factor; None where one is null, or if there is no such stream."""
    return [None] * size if stream.value is None else _data(stream, size).column(factor, high)


def _positions(stream: Node, size: int) -> tuple[list[int | None], list[int | None]]:
    """Latitudes and longitudes in 1e-7 degree."""
    pairs = [(None, None)] * size
    if stream.value is not None:
        pairs = [_position(item) for item in _data(stream, size).items()]
    return [latitude for latitude, _ in pairs], [longitude for _, longitude in pairs]


def _position(item: Node) -> tuple[int | None, int | None]:
    if item.value is None:
        return None, None
    pair = item.column(DEGREE_E7, 180 * DEGREE_E7, -180 * DEGREE_E7)
    if len(pair) != 2 or None in pair or abs(pair[0]) > 90 * DEGREE_E7:
        raise item.unexpected("must be a latitude and a longitude")
    return pair[0], pair[1]


def _data(stream: Node, size: int) -> Node:
    """A stream's array, as long as that of the time stream."""
    data = stream["data"]
    if not isinstance(data.value, list) or len(data.value) != size:
        raise data.unexpected(f"must be an array of {size} items, as the time stream is")
    return data
