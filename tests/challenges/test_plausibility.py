"""Plausibility: each check finds what it is for, at its limit, and leaves honest records alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges.limits import BEST_SPLITS, SPEED_LIMITS
from agon.challenges.measures import NOTHING
from agon.challenges.plausibility import CHECKS, examine
from agon.challenges.records import SPORTS, TIME_MIN_MS, account, activity, game

START_MS = 1_793_606_400_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def made(measures=None, **parts):
    """An honest hour of running, walking, …, or what the parts make of it."""
    facts = {"format": "fit", "sport": "run", "trust": 3, "start_ms": START_MS}
    facts |= {"end_ms": facts["start_ms"] + HOUR_MS, "timer_ms": HOUR_MS, **parts}
    if measures is not None:
        facts["measures"] = {**NOTHING, "samples": 3600, **measures}
    return activity(**facts)


def seen(**parts):
    """A day's steps."""
    facts = {"sport": "daily", "format": "apple", "timer_ms": None, "end_ms": START_MS + DAY_MS}
    return made(**{**facts, **parts})


def codes(record):
    return {finding.code for finding in examine(record)}


FINE_AND_FOUND = {
    "before_2000": (
        made(start_ms=TIME_MIN_MS, end_ms=TIME_MIN_MS + HOUR_MS),
        made(start_ms=TIME_MIN_MS - 1, end_ms=TIME_MIN_MS + HOUR_MS),
    ),
    "in_future": (
        made() | {"received_ms": START_MS + HOUR_MS - 300_000},
        made() | {"received_ms": START_MS + HOUR_MS - 300_001},
    ),
    "ends_before_start": (made(end_ms=START_MS, timer_ms=0), made(end_ms=START_MS - 1)),
    "timer_over_elapsed": (made(timer_ms=HOUR_MS + 2_000), made(timer_ms=HOUR_MS + 2_001)),
    "time_goes_back": (
        made({"samples": 5000, "backward_steps": 5}),
        made({"samples": 5000, "backward_steps": 6}),
    ),
    "too_fast_60s": (
        made({"fastest_60s_mm_s": 9_500}),
        made({"fastest_60s_mm_s": 9_501}),
    ),
    "faster_than_record": (
        made({"best_ms": {"800": 100_900, "1609": None}}),
        made({"best_ms": {"800": 100_800, "1609": None}}),
    ),
    "gps_jumps": (
        made({"dropped_points": 36, "dropped_distance_mm": 499_000}, distance_mm=10_000_000),
        made({"dropped_points": 37, "dropped_distance_mm": 499_000}, distance_mm=10_000_000),
    ),
    "steps_impossible": (seen(steps=100_000), seen(steps=100_001)),
    "steps_burst": (
        seen(measures={"max_steps_5min": 1_250}),
        seen(measures={"max_steps_5min": 1_251}),
    ),
    "too_fast_300s": (made({"fastest_300s_mm_s": 6_000}), made({"fastest_300s_mm_s": 6_001})),
    "too_fast_mean": (made(distance_mm=19_800_000), made(distance_mm=19_804_000)),
    "gps_distance_differs": (
        made({"distance_source": "device", "gps_distance_mm": 11_000}, distance_mm=10_000),
        made({"distance_source": "device", "gps_distance_mm": 11_001}, distance_mm=10_000),
    ),
    "samples_sparse": (
        made({"median_interval_ms": 10_000}),
        made({"median_interval_ms": 10_001}),
    ),
    "recording_gaps": (made({"gap_ms": 720_000}), made({"gap_ms": 721_000})),
    "long_pauses": (made(timer_ms=HOUR_MS // 4), made(timer_ms=HOUR_MS // 4 - 1)),
    "heart_rate_too_high": (made({"mean_heart_rate": 220}), made({"mean_heart_rate": 221})),
    "heart_rate_constant": (
        made({"top_heart_rate_bp": 9_000, "speed_varies": False}),
        made({"top_heart_rate_bp": 5_001, "speed_varies": True}),
    ),
    "cadence_odd": (made({"cadence_odd_bp": 5_000}), made({"cadence_odd_bp": 5_001})),
    "steps_many": (seen(steps=50_000), seen(steps=50_001)),
    "shared_device": (
        made() | {"intake_flags": ["shared_recording"]},
        made() | {"intake_flags": ["shared_device"]},
    ),
    "shared_recording": (
        made() | {"intake_flags": ["else"]},
        made() | {"intake_flags": ["shared_recording"]},
    ),
    "manual_entry": (made(), made(manual=True)),
    "on_trainer": (made(sport="swim", indoor=True), made(sport="ride", indoor=True)),
    "virtual": (made(), made(virtual=True)),
}


@pytest.mark.parametrize("code", [check.code for check in CHECKS])
def test_each_check_finds_at_its_limit_and_not_before(code):
    fine, found = FINE_AND_FOUND[code]
    assert code not in codes(fine)
    assert code in codes(found)


def test_each_check_has_one_code_a_level_and_a_sentence():
    assert len({check.code for check in CHECKS}) == len(CHECKS)
    assert {check.level for check in CHECKS} == {"reject", "flag", "rule"}
    assert all(check.sentence.endswith(".") for check in CHECKS)


@pytest.mark.parametrize("sport", sorted(SPEED_LIMITS))
def test_a_summary_without_samples_is_held_to_the_same_speed(sport):
    limit = SPEED_LIMITS[sport].reject_60s
    assert "too_fast_60s" not in codes(made(sport=sport, distance_mm=limit * 3600))
    assert "too_fast_60s" in codes(made(sport=sport, distance_mm=(limit + 1) * 3600))


def test_a_sprint_may_be_faster_than_a_minute_may_be():
    sprint = {"end_ms": START_MS + 10_000, "timer_ms": 10_000, "distance_mm": 100_000}
    assert not codes(made(**sprint)) & {"too_fast_60s", "faster_than_record"}


def test_a_distance_in_no_time_is_rejected():
    assert "too_fast_60s" in codes(made(end_ms=START_MS, timer_ms=0, distance_mm=10_000_000))


@pytest.mark.parametrize("metres", BEST_SPLITS)
def test_no_run_is_faster_than_the_record_over_its_distance(metres):
    length = metres * 1_000_000 // BEST_SPLITS[metres]
    whole = {"end_ms": START_MS + length, "timer_ms": length, "distance_mm": metres * 1000}
    assert "faster_than_record" not in codes(made(**whole))
    assert "faster_than_record" in codes(made(**{**whole, "timer_ms": length * 98 // 100}))
    assert "faster_than_record" not in codes(made(**{**whole, "sport": "ride", "timer_ms": 1}))


def test_one_wild_position_is_forgiven_and_two_are_not():
    far = {"dropped_distance_mm": 10**12}
    assert "gps_jumps" not in codes(made({"dropped_points": 1, **far}, distance_mm=10_000_000))
    assert "gps_jumps" in codes(made({"dropped_points": 2, **far}, distance_mm=10_000_000))


def test_a_day_that_goes_on_is_not_in_the_future_but_one_to_come_is():
    assert not codes(seen(steps=9_000) | {"received_ms": START_MS + HOUR_MS})
    assert codes(seen(steps=9_000) | {"received_ms": START_MS - HOUR_MS}) == {"in_future"}


def test_steps_are_limited_for_each_day_of_a_long_walk():
    three_days = {"sport": "hike", "end_ms": START_MS + 3 * DAY_MS, "timer_ms": 2 * DAY_MS}
    assert "steps_many" not in codes(made(**three_days, steps=150_000))
    assert "steps_many" in codes(made(**three_days, steps=150_001))


def test_a_burst_of_steps_shows_in_a_summary_too():
    assert "steps_burst" in codes(made(sport="walk", steps=15_012, distance_mm=7_000_000))
    assert "steps_burst" not in codes(made(sport="walk", steps=15_011, distance_mm=7_000_000))


def test_facts_are_integers_and_sentences_hold_none_of_them():
    (finding,) = (f for f in examine(made({"fastest_60s_mm_s": 14_321})) if f.level == "reject")
    assert finding.facts == {"value": 14_321, "limit": 9_500}
    assert "14" not in finding.sentence


def test_a_game_is_examined_for_its_times_and_an_account_for_nothing():
    played = game(
        format="manual", title="lol", match_id="1", player_id="p", trust=1, won=True, ranked=True,
        start_ms=START_MS, end_ms=START_MS + HOUR_MS,
    )  # fmt: skip
    assert codes(played) == set()
    assert codes(played | {"manual": True}) == {"manual_entry"}
    assert codes(played | {"received_ms": START_MS}) == {"in_future"}
    steam = account(
        format="steam", title="dota2", player_id="1", trust=1, created_ms=1, public=True
    )
    assert codes(steam) == set()


whole = st.none() | st.integers(-(2**53), 2**53)


@settings(max_examples=100, deadline=None)
@given(
    sport=st.sampled_from(SPORTS),
    start_ms=st.integers(-(2**53), 2**53),
    end_ms=st.integers(-(2**53), 2**53),
    timer_ms=whole,
    moving_ms=whole,
    distance_mm=whole,
    steps=whole,
    average_heart_rate=whole,
    measures=st.none()
    | st.fixed_dictionaries(
        {key: whole for key in NOTHING if key not in ("distance_source", "best_ms")}
    )
    | st.fixed_dictionaries({"best_ms": st.dictionaries(st.sampled_from(["800", "5000"]), whole)}),
)
def test_nothing_that_a_record_holds_makes_examination_fail(measures, **parts):
    record = activity(format="fit", trust=3, **parts) | {"measures": measures}
    for finding in examine(record):
        assert all(abs(value) <= 2**55 for value in finding.facts.values())
        assert all(type(value) is int for value in finding.facts.values())
