"""Measures and curves: what samples say of speed, distance, gaps, heart and cadence."""

from __future__ import annotations

from itertools import pairwise
from math import cos, radians

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agon.challenges import curves, measures
from agon.challenges.curves import Samples, follow, highest_gain
from agon.challenges.limits import BEST_SPLITS, SPEED_LIMITS

DEGREE = 10_000_000
START_MS = 1_700_000_000_000
METRE_E7 = 10**7 / 111_195.08
"""1e-7 degree of latitude in a metre."""


def recorded(
    metres: list[float | None] | None = None,
    *,
    north_m: list[float | None] | None = None,
    seconds: list[int] | None = None,
    heart_rates: list[int | None] | None = None,
    cadences: list[int | None] | None = None,
    breaks: set[int] | None = None,
) -> Samples:
    """A sample a second: the device's metres so far, metres north of 50 degrees."""
    size = len(metres or north_m or seconds or heart_rates or [])
    seconds = list(range(size)) if seconds is None else seconds
    nothing: list[None] = [None] * size
    north = nothing if north_m is None else north_m
    latitudes = [None if m is None else 50 * DEGREE + round(m * METRE_E7) for m in north]
    return Samples(
        times_ms=[START_MS + second * 1000 for second in seconds],
        latitudes=latitudes,
        longitudes=[None if angle is None else 8 * DEGREE for angle in latitudes],
        distances_mm=[None if m is None else round(m * 1000) for m in metres or nothing],
        heart_rates=heart_rates or nothing,
        cadences=cadences or nothing,
        breaks=breaks or set(),
    )


def measured(samples: Samples, sport: str = "run", paused_ms: int = 0) -> dict:
    return measures.measure(follow(samples, sport), paused_ms)


def test_an_even_pace_is_the_fastest_of_every_window():
    found = measured(recorded([3.0 * second for second in range(1_001)]))
    assert (found["fastest_60s_mm_s"], found["fastest_300s_mm_s"]) == (3_000, 3_000)
    assert found["best_ms"]["800"] == 266_666
    assert found["best_ms"]["5000"] is None
    assert found["distance_source"] == "device"


def test_an_activity_shorter_than_a_window_has_no_fastest():
    found = measured(recorded([3.0 * second for second in range(60)]))
    assert (found["fastest_60s_mm_s"], found["fastest_300s_mm_s"]) == (None, None)


def test_a_burst_between_two_long_silences_is_found():
    found = measured(recorded([0, 10, 610, 620], seconds=[0, 600, 660, 1_260]))
    assert found["fastest_60s_mm_s"] == 10_000


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 90)), min_size=1, max_size=30),
    st.integers(1, 200),
)
@example([(2, 0), (1, 0), (25, 0), (50, 0), (50, 0), (1, 1)], 128)
def test_no_window_gains_more_than_the_highest(steps, window):
    times, totals = [0], [0]
    for took, gained in steps:
        times.append(times[-1] + took)
        totals.append(totals[-1] + gained * took)  # so that every second has a whole total
    by_second = [
        totals[order] + (totals[order + 1] - totals[order]) // (after - before) * past
        for order, (before, after) in enumerate(pairwise(times))
        for past in range(after - before)
    ] + totals[-1:]
    gains = [b - a for a, b in zip(by_second, by_second[window:], strict=False)]
    assert highest_gain(times, totals, window) == max(gains, default=None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=200, max_size=400))
def test_a_best_split_is_never_shorter_than_the_distance_takes(speeds):
    metres = [0]
    for speed in speeds:
        metres.append(metres[-1] + speed)
    best_ms = measured(recorded([float(m) for m in metres]))["best_ms"]["800"]
    ends = (
        next((end for end in range(begin, len(metres)) if metres[end] - metres[begin] >= 800), None)
        for begin in range(len(metres))
    )
    spans = [(end - begin) * 1000 for begin, end in enumerate(ends) if end is not None]
    if not spans:
        assert best_ms is None
    else:
        # Samples are thinned to 5 s: a split can be missed by the speed's change within that.
        assert min(spans) - 6_000 <= best_ms <= min(spans) + 6_000


def test_only_runs_have_splits_and_cadence():
    samples = recorded([4.0 * second for second in range(400)], cadences=[50] * 400)
    assert set(measured(samples)["best_ms"]) == {str(metres) for metres in BEST_SPLITS}
    assert measured(samples)["cadence_odd_bp"] == 10_000
    assert measured(samples, "ride")["best_ms"] == {}
    assert measured(samples, "ride")["cadence_odd_bp"] is None


def test_a_degree_of_latitude_has_its_length():
    samples = recorded(north_m=[0.0, 0.0], seconds=[0, 100_000])
    samples.latitudes[:] = [10 * DEGREE, 11 * DEGREE]
    assert measured(samples)["gps_distance_mm"] == 111_195_080


def test_the_other_end_of_the_earth_is_half_a_turn_away():
    samples = recorded(north_m=[0.0, 0.0], seconds=[0, 10**7])
    samples.latitudes[:], samples.longitudes[:] = [45 * DEGREE, -45 * DEGREE], [0, 180 * DEGREE]
    assert measured(samples)["gps_distance_mm"] == 20_015_114_442


@settings(max_examples=100, deadline=None)
@given(
    st.integers(-85 * DEGREE, 85 * DEGREE),
    st.integers(-50_000, 50_000),
    st.integers(-50_000, 50_000),
)
def test_short_steps_are_as_long_on_the_plane_as_on_the_sphere(latitude, north, east):
    samples = recorded(north_m=[0.0, 0.0])
    samples.latitudes[:] = [latitude, latitude + north]
    samples.longitudes[:] = [0, east]
    cosines = [cos(radians(angle / DEGREE)) for angle in samples.latitudes]
    (flat,) = curves._distances(samples, [0, 1])
    assert abs(flat - curves._haversine(north, east, *cosines)) <= 1


def test_the_date_line_is_no_way_around_the_earth():
    samples = recorded(north_m=[0.0, 0.0])
    samples.latitudes[:] = [0, 0]
    samples.longitudes[:] = [1_799_999_000, -1_799_999_000]
    assert measured(samples)["gps_distance_mm"] == 22_239


def test_one_bad_position_is_dropped():
    north = [3.0 * second for second in range(200)]
    north[100] += 5_000
    found = measured(recorded(north_m=north))
    assert (found["dropped_points"], found["dropped_distance_mm"]) == (1, 5_003_000)
    assert found["gps_distance_mm"] == pytest.approx(597_000, abs=200)
    assert found["fastest_60s_mm_s"] == pytest.approx(3_000, abs=20)
    assert found["distance_source"] == "gps"


def test_a_bad_first_position_is_dropped_and_the_rest_stays():
    found = measured(recorded(north_m=[90_000.0, *(3.0 * second for second in range(1, 200))]))
    assert found["dropped_points"] == 1
    assert found["gps_distance_mm"] == pytest.approx(594_000, abs=200)


def test_a_track_that_jumps_away_for_good_loses_what_follows():
    found = measured(
        recorded(north_m=[3.0 * second + 30_000 * (second > 99) for second in range(200)])
    )
    assert found["dropped_points"] == 100


@pytest.mark.parametrize(("metres", "dropped"), [(99, 0), (101, 1)])
def test_a_jump_is_longer_than_100_m(metres, dropped):
    north = [0.0, 1.0, 2.0, 2.0 + metres, 3.0, 4.0]
    assert measured(recorded(north_m=north))["dropped_points"] == dropped


@pytest.mark.parametrize(("took_s", "dropped"), [(17, 1), (18, 0)])
def test_a_jump_is_faster_than_three_times_the_limit(took_s, dropped):
    assert SPEED_LIMITS["run"].reject_60s == 9_500
    samples = recorded(north_m=[0, 1, 2, 502], seconds=[0, 1, 2, 2 + took_s])
    assert measured(samples)["dropped_points"] == dropped


def test_the_step_over_a_declared_pause_does_not_count():
    samples = recorded(north_m=[0, 10, 20, 5_000, 5_010], seconds=[0, 5, 10, 9_000, 9_005])
    assert measured(samples)["gps_distance_mm"] == pytest.approx(5_010_000, abs=20)
    samples.breaks.add(3)
    assert measured(samples)["gps_distance_mm"] == pytest.approx(30_000, abs=20)


def test_a_device_that_starts_again_from_zero_goes_on():
    found = measured(recorded([*(4.0 * s for s in range(100)), *(4.0 * s for s in range(100))]))
    assert found["fastest_60s_mm_s"] == 4_000


def test_a_step_back_in_time_is_counted_and_makes_nobody_fly():
    seconds = [*range(3_600), *range(600, 1_200)]
    found = measured(recorded([3.0 * s for s in range(4_200)], seconds=seconds))
    assert found["backward_steps"] == 1
    assert found["fastest_60s_mm_s"] <= 3_300


def test_equal_times_are_no_step_back():
    assert measured(recorded([0, 1, 2], seconds=[0, 1, 1]))["backward_steps"] == 0


def test_a_device_without_any_distance_leaves_the_word_to_the_gps():
    zeros = recorded([0.0] * 100, north_m=[3.0 * second for second in range(100)])
    assert measured(zeros)["distance_source"] == "gps"
    assert measured(recorded([0.0] * 100))["distance_source"] == "device"
    assert measured(recorded(heart_rates=[100] * 100))["distance_source"] is None


def test_a_gap_is_longer_than_60_s_and_no_declared_pause():
    samples = recorded([0, 1, 2, 3], seconds=[0, 60, 121, 421])
    assert measured(samples)["gap_ms"] == 361_000
    assert measured(samples, paused_ms=300_000)["gap_ms"] == 61_000
    assert measured(samples)["median_interval_ms"] == 61_000


def test_heart_rates_that_are_missing_or_zero_do_not_count():
    found = measured(recorded(heart_rates=[None, 0, 100, 100, 103]))
    assert (found["mean_heart_rate"], found["top_heart_rate_bp"]) == (101, 6_666)


def test_speed_varies_only_if_two_steps_differ():
    assert measured(recorded([5.0 * s for s in range(100)]))["speed_varies"] is False
    assert measured(recorded([s * s / 50 for s in range(100)]))["speed_varies"] is True
    assert measured(recorded([1.0]))["speed_varies"] is None


def test_a_slow_runner_may_have_any_cadence():
    assert (
        measured(recorded([2.0 * s for s in range(99)], cadences=[60] * 99))["cadence_odd_bp"]
        is None
    )


def test_standing_still_is_not_moving():
    metres = [min(s, 300) * 3.0 for s in range(1_000)]
    path = follow(recorded(metres), "run")
    assert measures.moving_time(path, None) == 300_000
    assert measures.moving_time(path, 200_000) == 200_000
    assert measures.moving_time(follow(recorded(metres), "swim"), None) is None


def test_a_track_has_the_first_the_last_and_one_point_a_minute():
    path = follow(recorded(north_m=[11.1195 * s for s in range(150)]), "run")
    assert measures.track(path, START_MS - 30_000) == [
        [30, 500_000, 80_000],
        [60, 500_030, 80_000],
        [120, 500_090, 80_000],
        [179, 500_149, 80_000],
    ]


def test_small_rises_are_noise():
    assert measures.ascent([]) is None
    assert measures.ascent([0, 2_900, 0, 2_900, 0]) == 0
    assert measures.ascent([0, 3_000, 1_000, 9_000]) == 11_000


def test_without_samples_nothing_is_known():
    nothing = measures.facts(Samples(), "run", start_ms=0, end_ms=1, timer_ms=None)
    assert nothing == {"measures": None, "moving_ms": None, "track": None}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.none() | st.integers(0, 10**8),
            st.none() | st.integers(-90 * DEGREE, 90 * DEGREE),
            st.none() | st.integers(0, 255),
        ),
        min_size=1,
    ),
    st.sampled_from(["run", "ride", "swim", "yoga"]),
)
def test_any_samples_have_all_measures(rows, sport):
    times, distances, latitudes, numbers = map(list, zip(*rows, strict=True))
    samples = Samples(
        times_ms=times,
        latitudes=latitudes,
        longitudes=latitudes,
        distances_mm=distances,
        heart_rates=numbers,
        cadences=numbers,
    )
    found = measures.facts(samples, sport, start_ms=min(times), end_ms=max(times), timer_ms=None)
    assert list(found["measures"]) == list(measures.NOTHING)
    assert found["measures"]["samples"] == len(rows)
