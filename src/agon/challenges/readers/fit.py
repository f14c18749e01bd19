"""Reader for FIT activity files (Garmin's Flexible and Interoperable Data Transfer, protocol 2.0).

`fit_structure` checks the frame, pyfitparsernative decodes, and each session becomes a record.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any, BinaryIO

import pyfitparsernative

from agon.challenges import measures, records
from agon.challenges.curves import Samples
from agon.challenges.readers import fit_structure, refusals
from agon.challenges.readers.sports import ON_FOOT, sport_of
from agon.challenges.records import TRUST_DEVICE, TRUST_TRACK, Reading, Record, Source
from agon.kernel.errors import Refusal, Refused, refuse

FORMAT = "fit"

EPOCH = datetime(1970, 1, 1)
"""Without a zone, like the decoder's times, which are UTC."""
MILLISECOND = timedelta(milliseconds=1)
LATITUDE_MAX = 2**30
"""90 degrees: angles are semicircles, of which 2^31 make 180 degrees."""
START_DRIFT_MS_MAX = 60_000
"""A session whose samples begin earlier than this before it states the wrong start."""
OFFSET_S_MAX = 14 * 3600
QUARTER_HOUR_S = 900
NUMBER_MAX = 10**9
"""Of any number, in the decoder's units: metres, seconds, kcal, counts."""
MM_MAX = NUMBER_MAX * 1000

Message = dict[str, Any]


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """All sessions of the file as activities, ordered by start."""
    try:
        return records.reading_of(FORMAT, _activities(_decode(stream.read()), source))
    except Refused as refused:
        return refused.refusal


def _decode(data: bytes) -> list[Message]:
    fit_structure.check(data)
    try:
        return pyfitparsernative.parse_fit_bytes(data)
    except ValueError as error:
        raise fit_structure.refusal_of(str(error)) from error
    except BaseException as error:  # a Rust panic is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise fit_structure.malformed("the decoder gave up") from error


def _activities(messages: list[Message], source: Source) -> Iterator[Record]:
    """The records of all activities in the file; FIT files can be chained."""
    begins = [at for at, message in enumerate(messages) if message["message_type"] == "file_id"]
    parts = [messages[begin:end] for begin, end in pairwise([*begins, None])]
    parts = [part for part in parts if part[0].get("type") == "activity"]
    if not parts:
        raise refuse(
            "evidence_not_an_activity",
            "This FIT file is a course, a workout, settings or the like, and no activity.",
            hint="Send the file from the device's Activity folder, or the activity's export.",
        )
    return chain.from_iterable(_part(part, source) for part in parts)


def _part(messages: list[Message], source: Source) -> Iterator[Record]:
    kinds: dict[str, list[Message]] = {"record": [], "session": [], "activity": []}
    for message in messages:
        kind = message["message_type"]
        if kind in kinds:
            kinds[kind].append(message)
    sessions = sorted(kinds["session"], key=lambda session: _time(session, "start_time") or 0)
    device = _device(messages[0], source) | {"utc_offset_s": _utc_offset(kinds["activity"])}
    parts = _split(_samples(kinds["record"]), sessions)
    name = device["provider_id"]
    for index, (session, part) in enumerate(zip(sessions, parts, strict=True)):
        if name and len(sessions) > 1:
            device["provider_id"] = f"{name}:{index}"
        yield _record(session, part, device)


def _device(file_id: Message, source: Source) -> dict[str, Any]:
    """What a record says of the device: name, trust, manual, and the file's name at its source."""
    maker, serial = file_id.get("manufacturer"), file_id.get("serial_number")
    product = file_id.get("product_name") or file_id.get("product")
    made_by_hand = maker in (None, "development")
    created_ms = _time(file_id, "time_created")
    trusted = isinstance(serial, int) and not made_by_hand
    named = trusted and created_ms is not None
    return {
        "device": None if maker is None else records.label(f"{maker} {product or ''}"),
        "manual": made_by_hand,
        "trust": source.trust(TRUST_DEVICE if trusted else TRUST_TRACK),
        "provider_id": f"fit:{maker}:{serial}:{created_ms // 1000}" if named else None,
    }


def _utc_offset(activities: list[Message]) -> int | None:
    """Seconds that the device's clock was ahead of UTC, to the quarter of an hour."""
    if not activities:
        return None
    local_ms, utc_ms = (_time(activities[0], key) for key in ("local_timestamp", "timestamp"))
    if local_ms is None or utc_ms is None:
        return None
    quarters = (local_ms - utc_ms + QUARTER_HOUR_S * 500) // (QUARTER_HOUR_S * 1000)
    offset_s = quarters * QUARTER_HOUR_S
    return offset_s if abs(offset_s) <= OFFSET_S_MAX else None


def _samples(notes: list[Message]) -> Samples:
    """The columns of the record messages that have a time. Refused `evidence_fit_malformed`."""
    samples, sixteenths = Samples(), 0
    try:
        for note in notes:
            get = note.get
            stamp, distance = get("timestamp"), get("distance")
            if stamp is None:
                continue
            latitude, longitude = get("position_lat"), get("position_long")
            if latitude is None or longitude is None or abs(latitude) > LATITUDE_MAX:
                latitude = longitude = None
            else:
                latitude = (latitude * 1_800_000_000 + 2**30) >> 31
                longitude = (longitude * 1_800_000_000 + 2**30) >> 31
            if distance is not None:
                distance = int(distance * 1000 + 0.5)
            elif packed := get("compressed_speed_distance"):
                sixteenths += ((packed[1] >> 4 | packed[2] << 4) - sixteenths) % 4096
                distance = sixteenths * 125 // 2
            samples.times_ms.append(_since_epoch(stamp))
            samples.latitudes.append(latitude)
            samples.longitudes.append(longitude)
            samples.distances_mm.append(distance)
            samples.heart_rates.append(get("heart_rate"))
            samples.cadences.append(get("cadence"))
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise fit_structure.malformed("a sample holds a value of the wrong kind") from error
    for column in (samples.distances_mm, samples.heart_rates, samples.cadences):
        _check_column(column)
    return samples


def _since_epoch(stamp: str) -> int:
    return (datetime.fromisoformat(stamp) - EPOCH) // MILLISECOND


def _check_column(values: list[Any]) -> None:
    known = [value for value in values if value is not None] if None in values else values
    if set(map(type, known)) - {int} or (known and not 0 <= min(known) <= max(known) <= MM_MAX):
        raise fit_structure.malformed("a sample holds a value of the wrong kind or size")


def _split(samples: Samples, sessions: list[Message]) -> list[Samples]:
    """The samples of each session: of the last one that had begun, else of the first."""
    if len(sessions) < 2:
        return [samples][: len(sessions)]
    starts = [_time(session, "start_time") or 0 for session in sessions[1:]]
    parts = [Samples() for _ in sessions]
    columns = [vars(part) for part in parts]
    owners = [bisect_right(starts, time) for time in samples.times_ms]
    for name, values in vars(samples).items():
        if isinstance(values, list):
            for owner, value in zip(owners, values, strict=True):
                columns[owner][name].append(value)
    return parts


def _record(session: Message, samples: Samples, device: dict[str, Any]) -> Record:
    sport = sport_of(session.get("sport"), session.get("sub_sport"))
    on_foot = sport.sport in ON_FOOT
    if on_foot:  # FIT counts one foot
        samples.cadences[:] = [None if turns is None else 2 * turns for turns in samples.cadences]
    start_ms, end_ms = _interval(session, samples)
    timer_ms = _scaled(session, "total_timer_time", 1000)
    found = measures.facts(
        samples, sport.sport, start_ms=start_ms, end_ms=end_ms, timer_ms=timer_ms
    )
    moving_ms = _scaled(session, "total_moving_time", 1000)
    if moving_ms is not None:
        found["moving_ms"] = moving_ms
    heart_rate = _scaled(session, "avg_heart_rate")
    if heart_rate is None and found["measures"]:
        heart_rate = found["measures"]["mean_heart_rate"]
    strides = _scaled(session, "total_strides") or _scaled(session, "total_cycles")
    return records.activity(
        format=FORMAT,
        sport=sport.sport,
        sport_detail=sport.detail,
        indoor=sport.indoor,
        virtual=sport.virtual,
        start_ms=start_ms,
        end_ms=end_ms,
        timer_ms=timer_ms,
        distance_mm=_scaled(session, "total_distance", 1000),
        ascent_mm=_scaled(session, "total_ascent", 1000),
        steps=2 * strides if on_foot and strides is not None else None,
        calories_kcal=_scaled(session, "total_calories"),
        average_heart_rate=heart_rate,
        **found,
        **device,
    )


def _interval(session: Message, samples: Samples) -> tuple[int, int]:
    """Start and end in ms. The session's time stamp is no end: some devices write it much later."""
    start_ms, stamp_ms = _time(session, "start_time"), _time(session, "timestamp")
    elapsed_ms = _scaled(session, "total_elapsed_time", 1000)
    first_ms = samples.times_ms[0] if samples.times_ms else None
    if start_ms is None:
        start_ms = first_ms
    if start_ms is None:
        raise refusals.without_times("An activity of the FIT file")
    if elapsed_ms is None:
        last_ms = samples.times_ms[-1] if samples.times_ms else stamp_ms
        return start_ms, start_ms if last_ms is None else last_ms
    late = first_ms is not None and first_ms < start_ms - START_DRIFT_MS_MAX
    if late and stamp_ms is not None:
        start_ms = stamp_ms - elapsed_ms
    return start_ms, start_ms + elapsed_ms


def _time(message: Message, key: str) -> int | None:
    """A time of the message in ms since 1970."""
    stamp = message.get(key)
    return _since_epoch(stamp) if isinstance(stamp, str) else None


def _scaled(message: Message, key: str, factor: int = 1) -> int | None:
    """A number of the message times factor. Refused `evidence_fit_malformed`."""
    number = message.get(key)
    if number is None:
        return None
    if not isinstance(number, int | float) or not 0 <= number <= NUMBER_MAX:
        raise fit_structure.malformed(f"{key} holds a value of the wrong kind or size")
    return round(number * factor)
