"""The judge of activities: what counts, what is added up, and what the verdict says."""

import json

import pytest

from agon.challenges.judges.book import METADATA_ITEMS_MAX
from agon.challenges.measures import NOTHING
from agon.challenges.records import account
from agon.challenges.windows import moment
from tests.challenges.week import (
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    RIDE,
    SWIM,
    TEN,
    WEEK,
    asked,
    codes,
    distance,
    judged,
    run,
    steps,
)  # fmt: skip

# --- what counts


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"hour": -1}, "outside_window"),
        ({"day": 6, "hour": 23, "minutes": 61}, "outside_window"),
        ({"sport": "ride"}, "sport_not_asked"),
        ({"sport": "other"}, "sport_unknown"),
        ({"manual": True}, "manual_entry"),
        ({"trust": 1}, "trust_too_low"),
        ({"indoor": True}, "on_trainer"),
        ({"virtual": True}, "virtual"),
        ({"km": 4, "minutes": 30}, "below_minimum"),
        ({"distance_mm": None}, "below_minimum"),
        ({"minutes": 20}, "faster_than_record"),
        ({"minutes": 10}, "too_fast_60s"),
    ],
)
def test_what_the_rule_refuses_does_not_count_and_says_why(parts, code):
    least = {"metric": "distance", "unit": "km", "value": 5}
    rule = distance(5, sports=["run"], trust=2, min_per_activity=least)
    verdict = judged(rule, run(**parts))
    assert not verdict.passed
    assert codes(verdict)[0] == "nothing_counts"
    assert code in codes(verdict)
    assert judged(rule, run(**parts), run(3)).passed, "a good record beside it still counts"


@pytest.mark.parametrize(
    ("parts", "allowed"),
    [
        ({"manual": True}, {"manual": "allow"}),
        ({"indoor": True}, {"trainer": "allow"}),
        ({"virtual": True}, {"trainer": "allow"}),
        ({"sport": "other"}, {"other_as": "run"}),
        ({"sport": "other"}, {"sports": ["other"]}),
    ],
)
def test_what_the_rule_allows_counts(parts, allowed):
    assert not judged(distance(), run(**parts)).passed
    assert judged(distance(**allowed), run(**parts)).passed


def test_an_unnamed_sport_is_examined_as_the_one_it_counts_as():
    by_car = run(minutes=15, km=12, sport="other")
    assert judged(distance(sports=["other"]), by_car).passed
    assert "too_fast_60s" in codes(judged(distance(other_as="run"), by_car))
    assert "sport_not_asked" in codes(judged(distance(other_as="walk", sports=["walk"]), run()))


def test_the_window_is_half_open_in_its_own_zone():
    at_the_edges = run(0, 0), run(6, 23)
    assert judged(distance(20), *at_the_edges).passed
    in_tokyo = distance(20, window={**WEEK, "zone": "Asia/Tokyo"})
    assert codes(judged(in_tokyo, *at_the_edges)) == ["target_not_met", "outside_window"]


def test_without_a_window_any_time_counts():
    rule = {key: value for key, value in distance().items() if key != "window"}
    assert judged(rule, run(day=-400)).passed


def test_a_flag_counts_and_is_told_unless_the_rule_refuses_flags():
    fast = run(measures={**NOTHING, "samples": 3600, "fastest_300s_mm_s": 6_500})
    verdict = judged(distance(), fast)
    assert verdict.passed
    assert verdict.metadata["flags"]["first"][0]["code"] == "too_fast_300s"
    assert verdict.metadata["flags"]["first"][0]["facts"] == {"value": 6_500, "limit": 6_000}
    assert "flags_refused" in codes(judged(distance(trust=3), fast))
    assert judged(distance(trust=3, flags="allow"), fast).passed


def test_one_activity_counts_once_and_the_richest_record_of_it():
    gpx = run(format="gpx", trust=2, distance_mm=10_200_000)
    verdict = judged(distance(15), run(), gpx, run())
    assert not verdict.passed
    assert verdict.metadata["conditions"][0]["value"] == 10_000_000
    assert verdict.metadata["ignored"]["count"] == 2
    assert "duplicate" in codes(verdict)


def test_games_and_accounts_are_no_activities():
    steam = account(
        format="steam", title="dota2", player_id="1", trust=4, created_ms=1, public=True
    )
    verdict = judged(distance(), steam)
    assert not verdict.passed
    assert codes(verdict)[0] == "no_evidence"


# --- how values become one


@pytest.mark.parametrize(
    ("rule", "value", "met"),
    [
        (distance(21), 21_000_000, True),
        (distance("21.001"), 21_000_000, False),
        (distance(21, compare=">"), 21_000_000, False),
        (distance(21, compare="=="), 21_000_000, True),
        (distance(21, compare="<="), 21_000_000, True),
        (distance(21, compare="<"), 21_000_000, False),
        (distance(12, aggregate="best"), 12_000_000, True),
        (distance(3, aggregate="best", compare="<="), 4_000_000, False),
        (distance(10, aggregate="per_day", days=1), 1, True),
        (distance(10, aggregate="per_day", days=2), 1, False),
        (distance(5, aggregate="count", times=2), 2, True),
        (distance(5, aggregate="count", times=3), 2, False),
        (asked("activities", ">=", 3), 3, True),
        (asked("activities", ">=", 2, aggregate="per_day", days=1), 1, True),
        (asked("active_days", ">=", 2), 2, True),
        (asked("active_days", ">=", 3), 2, False),
        (asked("longest_streak", ">=", 2), 1, False),
        (asked("elapsed_time", ">=", "150", unit="min"), 9_000_000, True),
        (asked("average_pace", "<=", "7:08", unit="min/km"), 428_571, False),
        (asked("average_pace", "<=", "7:09", unit="min/km"), 428_571, True),
        (asked("average_pace", "<=", "6:00", unit="min/km", aggregate="best"), 360_000, True),
        (asked("average_speed", ">=", "8.4", unit="km/h"), 2_333, True),
    ],
)
def test_aggregates(rule, value, met):
    records = run(0, 7, 72, km=12), run(2, 7, 30, km=5), run(2, 18, 48, km=4)
    verdict = judged(rule, *records)
    (condition,) = verdict.metadata["conditions"]
    assert (condition["value"], verdict.passed) == (value, met)
    assert condition["records"] == 3


@pytest.mark.parametrize("compare", [">=", ">", "<=", "<", "=="])
def test_nothing_proves_nothing(compare):
    assert codes(judged(distance(0, compare=compare))) == ["no_evidence", "nothing_counts"]
    assert not judged(asked("average_pace", "<=", "9:00", unit="min/km")).passed


def test_every_day_means_each_date_of_the_window():
    rule = asked("steps", ">=", 8000, aggregate="per_day")
    week = [steps(day, 8000) for day in range(7)]
    assert judged(rule, *week).passed
    assert not judged(rule, *week[:6]).passed
    assert not judged(rule, *week[:6], steps(6, 7999)).passed


def test_a_day_without_records_does_not_meet_at_most():
    rule = distance(5, compare="<=", aggregate="per_day", days=2)
    assert not judged(rule, run(0, km=5)).passed
    assert judged(rule, run(0, km=5), run(3, km=1)).passed


def test_days_are_those_of_the_zone():
    late, early = run(0, 23, 30), run(1, 0, 30)
    assert judged(asked("active_days", ">=", 2), late, early).passed
    in_london = {**asked("active_days", ">=", 2), "window": {**WEEK, "zone": "Europe/London"}}
    assert not judged(in_london, late, early).passed


def test_a_day_of_steps_is_its_own_date_wherever_it_was():
    rule = asked("steps", ">=", 8000, aggregate="per_day", days=3)
    travelled = [steps(1, 9000), steps(2, 9000, 5 * 3600, -4 * HOUR_MS), steps(3, 9000)]
    days = judged(rule, *travelled).metadata["conditions"][0]["days"]["first"]
    assert [day for day, _ in days] == ["2026-11-03", "2026-11-04", "2026-11-05"]


def test_a_streak_is_days_in_a_row_over_a_change_of_clocks():
    window = {"start": "2026-10-20", "end": "2026-10-30", "zone": "Europe/Berlin"}
    sunday = moment("2026-10-25", "Europe/Berlin")
    records = [
        run(start_ms=at, end_ms=at + HOUR_MS)
        for at in (sunday - 2 * HOUR_MS, sunday + 24 * HOUR_MS + 1, sunday + 26 * HOUR_MS)
    ]
    assert judged(asked("longest_streak", ">=", 3, window=window), *records).passed


@pytest.mark.parametrize(
    ("rule", "moving", "timer", "value"),
    [
        (asked("timer_time", ">=", 1, unit="h"), 40, None, 40),
        (asked("timer_time", "<=", 1, unit="h"), 40, None, 60),
        (asked("timer_time", "<=", 1, unit="h"), 40, 50, 50),
        (asked("moving_time", ">=", 1, unit="h"), None, 50, None),
        (asked("moving_time", "<=", 1, unit="h"), None, 50, 50),
        (asked("elapsed_time", ">=", 1, unit="h"), 40, 50, 60),
        (asked("average_pace", "<=", 6, unit="min/km", time="moving"), 40, 50, 4),
        (asked("average_pace", "<=", 6, unit="min/km"), 40, None, 6),
        (asked("average_pace", ">=", 6, unit="min/km"), 40, None, 4),
        (asked("average_pace", "<=", 6, unit="min/km", time="elapsed"), 40, 50, 6),
    ],
)
def test_a_missing_time_is_never_replaced_by_one_that_helps(rule, moving, timer, value):
    times = {
        "moving_ms": None if moving is None else moving * MINUTE_MS,
        "timer_ms": None if timer is None else timer * MINUTE_MS,
    }
    verdict = judged(rule, run(**times))
    (condition,) = verdict.metadata["conditions"]
    assert condition["value"] == (value or 0) * MINUTE_MS
    assert ("metric_missing" in codes(verdict)) is (value is None)


def test_a_minimum_is_met_exactly_at_its_value():
    rule = asked("activities", ">=", 1, min_per_activity={"metric": "steps", "value": 6000})
    assert judged(rule, run(steps=6000)).passed
    assert not judged(rule, run(steps=5999)).passed
    assert not judged(rule, run(steps=None)).passed


# --- combining, score, breakdown


@pytest.mark.parametrize(
    ("part", "met"),
    [
        ({"all": [TEN, RIDE]}, True),
        ({"all": [TEN, RIDE, SWIM]}, False),
        ({"any": [SWIM, RIDE]}, True),
        ({"any": [SWIM]}, False),
        ({"at_least": {"n": 2, "of": [TEN, SWIM, RIDE]}}, True),
        ({"at_least": {"n": 3, "of": [TEN, SWIM, RIDE]}}, False),
        ({"all": [TEN, {"any": [SWIM, {"all": [RIDE]}]}]}, True),
    ],
)
def test_parts_combine(part, met):
    records = run(), run(1, sport="ride", km=30)
    verdict = judged({"version": 1, "window": WEEK, **part}, *records)
    assert verdict.passed is met
    assert codes(verdict)[:1] == ([] if met else ["nothing_counts"])
    assert verdict.metadata["groups"][0]["met"] is met


def test_a_record_that_one_part_counts_is_not_ignored():
    rule = {"version": 1, "window": WEEK, "all": [TEN, RIDE]}
    verdict = judged(rule, run(), run(1, sport="yoga"))
    assert verdict.metadata["counted"]["count"] == 1
    assert [row["codes"] for row in verdict.metadata["ignored"]["first"]] == [["sport_not_asked"]]


@pytest.mark.parametrize(
    ("score", "value"),
    [
        ({"metric": "distance", "order": "desc"}, 17_000_000),
        ({"metric": "distance", "aggregate": "best", "order": "desc"}, 12_000_000),
        ({"metric": "average_pace", "aggregate": "best", "order": "asc"}, 300_000),
        ({"metric": "active_days", "order": "desc"}, 2),
        ({"metric": "steps", "order": "desc"}, None),
    ],
)
def test_a_score_is_an_integer_of_all_that_counts(score, value):
    records = run(0, 7, 60, km=12), run(2, 7, 30, km=5), run(3, manual=True)
    assert judged(distance(100, score=score), *records).score == value


def test_a_rule_with_mistakes_fails_and_names_them():
    verdict = judged(distance("far"), run())
    assert codes(verdict) == ["rule_invalid"]
    assert verdict.metadata["mistakes"][0]["pointer"] == "/target"


def test_metadata_are_bounded_whatever_is_submitted():
    records = [run(0, 0, 1, start_ms=MONDAY_MS + n * 1000, km=0) for n in range(3000)]
    verdict = judged(distance(1), *records)
    assert verdict.metadata["ignored"]["count"] > 2000
    assert len(verdict.metadata["ignored"]["first"]) == METADATA_ITEMS_MAX
    assert len(verdict.reasons) < 10


def test_reasons_are_public_so_they_hold_nothing_measured():
    verdict = judged(distance(50), run(km=8, provider_id="strava:987654"), run(1, minutes=9))
    text = json.dumps([reason.sentence for reason in verdict.reasons])
    assert codes(verdict) == ["target_not_met", "too_fast_60s", "faster_than_record"]
    assert "987654" not in text and "8" not in text and "2026" not in text
    assert "Distance: at least 50 km in total: not reached." in text
