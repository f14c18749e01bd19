"""What all judges have in common: passthrough, and results that anyone recomputes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges import judges
from agon.challenges.judges import passthrough
from agon.challenges.judges.verdict import SENTENCES
from agon.kernel.results import canonical
from tests.challenges.week import (
    MINUTE_MS,
    RIDE,
    SWIM,
    TEN,
    WEEK,
    asked,
    codes,
    distance,
    judged,
    run,
)


def test_passthrough_passes_with_anything_that_counts():
    assert passthrough.judge({"version": 1}, [run()]).passed
    assert passthrough.judge({"other": "model"}, [run()]).passed
    assert codes(passthrough.judge({}, [])) == ["no_evidence"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"version": 1, "trust": 4}, "trust_too_low"),
        ({"version": 1, "window": {**WEEK, "start": "2026-11-04"}}, "outside_window"),
        ({"foreign": True}, "manual_entry"),
    ],
)
def test_passthrough_respects_trust_window_and_manual(rule, code):
    entry = run(manual=code == "manual_entry")
    assert codes(passthrough.judge(rule, [entry])) == ["nothing_counts", code]


def test_passthrough_fails_by_a_rule_with_mistakes():
    assert codes(passthrough.judge({"version": 1, "trust": 9}, [run()])) == ["rule_invalid"]


records_strategy = st.lists(
    st.builds(
        run,
        day=st.integers(-2, 8),
        hour=st.integers(0, 23),
        minutes=st.integers(0, 300),
        km=st.integers(0, 60),
        sport=st.sampled_from(["run", "ride", "other", "yoga"]),
        manual=st.booleans(),
        indoor=st.booleans(),
        trust=st.integers(1, 4),
        timer_ms=st.none() | st.integers(0, 300 * MINUTE_MS),
        steps=st.none() | st.integers(0, 99_999),
        track=st.just([[0, 1, 2]]),
    ),
    max_size=8,
)
conditions_strategy = st.sampled_from(
    [
        distance(),
        distance(3, aggregate="per_day"),
        asked("longest_streak", ">=", 2, manual="allow", trainer="allow"),
        asked("average_pace", "<=", "6:30", unit="min/km", aggregate="count", times=2),
        asked("average_speed", "<", 30, unit="km/h", other_as="ride"),
        {"version": 1, "window": WEEK, "any": [TEN, {"all": [RIDE, SWIM]}], "trust": 3},
        distance(score={"metric": "timer_time", "order": "asc"}),
    ]
)


@settings(max_examples=100, deadline=None)
@given(conditions_strategy, records_strategy, st.randoms(use_true_random=False))
def test_same_evidence_same_bytes_in_any_order_and_without_tracks(rule, records, random):
    inputs = {"judge": "fitness", "records": records, "enrolled_ms": None}
    output = canonical(judges.recompute(inputs, rule))
    bare = [{k: v for k, v in r.items() if k != "track"} for r in records]
    random.shuffle(bare)
    assert canonical(judges.recompute({**inputs, "records": bare}, rule)) == output
    verdict = json.loads(output)
    assert bool(verdict["reasons"]) is not verdict["pass"]
    assert {reason["code"] for reason in verdict["reasons"]} <= set(SENTENCES)
    counted, ignored = (verdict["metadata"][key]["count"] for key in ("counted", "ignored"))
    assert counted + ignored == len(records)


@settings(max_examples=60, deadline=None)
@given(records_strategy, st.builds(run, day=st.integers(9, 12)))
def test_a_further_record_outside_the_window_changes_no_verdict(records, later):
    rule = distance(15)
    with_it, without = judged(rule, *records, later), judged(rule, *records)
    assert with_it.passed is without.passed
    assert with_it.metadata["conditions"] == without.metadata["conditions"]
