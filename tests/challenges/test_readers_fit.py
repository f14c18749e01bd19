"""The FIT reader: real files, written files, and files that are damaged or made to harm."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges.readers import fit, fit_structure, read
from agon.challenges.records import Reading, Record, Source, evidence_hash
from agon.kernel.errors import Refusal
from tests.challenges import real_files
from tests.writers import fit as written
from tests.writers import strategies, tracks
from tests.writers.text import moment

GARMIN = Source(provider="garmin")


def records(data: bytes, source: Source = GARMIN) -> list[Record]:
    reading = read(BytesIO(data), source)
    assert isinstance(reading, Reading), reading
    return list(reading.records)


def code(data: bytes) -> str:
    refusal = read(BytesIO(data), GARMIN)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.hint
    return refusal.code


def sealed(body: bytes, header_size: int = 14) -> bytes:
    """Messages with a right header and right checksums."""
    header = struct.pack("<BBHI4s", header_size, 0x20, 21_158, len(body), b".FIT")
    if header_size == 14:
        header += struct.pack("<H", written.checksum(header))
    return header + body + struct.pack("<H", written.checksum(header + body))


def real(name: str) -> list[Record]:
    return records(real_files.stream(f"fit/{name}").read())


def test_a_real_run_is_read_as_its_watch_summed_it_up():
    (run,) = real("run_fenix2_9km.fit")
    assert run["provider_id"] == "fit:garmin:3882015183:1439652761"
    assert (run["sport"], run["trust"], run["manual"]) == ("run", 3, False)
    assert (run["distance_mm"], run["timer_ms"], run["elapsed_ms"]) == (
        9_008_220,
        2_832_000,
        2_832_000,
    )
    assert (run["ascent_mm"], run["calories_kcal"], run["utc_offset_s"]) == (64_000, 516, 7_200)
    measures = run["measures"]
    assert (measures["samples"], measures["distance_source"]) == (2_809, "device")
    assert measures["fastest_60s_mm_s"] == pytest.approx(4_230, abs=50)
    assert measures["fastest_300s_mm_s"] == pytest.approx(4_030, abs=50)
    assert measures["gps_distance_mm"] == pytest.approx(9_008_220, rel=0.02)
    assert measures["best_ms"]["5000"] == pytest.approx(1_305_000, abs=2_000)
    assert len(run["track"]) == 49


def test_a_real_ride_has_the_speeds_that_were_measured_elsewhere():
    (ride,) = real("ride_edge500_93km.fit")
    assert (ride["sport"], ride["timer_ms"], ride["elapsed_ms"]) == ("ride", 10_641_060, 12_691_280)
    assert ride["measures"]["fastest_60s_mm_s"] == pytest.approx(14_500, abs=100)
    assert ride["measures"]["fastest_300s_mm_s"] == pytest.approx(12_800, abs=100)
    assert ride["moving_ms"] <= ride["timer_ms"]


def test_a_real_multisport_file_has_a_record_a_session_and_none_overlaps():
    made = real("multisport_fenix2_1mb.fit")
    assert [record["sport"] for record in made] == [
        "other",
        "other",
        "run",
        "other",
        "run",
        "other",
        "ride",
    ]
    assert [record["provider_id"][-2:] for record in made] == [f":{index}" for index in range(7)]
    assert sum(record["measures"]["samples"] for record in made) == 24_239
    assert sum(record["measures"]["backward_steps"] for record in made) == 2
    for before, after in pairwise(made):
        assert before["end_ms"] <= after["start_ms"] + 1_000
    # Its first session states a start 45 minutes after its first sample.
    assert made[0]["start_ms"] == 1_440_832_485_760


def test_misaligned_field_sizes_are_read():
    (ride,) = real("ride_coros_pace2.fit")
    assert (ride["sport"], ride["distance_mm"], ride["measures"]["samples"]) == (
        "ride",
        32_145_760,
        11_272,
    )
    assert (ride["provider_id"], ride["trust"]) == (None, 2)  # it names no serial number


def test_compressed_timestamps_are_read_but_a_clock_that_was_never_set_proves_no_time():
    stream = real_files.stream("fit/compressed_timestamps.fit")
    (run,) = fit.read(stream, GARMIN).records
    assert (run["distance_mm"], run["timer_ms"], run["steps"]) == (10_248_670, 3_772_750, 10_124)
    assert run["measures"]["samples"] == 755
    assert run["measures"]["distance_source"] == "device"
    assert run["start_ms"] == 648_283_464_000  # in 1990
    assert code(stream.getvalue()) == "evidence_time_implausible"


def test_a_swim_without_positions_and_with_a_chained_file_is_read():
    (swim,) = real("swim_pool_fr935.fit")
    assert (swim["sport"], swim["track"], swim["measures"]["gps_distance_mm"]) == ("swim", [], None)


def test_steps_are_two_to_a_stride():
    (walk,) = real("walk_fenix5.fit")
    assert (walk["sport"], walk["steps"]) == ("walk", 82)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("broken_file_crc.fit", "evidence_checksum_wrong"),
        ("broken_undefined_message.fit", "evidence_truncated"),
        ("broken_unexpected_eof.fit", "evidence_truncated"),
    ],
)
def test_a_real_damaged_file_is_refused_whole(name, expected):
    assert code(real_files.stream(f"fit/{name}").read()) == expected


@settings(max_examples=60, deadline=None)
@given(strategies.activity_tracks(), st.booleans())
def test_what_was_written_is_read(track, compressed):
    (record,) = records(written.write(track, compressed=compressed))
    assert record["sport"] == track.sport
    assert record["start_ms"] == track.start_ms
    assert record["elapsed_ms"] == track.elapsed_ms
    assert record["timer_ms"] == track.timer_ms
    assert record["measures"]["samples"] == len(track.points)
    assert record["indoor"] == track.indoor or track.sport in ("strength", "yoga", "hiit")
    if track.distance_mm is not None:
        assert abs(record["distance_mm"] - track.distance_mm) <= 10
    if track.points[0].lat_e7 is not None:
        assert record["track"][0][0] == 0
    assert evidence_hash([record]) == evidence_hash(records(written.write(track)))


def test_the_name_of_a_session_is_maker_serial_and_creation():
    run = tracks.run(1, 500)
    data = written.write(run, created_ms=run.start_ms + 5_000)
    assert records(data)[0]["provider_id"] == f"fit:garmin:3950112001:{run.start_ms // 1000 + 5}"


def test_a_file_of_two_sessions_has_two_names():
    run = tracks.run(1, 500)
    ride = tracks.ride(2, 2_000, start_ms=run.end_ms + 60_000)
    made = records(written.write(ride, run))
    assert [record["sport"] for record in made] == ["run", "ride"]
    assert made[0]["provider_id"] + "|" + made[1]["provider_id"] == (
        f"{made[0]['provider_id'][:-1]}0|{made[0]['provider_id'][:-1]}1"
    )
    assert [record["measures"]["samples"] for record in made] == [len(run.points), len(ride.points)]


def test_chained_files_are_all_read():
    run, walk = tracks.run(1, 500), tracks.walk(2, 300, start_ms=tracks.START_MS + 86_400_000)
    made = records(written.write(run) + written.write(walk))
    assert [record["sport"] for record in made] == ["run", "walk"]


@pytest.mark.parametrize(
    ("track", "trust", "manual"),
    [
        (tracks.run(1, 300), 3, False),
        (tracks.run(1, 300, manual=True), 2, True),
        (tracks.run(1, 300, device=None), 2, True),
        (
            tracks.run(1, 300, device=tracks.Device(manufacturer="coros", product=1, serial=0)),
            2,
            False,
        ),
    ],
)
def test_a_device_is_trusted_if_it_has_a_maker_and_a_serial_number(track, trust, manual):
    (record,) = records(written.write(track))
    assert (record["trust"], record["manual"]) == (trust, manual)
    assert (record["provider_id"] is not None) == (trust == 3)


def test_what_we_fetched_ourselves_has_the_highest_trust():
    data = written.write(tracks.run(1, 300))
    assert records(data, Source(provider="garmin", origin="provider"))[0]["trust"] == 4


def test_virtual_rides_say_so():
    (record,) = records(written.write(tracks.ride(1, 3_000, virtual=True)))
    assert (record["sport"], record["virtual"], record["sport_detail"]) == (
        "ride",
        True,
        "virtual_activity",
    )


def test_a_running_cadence_counts_both_feet():
    (record,) = records(written.write(tracks.run(1, 2_000, pace_s_per_km=300)))
    assert record["measures"]["cadence_odd_bp"] == 0


def test_a_course_is_no_activity():
    assert code(written.write(tracks.run(1, 300), file_type=6)) == "evidence_not_an_activity"


def test_an_activity_without_a_session_is_none():
    track = tracks.run(1, 300)
    messages = written.Messages(compressed=False)
    messages.add("file_id", {"type": 4, "time_created": 1_000_000_000, **written._maker(track)})
    assert code(sealed(bytes(messages.data))) == "evidence_without_activity"


def test_a_session_without_any_time_is_refused():
    messages = written.Messages(compressed=False)
    messages.add("file_id", {"type": 4})
    messages.add("session", {"sport": 1, "total_elapsed_time": 1_000})
    assert code(sealed(bytes(messages.data))) == "evidence_without_times"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_is_refused(data):
    whole = written.write(tracks.run(1, 300))
    kept = data.draw(st.integers(12, len(whole) - 1))
    assert code(whole[:kept]) == "evidence_truncated"


def test_wrong_checksums_are_refused():
    whole = written.write(tracks.run(1, 300))
    assert code(written.spoil_checksum(whole)) == "evidence_checksum_wrong"
    assert code(written.spoil_header_checksum(whole)) == "evidence_checksum_wrong"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_flipped_bit_is_never_read(data):
    whole = bytearray(written.write(tracks.run(1, 200)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    assert code(bytes(whole)) in {
        "evidence_checksum_wrong",
        "evidence_fit_malformed",
        "evidence_truncated",
        "evidence_kind_unknown",
    }


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_changed_bytes_under_a_right_checksum_never_raise(data):
    body = bytearray(written.write(tracks.run(1, 100))[14:-2])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    answer = read(BytesIO(sealed(bytes(body))), GARMIN)
    if isinstance(answer, Reading):
        evidence_hash(answer.records)


FILE_ID = bytes([0x40, 0, 0, 0, 0, 1, 0, 1, 0, 0, 4])


@pytest.mark.parametrize(
    "body",
    [
        FILE_ID + bytes([1]),  # a message that was never defined
        FILE_ID + bytes([0x41, 0, 0, 20, 0, 9]),  # a definition that goes on behind the end
        FILE_ID + bytes([0x41, 0, 0, 20, 0, 1, 3, 1, 0xFF, 1, 0]),  # no such base type
    ],
)
def test_what_breaks_the_protocol_is_refused(body):
    assert code(sealed(body)) == "evidence_fit_malformed"


def test_bytes_behind_the_end_are_refused():
    assert code(written.write(tracks.run(1, 200)) + b"more") == "evidence_fit_malformed"


def test_the_short_header_of_protocol_1_is_read():
    body = written.write(tracks.run(1, 200))[14:-2]
    assert records(sealed(body, header_size=12))[0]["sport"] == "run"


def test_many_tiny_messages_are_refused_before_they_fill_the_memory(monkeypatch):
    bomb = sealed(FILE_ID + bytes([0x41, 0, 0, 20, 0, 0]) + bytes([1]) * 1_001)
    monkeypatch.setattr(fit_structure, "MESSAGES_MAX", 1_000)
    assert code(bomb) == "evidence_too_many_samples"


def test_many_fields_are_refused_before_they_fill_the_memory(monkeypatch):
    fields = b"".join(bytes([number, 1, 2]) for number in range(200))
    monkeypatch.setattr(fit_structure, "FIELDS_MAX", 1_000)
    bomb = sealed(FILE_ID + bytes([0x41, 0, 0, 20, 0, 200]) + fields + bytes([1, *range(200)]) * 6)
    assert code(bomb) == "evidence_too_many_samples"


def test_a_panic_of_the_decoder_is_a_refusal(monkeypatch):
    class PanicException(BaseException):
        pass

    def panic(data: bytes) -> None:
        raise PanicException("attempt to divide by zero")

    monkeypatch.setattr(fit.pyfitparsernative, "parse_fit_bytes", panic)
    assert code(written.write(tracks.run(1, 200))) == "evidence_fit_malformed"


def test_who_stops_the_process_is_heard(monkeypatch):
    def stop(data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fit.pyfitparsernative, "parse_fit_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        read(BytesIO(written.write(tracks.run(1, 200))), GARMIN)


def test_a_recording_before_2000_is_refused():
    track = replace(tracks.run(1, 200), start_ms=900_000_000_000)
    assert moment(track.start_ms).year == 1998
    assert code(written.write(track)) == "evidence_time_implausible"
