"""The TCX reader: laps, trackpoints, and files that were planned, cut or changed."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges.readers import read
from agon.challenges.records import Reading, Record, Source, evidence_hash
from agon.kernel.errors import Refusal
from tests.challenges import real_files
from tests.writers import strategies, tracks
from tests.writers import tcx as written

STRAVA = Source(provider="strava")
LAP = (
    '<Lap StartTime="2026-11-03T06:30:00Z"><TotalTimeSeconds>600.5</TotalTimeSeconds>'
    "<DistanceMeters>2000</DistanceMeters><Calories>120</Calories>{}</Lap>"
)


def records(data: bytes) -> list[Record]:
    reading = read(BytesIO(data), STRAVA)
    assert isinstance(reading, Reading), reading
    return list(reading.records)


def code(data: bytes) -> str:
    refusal = read(BytesIO(data), STRAVA)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.hint
    return refusal.code


def document(body: str) -> bytes:
    return f"<TrainingCenterDatabase>{body}</TrainingCenterDatabase>".encode()


def activity(*laps: str, sport: str = "Running") -> bytes:
    return document(
        f'<Activities><Activity Sport="{sport}">{"".join(laps)}</Activity></Activities>'
    )


def test_a_real_ride_has_the_sums_of_its_laps():
    (ride,) = records(real_files.stream("tcx/sample_stravalib.tcx").read())
    assert (ride["sport"], ride["device"], ride["manual"]) == ("ride", "EDGE705", False)
    assert (ride["distance_mm"], ride["timer_ms"]) == (64_670_187, 8_187_220)
    assert (ride["calories_kcal"], ride["average_heart_rate"]) == (2_371, 135)
    assert ride["measures"]["distance_source"] == "device"


def test_a_real_ride_with_fractions_of_seconds_is_read():
    (ride,) = records(real_files.stream("tcx/ride_mapmyride.tcx").read())
    assert (ride["start_ms"], ride["timer_ms"]) == (1_668_268_705_000, 3_111_000)
    assert (ride["distance_mm"], ride["measures"]["samples"]) == (15_350_422, 3_112)


@settings(max_examples=60, deadline=None)
@given(strategies.activity_tracks())
def test_what_was_written_is_read(track):
    (record,) = records(written.write(track))
    assert record["sport"] == (track.sport if track.sport in ("run", "ride") else "other")
    assert record["start_ms"] == track.start_ms
    assert abs(record["end_ms"] - track.end_ms) < 1_000  # times have whole seconds, laps have not
    assert record["timer_ms"] == track.timer_ms
    assert record["distance_mm"] == (track.distance_mm or 0)
    assert record["measures"]["samples"] == len(track.points)
    assert record["manual"] is False
    evidence_hash([record])


def test_positions_may_be_missing():
    (record,) = records(written.write(tracks.run(1, 1_000), positions=False))
    assert (record["track"], record["distance_mm"]) == ([], 1_000_000)
    assert record["measures"]["gps_distance_mm"] is None


def test_several_activities_are_ordered_by_start():
    run, ride = tracks.run(1, 300), tracks.ride(2, 900, start_ms=tracks.START_MS - 86_400_000)
    assert [record["sport"] for record in records(written.write(run, ride))] == ["ride", "run"]


def test_a_lap_without_trackpoints_was_entered_by_hand():
    (record,) = records(activity(LAP.format("")))
    assert (record["manual"], record["measures"], record["track"]) == (True, None, [])
    assert (record["timer_ms"], record["elapsed_ms"], record["distance_mm"]) == (
        600_500,
        600_500,
        2_000_000,
    )


def test_a_running_cadence_counts_both_feet():
    (record,) = records(written.write(tracks.run(1, 1_000, pace_s_per_km=300)))
    assert record["measures"]["cadence_odd_bp"] == 0


def test_a_course_is_no_activity_and_lends_nobody_its_points():
    point = "<Trackpoint><Time>2026-11-03T06:30:00Z</Time></Trackpoint>"
    course = f"<Courses><Course><Track>{point}</Track></Course></Courses>"
    assert code(document(course)) == "evidence_without_activity"
    plan = f'<Activities><Activity Sport="Running">{LAP.format("")}</Activity></Activities>'
    (record,) = records(document(course + plan))
    assert record["measures"] is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (activity("<Lap/>"), "evidence_without_times"),
        (activity(LAP.format("<Track><Trackpoint/></Track>")), "evidence_without_times"),
        (activity(LAP.replace("00Z", "00")), "evidence_time_local"),
        (activity(LAP.replace("2026", "1997")), "evidence_time_implausible"),
        (activity(LAP.replace("2000", "-1")), "evidence_value_malformed"),
        (activity(LAP.replace("2000", "inf")), "evidence_value_malformed"),
        (activity(LAP.replace("2000", "two")), "evidence_value_malformed"),
        (activity(*[LAP.replace("2000", "1000000000")] * 9_008), "evidence_value_malformed"),
        (activity("<Lap>"), "evidence_xml_malformed"),
        (activity(LAP)[:-20], "evidence_truncated"),
        (b"<!DOCTYPE x>" + activity(LAP), "evidence_kind_unknown"),
        (b"<!DOCTYPE TrainingCenterDatabase>" + activity(LAP), "evidence_xml_forbidden"),
    ],
)
def test_a_useless_or_harmful_file_is_refused(data, expected):
    assert code(data) == expected


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_is_refused(data):
    whole = written.write(tracks.run(1, 200))
    kept = data.draw(st.integers(70, len(whole.rstrip()) - 1))
    assert code(whole[:kept]) in ("evidence_truncated", "evidence_kind_unknown")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_changed_bytes_never_raise(data):
    whole = bytearray(written.write(tracks.run(1, 100)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    answer = read(BytesIO(bytes(whole)), STRAVA)
    if isinstance(answer, Reading):
        evidence_hash(answer.records)
