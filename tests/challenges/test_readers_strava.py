"""Reader for Strava activities."""

from __future__ import annotations

import pytest

from tests.challenges.documents import GOOD, RUN, changed, code, record, sample
from tests.writers import games


def test_an_activity_of_the_api_is_read() -> None:
    found = record("strava", sample("strava/activity.json"))
    assert found["provider_id"] == "strava:99895560"
    assert (found["sport"], found["manual"], found["indoor"]) == ("run", False, False)
    assert (found["start_ms"], found["elapsed_ms"]) == (1_386_877_001_000, 3_140_000)
    assert (found["moving_ms"], found["timer_ms"]) == (2_892_000, None)
    assert (found["distance_mm"], found["ascent_mm"]) == (5_781_100, 13_500)
    assert (found["calories_kcal"], found["utc_offset_s"]) == (538, -28_800)
    assert (found["measures"], found["track"]) == (None, [])


def test_an_activity_entered_by_hand_says_so() -> None:
    found = record("strava", sample("strava/activity_manual.json"))
    assert (found["sport"], found["manual"]) == ("hike", True)


@pytest.mark.parametrize(
    ("kind", "sport", "virtual"),
    [
        ("TrailRun", "run", False),
        ("VirtualRide", "ride", True),
        ("EBikeRide", "other", False),
        ("Rowing", "row", False),
        ("HighIntensityIntervalTraining", "hiit", False),
        ("Kitesurf", "other", False),
        ("SomethingNew", "other", False),
    ],
)
def test_sports_are_named_as_ours(kind: str, sport: str, virtual: bool) -> None:
    found = record("strava", changed("strava", "activity", "sport_type", value=kind))
    assert (found["sport"], found["sport_detail"], found["virtual"]) == (sport, kind, virtual)


def test_an_old_activity_has_its_sport_in_type() -> None:
    found = record("strava", changed("strava", "activity", "sport_type", value=...))
    assert found["sport"] == "run"


def test_a_trainer_is_indoor() -> None:
    assert record("strava", changed("strava", "activity", "trainer", value=True))["indoor"]


def test_a_summary_without_calories_has_its_work() -> None:
    document = changed("strava", "activity", "calories", value=...)
    document["activity"]["kilojoules"] = 470.4
    assert record("strava", document)["calories_kcal"] == 470


def test_streams_give_measures_and_a_track() -> None:
    found = record("strava", GOOD["strava"])
    assert found["measures"]["samples"] == len(RUN.points)
    assert found["measures"]["distance_source"] == "device"
    assert found["track"][0][0] == 0
    assert len(found["track"]) >= RUN.elapsed_ms // 60_000


def test_cadence_is_of_one_leg() -> None:
    document = changed("strava", "streams", "cadence", "data", value=[85] * len(RUN.points))
    assert record("strava", document)["measures"]["cadence_odd_bp"] == 0


def test_an_activity_without_a_clock_in_its_streams_has_no_measures() -> None:
    found = record("strava", changed("strava", "streams", "time", value=...))
    assert (found["measures"], found["track"]) == (None, [])


def test_streams_of_unequal_length_are_refused() -> None:
    document = changed("strava", "streams", "distance", "data", value=[0, 1.5])
    assert code("strava", document) == (
        "evidence_json_unexpected",
        "/streams/distance/data",
    )


def test_a_clock_with_holes_is_refused() -> None:
    document = changed("strava", "streams", "time", "data", 1, value=None)
    assert code("strava", document) == ("evidence_json_unexpected", "/streams/time/data")


def test_a_sample_without_a_position_has_none() -> None:
    document = changed("strava", "streams", "latlng", "data", 1, value=None)
    assert record("strava", document)["measures"]["samples"] == len(RUN.points)


def test_more_samples_than_five_days_have_are_refused() -> None:
    document = {
        "activity": GOOD["strava"]["activity"],
        "streams": {"time": {"data": [0] * 500_001}},
    }
    assert code("strava", document) == ("evidence_json_unexpected", "/streams/time/data")


def test_empty_streams_are_no_mistake() -> None:
    document = {"activity": GOOD["strava"]["activity"], "streams": {"time": {"data": []}}}
    assert record("strava", document)["measures"]["samples"] == 0


def test_a_stop_that_strava_saw_is_no_gap() -> None:
    stopped = games.strava_activity(RUN, elapsed_time=4_000, moving_time=1_000)
    times = [0, 10, 2_500, 2_510]
    streams = {
        "time": {"data": times},
        "distance": {"data": [0, 30.5, 30.5, 60]},
    }
    found = record("strava", {"activity": stopped, "streams": streams})
    assert found["measures"]["gap_ms"] == 0


def test_control_characters_of_a_label_are_dropped() -> None:
    document = changed("strava", "activity", "device_name", value="Fore\u0000runner\ud800")
    assert record("strava", document)["device"] == "Forerunner"
