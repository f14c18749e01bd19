"""FIT activity files, protocol 2.0, and ways to damage them.

Numbers of messages, fields, sports and base types are those of Garmin's public FIT profile.
A value of None becomes the base type's invalid value; a record field that no point of a track has
is left out of its definition, as devices do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from tests.writers.motion import Point
from tests.writers.tracks import MANUFACTURERS, Track

EPOCH_S = 631_065_600
"""1989-12-31T00:00:00Z."""
HEADER_BYTES = 14
CHECKSUM_BYTES = 2
FILE_TYPE_ACTIVITY = 4
COMPRESSED_SPAN_S = 32
"""A compressed timestamp has five bits."""

# base type: (number, struct code, invalid value)
BASE_TYPES = {
    "enum": (0x00, "B", 0xFF),
    "uint8": (0x02, "B", 0xFF),
    "uint16": (0x84, "H", 0xFFFF),
    "sint32": (0x85, "i", 0x7FFF_FFFF),
    "uint32": (0x86, "I", 0xFFFF_FFFF),
    "uint32z": (0x8C, "I", 0),
}
# message: (local number, global number, {field: (number, base type)})
MESSAGES = {
    "file_id": (8, 0, {
        "type": (0, "enum"), "manufacturer": (1, "uint16"), "product": (2, "uint16"),
        "serial_number": (3, "uint32z"), "time_created": (4, "uint32"),
    }),
    "file_creator": (9, 49, {"software_version": (0, "uint16")}),
    "device_info": (10, 23, {
        "timestamp": (253, "uint32"), "device_index": (0, "uint8"),
        "manufacturer": (2, "uint16"), "serial_number": (3, "uint32z"), "product": (4, "uint16"),
    }),
    "event": (3, 21, {
        "timestamp": (253, "uint32"), "data": (3, "uint32"), "event": (0, "enum"),
        "event_type": (1, "enum"),
    }),
    "record": (0, 20, {
        "timestamp": (253, "uint32"), "position_lat": (0, "sint32"), "position_long": (1, "sint32"),
        "distance": (5, "uint32"), "altitude": (2, "uint16"), "speed": (6, "uint16"),
        "heart_rate": (3, "uint8"), "cadence": (4, "uint8"),
    }),
    "lap": (5, 19, {
        "timestamp": (253, "uint32"), "start_time": (2, "uint32"),
        "total_elapsed_time": (7, "uint32"), "total_timer_time": (8, "uint32"),
        "total_distance": (9, "uint32"), "message_index": (254, "uint16"),
        "total_ascent": (21, "uint16"), "event": (0, "enum"), "event_type": (1, "enum"),
        "sport": (25, "enum"), "sub_sport": (39, "enum"),
    }),
    "session": (6, 18, {
        "timestamp": (253, "uint32"), "start_time": (2, "uint32"),
        "start_position_lat": (3, "sint32"), "start_position_long": (4, "sint32"),
        "total_elapsed_time": (7, "uint32"), "total_timer_time": (8, "uint32"),
        "total_distance": (9, "uint32"), "total_cycles": (10, "uint32"),
        "message_index": (254, "uint16"), "total_calories": (11, "uint16"),
        "total_ascent": (22, "uint16"), "first_lap_index": (25, "uint16"),
        "num_laps": (26, "uint16"), "pool_length": (44, "uint16"), "event": (0, "enum"),
        "event_type": (1, "enum"), "sport": (5, "enum"), "sub_sport": (6, "enum"),
        "avg_heart_rate": (16, "uint8"),
    }),
    "activity": (7, 34, {
        "timestamp": (253, "uint32"), "total_timer_time": (0, "uint32"),
        "local_timestamp": (5, "uint32"), "num_sessions": (1, "uint16"), "type": (2, "enum"),
        "event": (3, "enum"), "event_type": (4, "enum"),
    }),
}  # fmt: skip
LOCAL_COMPRESSED = 1
EVENT_TIMER, EVENT_SESSION, EVENT_LAP, EVENT_ACTIVITY = 0, 8, 9, 26
TYPE_START, TYPE_STOP, TYPE_STOP_ALL = 0, 1, 4
# sport of a record: (sport, sub_sport outdoors, sub_sport indoors)
SPORTS = {
    "run": (1, 0, 1),
    "walk": (11, 0, 27),
    "hike": (17, 0, 0),
    "ride": (2, 0, 6),
    "swim": (5, 18, 17),
    "row": (15, 0, 14),
    "strength": (10, 20, 20),
    "yoga": (10, 43, 43),
    "hiit": (62, 70, 70),
    "other": (0, 0, 0),
}
SUB_SPORT_VIRTUAL = 58
ON_FOOT = ("run", "walk", "hike")

Values = Mapping[str, int | None]
Fields = tuple[str, ...]


def write(
    *tracks: Track,
    compressed: bool = False,
    file_type: int = FILE_TYPE_ACTIVITY,
    created_ms: int | None = None,
) -> bytes:
    """A FIT file with one session a track, in the order given; summaries come last."""
    first = tracks[0]
    messages = Messages(compressed=compressed)
    maker = _maker(first)
    created = _seconds(first.start_ms if created_ms is None else created_ms)
    messages.add("file_id", {"type": file_type, "time_created": created, **maker})
    messages.add("file_creator", {"software_version": 1_330})
    messages.add("device_info", {"timestamp": _seconds(first.start_ms), "device_index": 0, **maker})
    for track in tracks:
        _add_samples(messages, track)
    for index, track in enumerate(tracks):
        _add_summary(messages, index, track)
    _add_activity(messages, tracks)
    return _file(bytes(messages.data))


def truncate(data: bytes, keep: int | None = None) -> bytes:
    """The first `keep` bytes; two thirds if not said."""
    return data[: len(data) * 2 // 3 if keep is None else keep]


def spoil_checksum(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 0xFF])


def spoil_header_checksum(data: bytes) -> bytes:
    """A wrong checksum of the header, under a right one of the file."""
    damaged = data[: HEADER_BYTES - 1] + bytes([data[HEADER_BYTES - 1] ^ 0xFF])
    return _sealed(damaged + data[HEADER_BYTES:-CHECKSUM_BYTES])


class Messages:
    """The growing data of one file, and which local message means what at its end."""

    def __init__(self, *, compressed: bool) -> None:
        self.data = bytearray()
        self._compressed = compressed
        self._defined: dict[int, Fields] = {}
        self._time = 0

    def add(self, name: str, values: Values, fields: Fields | None = None) -> None:
        """Append a message, and its definition where the last one had other fields."""
        local, number, known = MESSAGES[name]
        fields = fields or tuple(known)
        time = values.get("timestamp")
        if self._compressed and name == "record" and self._is_near(time):
            fields = tuple(field for field in fields if field != "timestamp")
            header = 0x80 | LOCAL_COMPRESSED << 5 | time % COMPRESSED_SPAN_S
            local = LOCAL_COMPRESSED
        else:
            header = local
        if self._defined.get(local) != fields:
            self._define(local, number, known, fields)
        self.data.append(header)
        for field in fields:
            self.data += _packed(known[field][1], values.get(field))
        self._time = time or self._time

    def _is_near(self, time: int | None) -> bool:
        return time is not None and 0 <= time - self._time < COMPRESSED_SPAN_S

    def _define(self, local: int, number: int, known: Mapping, fields: Fields) -> None:
        self.data += struct.pack("<BBBHB", 0x40 | local, 0, 0, number, len(fields))
        for field in fields:
            field_number, base = known[field]
            type_number, code, _ = BASE_TYPES[base]
            self.data += bytes((field_number, struct.calcsize(code), type_number))
        self._defined[local] = fields


def _add_samples(messages: Messages, track: Track) -> None:
    """Timer events and records, in order of time."""
    marks: list[tuple[int, int, Point | int]] = [(0, 0, TYPE_START)]
    for begin, end in track.pauses:
        marks += [(begin, 2, TYPE_STOP_ALL), (end, 0, TYPE_START)]
    marks.append((track.elapsed_ms, 2, TYPE_STOP_ALL))
    marks += [(point.offset_ms, 1, point) for point in track.points]
    fields = _record_fields(track)
    for offset_ms, _, mark in sorted(marks, key=lambda mark: mark[:2]):
        at = _seconds(track.start_ms + offset_ms)
        if isinstance(mark, Point):
            messages.add("record", {"timestamp": at, **_record(track.sport, mark)}, fields)
        else:
            event = {"timestamp": at, "data": 0, "event": EVENT_TIMER, "event_type": mark}
            messages.add("event", event)


def _record_fields(track: Track) -> Fields:
    present = {"timestamp"}
    for point in track.points:
        values = _record(track.sport, point).items()
        present |= {field for field, value in values if value is not None}
    return tuple(field for field in MESSAGES["record"][2] if field in present)


def _record(sport: str, point: Point) -> Values:
    cadence = point.cadence
    if cadence is not None and sport in ON_FOOT:
        cadence //= 2  # FIT counts strides: one foot
    return {
        "position_lat": _semicircles(point.lat_e7),
        "position_long": _semicircles(point.lon_e7),
        "distance": _rounded(point.distance_mm, 10),
        "altitude": _rounded(point.elevation_mm, 200, 500_000),
        "speed": point.speed_mm_s,
        "heart_rate": point.heart_rate,
        "cadence": cadence,
    }


def _add_summary(messages: Messages, index: int, track: Track) -> None:
    first = track.points[0] if track.points else Point(offset_ms=0)
    sport, sub_sport = _sport(track)
    facts = {
        "message_index": index,
        "timestamp": _seconds(track.end_ms),
        "start_time": _seconds(track.start_ms),
        "start_position_lat": _semicircles(first.lat_e7),
        "start_position_long": _semicircles(first.lon_e7),
        "total_elapsed_time": track.elapsed_ms,
        "total_timer_time": track.timer_ms,
        "total_distance": _rounded(track.distance_mm, 10),
        "total_cycles": track.steps // 2 if track.steps is not None else None,
        "total_calories": track.calories,
        "total_ascent": _rounded(track.ascent_mm, 1_000),
        "first_lap_index": index,
        "num_laps": 1,
        "pool_length": _rounded(track.pool_mm, 10),
        "avg_heart_rate": track.average_heart_rate,
        "sport": sport,
        "sub_sport": sub_sport,
        "event_type": TYPE_STOP,
    }
    messages.add("lap", {**facts, "event": EVENT_LAP})
    messages.add("session", {**facts, "event": EVENT_SESSION})


def _add_activity(messages: Messages, tracks: tuple[Track, ...]) -> None:
    end_ms = max(track.end_ms for track in tracks)
    messages.add(
        "activity",
        {
            "timestamp": _seconds(end_ms),
            "local_timestamp": _seconds(end_ms) + tracks[0].utc_offset_s,
            "total_timer_time": sum(track.timer_ms for track in tracks),
            "num_sessions": len(tracks),
            "type": 1 if len(tracks) > 1 else 0,
            "event": EVENT_ACTIVITY,
            "event_type": TYPE_STOP,
        },
    )


def _maker(track: Track) -> Values:
    if track.manual:
        return {"manufacturer": MANUFACTURERS["development"], "product": 0}
    if track.device is None:
        return {}
    return {
        "manufacturer": MANUFACTURERS[track.device.manufacturer],
        "product": track.device.product,
        "serial_number": track.device.serial,
    }


def _sport(track: Track) -> tuple[int, int]:
    sport, outdoors, indoors = SPORTS[track.sport]
    if track.virtual:
        return sport, SUB_SPORT_VIRTUAL
    return sport, indoors if track.indoor else outdoors


def _seconds(ms: int) -> int:
    return ms // 1_000 - EPOCH_S


def _semicircles(angle_e7: int | None) -> int | None:
    return None if angle_e7 is None else (angle_e7 * 2**31 + 900_000_000) // 1_800_000_000


def _rounded(value: int | None, step: int, offset: int = 0) -> int | None:
    return None if value is None else (value + offset + step // 2) // step


def _packed(base: str, value: int | None) -> bytes:
    _, code, invalid = BASE_TYPES[base]
    return struct.pack("<" + code, invalid if value is None else value)


def _file(data: bytes) -> bytes:
    header = struct.pack("<BBHI4s", HEADER_BYTES, 0x20, 21_158, len(data), b".FIT")
    return _sealed(_sealed(header) + data)


def _sealed(data: bytes) -> bytes:
    return data + struct.pack("<H", checksum(data))


def checksum(data: bytes) -> int:
    """CRC-16 with the reflected polynomial 0x8005, start 0, as the FIT protocol has it."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def _crc_table() -> Iterator[int]:
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        yield crc


CRC_TABLE = tuple(_crc_table())
