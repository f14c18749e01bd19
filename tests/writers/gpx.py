"""GPX 1.1 files with Garmin's heart rate and cadence extension, and ways to make them useless."""

from __future__ import annotations

from collections.abc import Iterator

from tests.writers.motion import Point
from tests.writers.text import XML_DECLARATION, decimal, rfc3339
from tests.writers.tracks import Track, stretches

TYPES = {
    "run": "running",
    "walk": "walking",
    "hike": "hiking",
    "ride": "cycling",
    "swim": "swimming",
    "row": "rowing",
}
OPENING = (
    '<gpx version="1.1" creator="Agon sample" xmlns="http://www.topografix.com/GPX/1/1"'
    ' xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v1">\n'
)


def write(
    *tracks: Track,
    times: bool = True,
    zone: str = "Z",
    first_ms: int | None = None,
    type_name: str | None = None,
    doctype: str = "",
    extensions: bool = True,
    fraction: bool = False,
) -> bytes:
    """A GPX file. Points without a position are left out: the format has no place for them.

    times=False: no timestamps at all; zone: see `text.rfc3339`; first_ms: the time stated for the
    first point; type_name: <type> instead of the sport's word, "" for none.
    """

    def stamp(ms: int) -> str | None:
        return rfc3339(ms, zone, fraction=fraction) if times else None

    lines = [XML_DECLARATION, doctype, OPENING]
    for number, track in enumerate(tracks, start=1):
        word = TYPES.get(track.sport, "") if type_name is None else type_name
        lines.append(f"<trk><name>Sample {number}</name>")
        lines.append(f"<type>{word}</type>\n" if word else "\n")
        for stretch in stretches(track):
            lines.append("<trkseg>\n")
            for point in stretch:
                at_ms = track.start_ms + point.offset_ms
                if first_ms is not None and point is track.points[0]:
                    at_ms = first_ms
                lines += _point("trkpt", point, stamp(at_ms), extensions)
            lines.append("</trkseg>\n")
        lines.append("</trk>\n")
    lines.append("</gpx>\n")
    return "".join(lines).encode()


def route(track: Track) -> bytes:
    """A planned route and a waypoint: nobody has moved yet."""
    lines = [XML_DECLARATION, OPENING]
    lines += _point("wpt", track.points[0], None, False)
    lines.append("<rte><name>Plan</name>\n")
    for point in track.points:
        lines += _point("rtept", point, None, False)
    lines.append("</rte>\n</gpx>\n")
    return "".join(lines).encode()


def _point(tag: str, point: Point, stamp: str | None, extensions: bool) -> Iterator[str]:
    if point.lat_e7 is None or point.lon_e7 is None:
        return
    yield f'<{tag} lat="{decimal(point.lat_e7, 7)}" lon="{decimal(point.lon_e7, 7)}">'
    if point.elevation_mm is not None:
        yield f"<ele>{decimal(point.elevation_mm // 100, 1)}</ele>"
    if stamp is not None:
        yield f"<time>{stamp}</time>"
    if extensions and (point.heart_rate is not None or point.cadence is not None):
        yield "<extensions><gpxtpx:TrackPointExtension>"
        yield from _number("gpxtpx:hr", point.heart_rate)
        yield from _number("gpxtpx:cad", point.cadence)
        yield "</gpxtpx:TrackPointExtension></extensions>"
    yield f"</{tag}>\n"


def _number(tag: str, value: int | None) -> Iterator[str]:
    if value is not None:
        yield f"<{tag}>{value}</{tag}>"
