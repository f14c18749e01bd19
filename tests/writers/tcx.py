"""TCX files (Training Center Database v2) with laps, heart rate and the device's distance."""

from __future__ import annotations

from collections.abc import Iterator

from tests.writers.motion import Point
from tests.writers.text import XML_DECLARATION, decimal, rfc3339
from tests.writers.tracks import Device, Track, stretches

SPORTS = {"run": "Running", "ride": "Biking"}
"""The schema knows no more than these and Other."""
LAP_M = 1_000
NAMESPACE = "http://www.garmin.com/xmlschemas"
OPENING = (
    f'<TrainingCenterDatabase xmlns="{NAMESPACE}/TrainingCenterDatabase/v2"'
    f' xmlns:ax="{NAMESPACE}/ActivityExtension/v2"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n<Activities>\n'
)


def write(
    *tracks: Track,
    zone: str = "Z",
    doctype: str = "",
    positions: bool = True,
    lap_m: int = LAP_M,
) -> bytes:
    """A TCX file. zone: see `text.rfc3339`; lap_m: metres after which the next lap begins."""
    lines = [XML_DECLARATION, doctype, OPENING]
    for track in tracks:
        sport = SPORTS.get(track.sport, "Other")
        lines.append(f'<Activity Sport="{sport}">')
        lines.append(f"<Id>{rfc3339(track.start_ms, zone)}</Id>\n")
        for lap in _laps(track, lap_m * 1_000):
            lines += _lap(track, lap, zone, positions)
        lines += _creator(track.device)
        lines.append("</Activity>\n")
    lines.append("</Activities>\n</TrainingCenterDatabase>\n")
    return "".join(lines).encode()


def _laps(track: Track, lap_mm: int) -> list[list[Point]]:
    """The points cut into laps; each lap begins with the last point of the one before."""
    laps = [[track.points[0]]]
    for point in track.points[1:]:
        last = laps[-1]
        last.append(point)
        done = point.distance_mm is not None and point.distance_mm >= len(laps) * lap_mm
        if done and point is not track.points[-1]:
            laps.append([point])
    return laps


def _lap(track: Track, lap: list[Point], zone: str, positions: bool) -> Iterator[str]:
    first, last = lap[0], lap[-1]
    rates = [point.heart_rate for point in lap if point.heart_rate is not None]
    yield f'<Lap StartTime="{rfc3339(track.start_ms + first.offset_ms, zone)}">'
    yield f"<TotalTimeSeconds>{decimal(_timer_ms(track, first, last), 3)}</TotalTimeSeconds>"
    distance_mm = (last.distance_mm or 0) - (first.distance_mm or 0)
    yield f"<DistanceMeters>{decimal(distance_mm, 3)}</DistanceMeters>"
    yield f"<Calories>{_calories(track, last) - _calories(track, first)}</Calories>"
    if rates:
        yield _heart_rate("AverageHeartRateBpm", sum(rates) // len(rates))
        yield _heart_rate("MaximumHeartRateBpm", max(rates))
    yield "<Intensity>Active</Intensity><TriggerMethod>Distance</TriggerMethod>\n"
    # The shared point is written once, in the lap that it ends.
    kept = lap if first is track.points[0] else lap[1:]
    for stretch in stretches(track, kept):
        yield "<Track>\n"
        for point in stretch:
            yield from _point(track, point, zone, positions)
        yield "</Track>\n"
    yield "</Lap>\n"


def _timer_ms(track: Track, first: Point, last: Point) -> int:
    paused = sum(
        end - begin
        for begin, end in track.pauses
        if first.offset_ms <= begin and end <= last.offset_ms
    )
    return last.offset_ms - first.offset_ms - paused


def _calories(track: Track, point: Point) -> int:
    """Calories until this point; the laps add up to the track's."""
    return (track.calories or 0) * point.offset_ms // max(1, track.elapsed_ms)


def _point(track: Track, point: Point, zone: str, positions: bool) -> Iterator[str]:
    yield f"<Trackpoint><Time>{rfc3339(track.start_ms + point.offset_ms, zone)}</Time>"
    if positions and point.lat_e7 is not None and point.lon_e7 is not None:
        yield f"<Position><LatitudeDegrees>{decimal(point.lat_e7, 7)}</LatitudeDegrees>"
        yield f"<LongitudeDegrees>{decimal(point.lon_e7, 7)}</LongitudeDegrees></Position>"
    if point.elevation_mm is not None:
        yield f"<AltitudeMeters>{decimal(point.elevation_mm // 100, 1)}</AltitudeMeters>"
    if point.distance_mm is not None:
        yield f"<DistanceMeters>{decimal(point.distance_mm, 3)}</DistanceMeters>"
    if point.heart_rate is not None:
        yield _heart_rate("HeartRateBpm", point.heart_rate)
    if point.cadence is not None:
        yield from _cadence(track.sport, point.cadence)
    yield "</Trackpoint>\n"


def _cadence(sport: str, cadence: int) -> Iterator[str]:
    if sport == "ride":
        yield f"<Cadence>{cadence}</Cadence>"
    else:
        strides = cadence // 2  # of one foot
        yield f"<Extensions><ax:TPX><ax:RunCadence>{strides}</ax:RunCadence></ax:TPX></Extensions>"


def _heart_rate(tag: str, rate: int) -> str:
    return f"<{tag}><Value>{rate}</Value></{tag}>"


def _creator(device: Device | None) -> Iterator[str]:
    if device is None:
        return
    yield f'<Creator xsi:type="Device_t"><Name>{device.manufacturer}</Name>'
    yield f"<UnitId>{device.serial}</UnitId><ProductID>{device.product}</ProductID>"
    yield "<Version><VersionMajor>1</VersionMajor><VersionMinor>0</VersionMinor></Version>"
    yield "</Creator>\n"
