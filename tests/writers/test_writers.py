"""The writers against readers that others wrote: a sample that no one can read proves nothing."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from zipfile import ZipFile

import fitdecode
import gpxpy
import pyfitparsernative
import pytest
from hypothesis import given, settings
from lxml import etree

from tests.writers import apple, fit, games, gpx, strategies, tcx, text, tracks

EXAMPLES = settings(max_examples=40, deadline=None)
TCX = "{http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2}"
METRES_A_DEGREE = 111_194.93


def fit_messages(data: bytes) -> list[fitdecode.FitDataMessage]:
    reader = fitdecode.FitReader(
        io.BytesIO(data),
        check_crc=fitdecode.CrcCheck.RAISE,
        error_handling=fitdecode.ErrorHandling.RAISE,
    )
    return [frame for frame in reader if isinstance(frame, fitdecode.FitDataMessage)]


def fit_values(data: bytes, name: str) -> list[dict[str, object]]:
    """Messages of one kind; fields in order of name, for headers may put the time elsewhere."""
    return [
        {field.name: field.value for field in sorted(message.fields, key=lambda f: f.name)}
        for message in fit_messages(data)
        if message.name == name
    ]


@EXAMPLES
@given(strategies.activity_tracks())
def test_a_fit_file_says_the_same_to_two_strangers_decoders(track):
    data = fit.write(track)
    native = pyfitparsernative.parse_fit_bytes(data)
    records = fit_values(data, "record")
    assert len(native) == len(fit_messages(data))
    assert len(records) == len(track.points)
    (session,) = [message for message in native if message["message_type"] == "session"]
    (other,) = fit_values(data, "session")
    assert session["total_timer_time"] == other["total_timer_time"] == track.timer_ms / 1_000
    assert session["sport"] == other["sport"]
    if track.distance_mm is not None:
        assert abs(other["total_distance"] * 1_000 - track.distance_mm) <= 5


@EXAMPLES
@given(strategies.outdoor_tracks())
def test_compressed_timestamps_change_no_record(track):
    plain, compressed = fit.write(track), fit.write(track, compressed=True)
    assert fit_values(compressed, "record") == fit_values(plain, "record")
    assert len(compressed) < len(plain)
    assert len(pyfitparsernative.parse_fit_bytes(compressed)) == len(fit_messages(plain))


def test_each_track_is_a_session_of_a_multisport_file():
    swim = tracks.pool_swim(1)
    ride = tracks.ride(2, 1_000, start_ms=swim.end_ms + 60_000)
    sessions = fit_values(fit.write(swim, ride), "session")
    assert [session["sport"] for session in sessions] == ["swimming", "cycling"]
    assert sessions[1]["total_distance"] == 1_000


def test_a_file_made_by_hand_names_no_device():
    (by_hand,) = fit_values(fit.write(tracks.run(1, 200, manual=True)), "file_id")
    (by_watch,) = fit_values(fit.write(tracks.run(1, 200)), "file_id")
    assert (by_hand["manufacturer"], by_hand["serial_number"]) == ("development", None)
    assert by_watch["serial_number"] == tracks.GARMIN.serial


@pytest.mark.parametrize("damage", [fit.truncate, fit.spoil_checksum, fit.spoil_header_checksum])
def test_a_damaged_fit_file_is_one_that_a_strict_decoder_refuses(damage):
    with pytest.raises((fitdecode.FitCRCError, fitdecode.FitEOFError)):
        fit_messages(damage(fit.write(tracks.run(1, 200))))


@EXAMPLES
@given(strategies.outdoor_tracks())
def test_a_gpx_file_keeps_points_times_and_pauses(track):
    read = gpxpy.parse(gpx.write(track).decode())
    (trk,) = read.tracks
    points = [point for segment in trk.segments for point in segment.points]
    assert len(points) == len(track.points)
    assert len(trk.segments) == len(tracks.stretches(track)) == len(track.pauses) + 1
    assert [round(point.latitude * 1e7) for point in points] == [p.lat_e7 for p in track.points]
    bounds = read.get_time_bounds()
    assert int(bounds.start_time.timestamp() * 1_000) == track.start_ms
    assert int(bounds.end_time.timestamp() * 1_000) == track.end_ms


def test_a_gpx_file_can_lie_about_its_times():
    track = tracks.run(1, 100)
    none = gpxpy.parse(gpx.write(track, times=False).decode())
    old = gpxpy.parse(gpx.write(track, first_ms=-2_170_000_000_000).decode())
    east = gpxpy.parse(gpx.write(track, zone="+01:00", fraction=True).decode())
    assert none.tracks[0].segments[0].points[0].time is None
    assert old.get_time_bounds().start_time.year == 1901
    assert int(east.get_time_bounds().start_time.timestamp() * 1_000) == track.start_ms
    assert b"2026-11-03T06:30:00</time>" in gpx.write(track, zone="")


def test_a_route_has_points_and_no_track():
    read = gpxpy.parse(gpx.route(tracks.run(1, 100)).decode())
    assert (len(read.tracks), len(read.routes), len(read.waypoints)) == (0, 1, 1)


@EXAMPLES
@given(strategies.activity_tracks())
def test_the_laps_of_a_tcx_file_add_up_to_the_track(track):
    root = etree.fromstring(tcx.write(track, lap_m=200))
    laps = root.findall(f".//{TCX}Lap")
    timer_ms = sum(round(float(lap.findtext(f"{TCX}TotalTimeSeconds")) * 1_000) for lap in laps)
    distance_mm = sum(round(float(lap.findtext(f"{TCX}DistanceMeters")) * 1_000) for lap in laps)
    calories = sum(int(lap.findtext(f"{TCX}Calories")) for lap in laps)
    assert timer_ms == track.timer_ms
    assert distance_mm == (track.distance_mm or 0)
    assert calories == (track.calories or 0)
    assert len(root.findall(f".//{TCX}Trackpoint")) == len(track.points)


def test_an_apple_export_holds_records_and_workouts():
    run, yoga = tracks.run(1, 1_000, pauses_s=(60,)), tracks.still("yoga", manual=True)
    day = list(apple.day_of_steps(7, 1_793_664_000_000, 3_000, phone_only_steps=250))
    root = etree.fromstring(apple.document(workouts=(run, yoga), quantities=day))
    assert len(root.findall("Record")) == len(day)
    first, second = root.findall("Workout")
    assert float(first.get("duration")) * 60_000 == pytest.approx(run.timer_ms, abs=1e-3)
    assert first.find("WorkoutStatistics").get("sum") == "1"
    assert [event.get("type")[-5:] for event in first.findall("WorkoutEvent")] == ["Pause", "esume"]
    assert "HKWasUserEntered" in [entry.get("key") for entry in second.findall("MetadataEntry")]


def test_the_watch_and_the_phone_count_the_same_steps():
    day = [q for q in apple.day_of_steps(7, 0, 3_000, phone_only_steps=250) if q.kind == "steps"]
    watch = sum(q.value for q in day if q.source == "Apple Watch")
    phone = sum(q.value for q in day if q.source == "iPhone")
    assert watch == 3_000
    assert 2_800 < phone - 250 < 3_000


@pytest.mark.parametrize("damage", [{"doctype": "broken"}, {"control_byte": True}])
def test_a_broken_export_is_one_that_a_strict_parser_refuses(damage):
    contents = {"quantities": list(apple.day_of_steps(1, 0, 100))}
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(apple.document(**contents, **damage))


def test_a_zip_streams_the_same_document():
    contents = {"quantities": list(apple.day_of_steps(1, 0, 100)), "doctype": "none"}
    stream = io.BytesIO()
    apple.write_zip(stream, **contents)
    document = apple.document(**contents)
    for archive in (stream.getvalue(), apple.zipped(document, others={"note.txt": b""})):
        assert ZipFile(io.BytesIO(archive)).read(apple.ZIP_NAME) == document


def test_a_match_is_won_by_the_side_of_its_player():
    for radiant, won in ((True, True), (True, False), (False, True), (False, False)):
        match = games.opendota_match(42, radiant=radiant, won=won)
        (player,) = [seat for seat in match["players"] if seat["account_id"] == 42]
        assert (player["player_slot"] < 128) == radiant
        assert match["radiant_win"] == (won == radiant)


def test_a_riot_match_has_ten_players_and_lists_them_twice():
    match = games.riot_match("me", won=False, remake=True, position="UTILITY")
    participants = match["info"]["participants"]
    (player,) = [seat for seat in participants if seat["puuid"] == "me"]
    assert match["metadata"]["participants"] == [seat["puuid"] for seat in participants]
    assert not player["win"] and player["gameEndedInEarlySurrender"]
    assert "gameEndTimestamp" not in games.riot_match("me", before_11_20=True)["info"]


def test_streams_without_positions_are_left_out():
    streams = games.strava_streams(tracks.treadmill(1, 200))
    assert "latlng" not in streams
    assert len(streams["time"]["data"]) == len(streams["distance"]["data"])
    assert json.loads(games.encoded(streams)) == streams


@EXAMPLES
@given(strategies.activity_tracks())
def test_a_track_is_in_order_and_its_parts_fit(track):
    offsets = [point.offset_ms for point in track.points]
    assert offsets == sorted(set(offsets)) and offsets[0] == 0
    assert 0 <= track.timer_ms <= track.elapsed_ms
    distances = [point.distance_mm for point in track.points if point.distance_mm is not None]
    assert distances == sorted(distances)
    assert sum(map(len, tracks.stretches(track)), 0) == len(track.points)


def test_the_same_seed_gives_the_same_track_and_another_seed_another():
    assert tracks.hike(5, 500) == tracks.hike(5, 500)
    assert tracks.hike(5, 500) != tracks.hike(6, 500)


def test_twins_keep_what_they_are_twins_of():
    track = tracks.run(1, 1_000, pauses_s=(30,))
    thin, moved = tracks.every(track, 5), tracks.jittered(track, 2, 3)
    assert (thin.elapsed_ms, thin.distance_mm) == (track.elapsed_ms, track.distance_mm)
    assert len(thin.points) * 4 < len(track.points)
    reach_e7 = 3 * 1e7 / METRES_A_DEGREE
    for before, after in zip(track.points, moved.points, strict=True):
        assert abs(before.lat_e7 - after.lat_e7) <= reach_e7
        assert replace(after, lat_e7=before.lat_e7, lon_e7=before.lon_e7) == before


def test_a_spike_moves_one_point():
    track = tracks.run(1, 200)
    spiked = tracks.with_spike(track, 20, 900)
    moved = [i for i, (a, b) in enumerate(zip(track.points, spiked.points, strict=True)) if a != b]
    assert moved == [20]


def test_decimals_are_exact():
    assert [text.decimal(value, 3) for value in (0, 5, -12_500, 10_000)] == [
        "0", "0.005", "-12.5", "10",
    ]  # fmt: skip
