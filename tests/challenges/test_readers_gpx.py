"""The GPX reader: tracks with times, and everything that only looks like one."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges.readers import gpx, read
from agon.challenges.records import Reading, Record, Source, evidence_hash
from agon.kernel.errors import Refusal
from tests.challenges import real_files
from tests.writers import gpx as written
from tests.writers import strategies, tracks

GARMIN = Source(provider="garmin")
BOMB = (
    '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


def records(data: bytes, source: Source = GARMIN) -> list[Record]:
    reading = read(BytesIO(data), source)
    assert isinstance(reading, Reading), reading
    return list(reading.records)


def code(data: bytes) -> str:
    refusal = read(BytesIO(data), GARMIN)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.hint
    return refusal.code


def document(body: str, head: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<gpx xmlns="http://www.topografix.com/GPX/1/1" '
        f'creator="a hand">{body}</gpx>'
    ).encode()


def point(second: int, north_e4: int = 0, inside: str = "") -> str:
    return (
        f'<trkpt lat="{50 + north_e4 / 10_000}" lon="8">{inside}'
        f"<time>2026-11-03T06:{second // 60:02}:{second % 60:02}Z</time></trkpt>"
    )


def test_a_real_hike_has_a_record_for_each_track_with_times():
    made = records(real_files.stream("gpx/hike_korita_zbevnica.gpx").read())
    assert [record["measures"]["samples"] for record in made] == [176, 337]
    assert [record["distance_mm"] for record in made] == [2_282_079, 3_979_489]
    assert {record["sport"] for record in made} == {"other"}  # its <type> says "..."


def test_a_real_drive_shows_its_speed():
    (drive,) = records(real_files.stream("gpx/car_around_visnjan.gpx").read())
    assert drive["device"] == "eTrex 20x"
    assert drive["measures"]["fastest_60s_mm_s"] > 18_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no_times_cerknicko.gpx", "evidence_without_times"),
        ("hike_mojstrovka_first_point_1901.gpx", "evidence_time_implausible"),
    ],
)
def test_a_real_file_without_true_times_is_refused(name, expected):
    assert code(real_files.stream(f"gpx/{name}").read()) == expected


@settings(max_examples=60, deadline=None)
@given(strategies.outdoor_tracks(), st.booleans())
def test_what_was_written_is_read(track, fraction):
    (record,) = records(written.write(track, fraction=fraction))
    assert record["sport"] == track.sport
    assert (record["start_ms"], record["end_ms"]) == (track.start_ms, track.end_ms)
    assert record["trust"] == 2
    assert record["average_heart_rate"] == track.average_heart_rate
    assert record["measures"]["samples"] == len(track.points)
    evidence_hash([record])


def test_the_time_zone_of_a_file_does_not_matter():
    track = tracks.run(1, 500)
    utc, berlin = (written.write(track, zone=zone) for zone in ("Z", "+01:00"))
    assert records(utc) == records(berlin)


def test_a_pause_between_segments_is_not_on_the_timer():
    track = tracks.run(1, 1_000, pauses_s=(120,))
    (record,) = records(written.write(track))
    assert record["elapsed_ms"] == track.elapsed_ms
    assert record["timer_ms"] == track.timer_ms - 1_000  # and the step to the first point after


def test_the_way_during_a_pause_does_not_count():
    pause = document(
        f"<trk><trkseg>{point(0)}{point(10, 1)}</trkseg>"
        f"<trkseg>{point(3_000, 500)}{point(3_010, 501)}</trkseg></trk>"
    )
    (record,) = records(pause)
    assert record["distance_mm"] == pytest.approx(22_239, abs=10)
    assert record["timer_ms"] == 20_000


def test_distance_is_that_of_the_positions():
    track = tracks.run(1, 2_000)
    (record,) = records(written.write(track))
    assert record["distance_mm"] == record["measures"]["gps_distance_mm"]
    assert record["distance_mm"] == pytest.approx(track.distance_mm, rel=0.2)
    assert record["measures"]["distance_source"] == "gps"


@pytest.mark.parametrize(
    ("word", "sport", "detail"),
    [
        ("running", "run", None),
        ("Trail Running", "run", None),
        ("9", "run", None),
        ("e_biking", "other", "e_biking"),
        ("paragliding", "other", "paragliding"),
        ("", "other", None),
    ],
)
def test_the_type_names_the_sport(word, sport, detail):
    (record,) = records(written.write(tracks.run(1, 300), type_name=word))
    assert (record["sport"], record["sport_detail"]) == (sport, detail)


def test_a_cadence_of_one_foot_is_doubled():
    seconds = range(120)
    track = "".join(
        point(s, s // 2, "<extensions><x><cad>85</cad></x></extensions>") for s in seconds
    )
    (record,) = records(document(f"<trk><type>run</type><trkseg>{track}</trkseg></trk>"))
    assert record["measures"]["cadence_odd_bp"] == 0


def test_a_route_is_no_track():
    assert code(written.route(tracks.run(1, 300))) == "evidence_without_activity"
    assert code(document("")) == "evidence_without_activity"


def test_a_track_that_lost_some_of_its_times_is_refused():
    bare = '<trkpt lat="50" lon="8"/>'
    assert (
        code(document(f"<trk><trkseg>{point(0)}{bare}</trkseg></trk>")) == "evidence_without_times"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"times": False}, "evidence_without_times"),
        ({"zone": ""}, "evidence_time_local"),
        ({"first_ms": -2_147_483_647_793}, "evidence_time_implausible"),
        ({"doctype": BOMB}, "evidence_xml_forbidden"),
        ({"doctype": "<!-- --><!DOCTYPE gpx>"}, "evidence_xml_forbidden"),
        ({"doctype": '<!DOCTYPE gpx SYSTEM "http://127.0.0.1/x.dtd">'}, "evidence_xml_forbidden"),
        ({"doctype": "&a;"}, "evidence_kind_unknown"),
    ],
)
def test_a_useless_or_harmful_file_is_refused(options, expected):
    assert code(written.write(tracks.run(1, 200), **options)) == expected


@pytest.mark.parametrize(
    "head",
    [
        b'<?xml version="1.0" encoding="UTF-7"?>+ADw-!DOCTYPE gpx+AD4-<gpx/>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE gpx><gpx/>'.encode("utf-16"),
    ],
)
def test_no_encoding_hides_a_doctype(head):
    assert gpx.read(BytesIO(head), GARMIN).code == "evidence_xml_malformed"


def test_an_entity_that_was_never_declared_is_refused():
    assert code(document("<trk><name>&a;</name></trk>")) == "evidence_xml_malformed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'lat="', b'lat="x'),
        (b'lat="', b'lat="9'),
        (b'lat="', b'lat="nan" was="'),
        (b'lat="', b'was="'),
        (b"<time>", b"<time>x"),
        (b":hr>", b":hr>-"),
        (b"<ele>", b"<ele>1e99"),
    ],
)
def test_a_value_that_cannot_be_is_refused(old, new):
    whole = written.write(tracks.run(1, 200))
    assert whole.count(old) > 1
    broken = whole.replace(old, new, 1)
    assert code(broken) in ("evidence_value_malformed", "evidence_xml_malformed")


def test_two_tags_that_do_not_match_are_refused():
    assert code(document("<trk></trkseg>")) == "evidence_xml_malformed"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_is_refused(data):
    whole = written.write(tracks.run(1, 200))
    kept = data.draw(st.integers(60, len(whole.rstrip()) - 1))
    assert code(whole[:kept]) in ("evidence_truncated", "evidence_kind_unknown")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_changed_bytes_never_raise(data):
    whole = bytearray(written.write(tracks.run(1, 100)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    answer = read(BytesIO(bytes(whole)), GARMIN)
    if isinstance(answer, Reading):
        evidence_hash(answer.records)
