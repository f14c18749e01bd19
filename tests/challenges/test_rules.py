"""The rule language: what is accepted, and what is refused where."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.challenges import rules
from agon.challenges.quantities import QUANTITIES
from agon.challenges.records import SPORTS
from agon.challenges.rule_building import CONDITION_KEYS, SETTINGS
from agon.challenges.rule_syntax import MISTAKES_MAX, RULE_BYTES_MAX, schema
from agon.challenges.rule_tree import conditions
from agon.kernel.errors import Refused

WEEK = {"start": "2026-11-02", "end": "2026-11-09", "zone": "Europe/Berlin"}
RUN = {"metric": "distance", "unit": "km", "compare": ">=", "target": "42.195"}


def rule(**parts):
    return {"version": 1, "window": WEEK, **parts}


def without(key, part):
    return {name: value for name, value in part.items() if name != key}


def nested(depth):
    part = RUN
    for _ in range(depth - 1):
        part = {"all": [part]}
    return rule(**part)


def places(wrong, judge=None):
    return [mistake.pointer for mistake in rules.check(wrong, judge)]


def test_a_plain_rule_is_read():
    tree = rules.parse(rule(**RUN, sports=["run"]), "fitness")
    (condition,) = conditions(tree.demand)
    assert condition.target == Fraction(42_195_000)
    assert condition.asked == "Distance: at least 42.195 km in total"
    assert condition.sports == {"run"}
    assert not condition.scope.manual
    assert tree.score is None


def test_parts_inherit_and_override():
    tree = rules.parse(
        rule(
            sports=["run"],
            trust=3,
            manual="allow",
            all=[RUN, {**RUN, "sports": ["ride"], "trust": 1, "window": {**WEEK, "zone": "UTC"}}],
        )
    )
    first, second = conditions(tree.demand)
    assert (first.sports, first.scope.trust, first.scope.manual) == ({"run"}, 3, True)
    assert (second.sports, second.scope.trust, second.scope.manual) == ({"ride"}, 1, True)
    assert (first.scope.window.zone, second.scope.window.zone) == ("Europe/Berlin", "UTC")


@pytest.mark.parametrize(
    ("trust", "flags", "allowed"),
    [(1, None, True), (2, None, True), (3, None, False), (4, None, False), (4, "allow", True)],
)
def test_a_trust_level_decides_on_flags_unless_the_rule_says(trust, flags, allowed):
    said = {} if flags is None else {"flags": flags}
    assert rules.parse(rule(**RUN, trust=trust, **said)).scope.flags is allowed


def test_steps_are_those_of_days_unless_sports_are_named():
    steps = {"metric": "steps", "compare": ">=", "target": 8000}
    assert rules.parse(rule(**steps)).demand.sports == {"daily"}
    assert rules.parse(rule(**steps, sports=["walk"])).demand.sports == {"walk"}
    assert rules.parse(rule(**RUN)).demand.sports == set(SPORTS) - {"daily", "other"}


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ([], ""),
        ({}, ""),
        (without("version", rule(**RUN)), ""),
        (rule(**RUN, version=2), "/version"),
        (rule(**RUN, version=True), "/version"),
        (rule(**RUN, sport=["run"]), "/sport"),
        (rule(all=[{**RUN, "version": 1}]), "/all/0/version"),
        (rule(all=[{**RUN, "score": {"metric": "distance", "order": "desc"}}]), "/all/0/score"),
        (rule(**{**RUN, "target": 42.195}), "/target"),
        (rule(**{**RUN, "target": 42.0}), "/target"),
        (rule(**{**RUN, "target": True}), "/target"),
        (rule(**{**RUN, "target": "42.195\n"}), "/target"),
        (rule(**{**RUN, "target": "-1"}), "/target"),
        (rule(**{**RUN, "target": -1}), "/target"),
        (rule(**{**RUN, "target": "5:30"}), "/target"),
        (rule(**{**RUN, "target": 2**60}), "/target"),
        (rule(**without("target", RUN)), ""),
        (rule(**without("compare", RUN)), ""),
        (rule(**without("unit", RUN)), ""),
        (rule(**{**RUN, "unit": "kg"}), "/unit"),
        (rule(**{**RUN, "unit": ""}), "/unit"),
        (rule(metric="wins", compare=">=", target=1, unit="x"), "/unit"),
        (rule(**{**RUN, "metric": "distanc"}), "/metric"),
        (rule(**{**RUN, "compare": "=>"}), "/compare"),
        (rule(**RUN, aggregate="mean"), "/aggregate"),
        (rule(metric="active_days", compare=">=", target=3, aggregate="best"), "/aggregate"),
        (rule(**{**RUN, "compare": "=="}, aggregate="best"), "/compare"),
        (rule(**RUN, aggregate="count"), ""),
        (rule(**RUN, times=3), "/times"),
        (rule(**RUN, days=3), "/days"),
        (rule(**RUN, aggregate="per_day", days=8), "/days"),
        (rule(**RUN, aggregate="per_day", days=0), "/days"),
        (rule(**RUN, aggregate="per_day", window={"zone": "UTC"}), ""),
        (rule(**RUN, time="timer"), "/time"),
        (rule(**RUN, window={"start": "2026-11-02", "end": "2026-11-09"}), "/window"),
        (rule(**RUN, window=without("end", WEEK)), "/window"),
        (rule(**RUN, window={**WEEK, "zone": "Europe/Atlantis"}), "/window/zone"),
        (rule(**RUN, window={**WEEK, "zone": "../zones"}), "/window/zone"),
        (rule(**RUN, window={**WEEK, "end": "2026-11-02"}), "/window/end"),
        (rule(**RUN, window={**WEEK, "end": "2026-02-30"}), "/window/end"),
        (rule(**RUN, window={**WEEK, "end": "2046-11-02"}), "/window/end"),
        (rule(**RUN, window={**WEEK, "start": "1999-12-31"}), "/window/start"),
        (rule(**RUN, window={**WEEK, "start": "2026-11-02T25:00:00Z"}), "/window/start"),
        (rule(**RUN, window={**WEEK, "start": "2026-11-02T10:00:00"}), "/window/start"),
        (rule(all=[{**RUN, "window": {"zone": "UTC"}}]), "/all/0/window"),
        (rule(**RUN, sports=["runn"]), "/sports/0"),
        (rule(**RUN, sports=[]), "/sports"),
        (rule(**RUN, sports=["run", "daily"]), "/sports"),
        (rule(**RUN, sports=["ride"], other_as="run"), "/other_as"),
        (rule(metric="timer_time", unit="h", compare=">=", target=1, sports=["daily"]), "/metric"),
        (rule(**RUN, min_per_activity={"metric": "distance", "value": 1}), "/min_per_activity"),
        (
            rule(**RUN, min_per_activity={"metric": "steps", "unit": "km", "value": 1}),
            "/min_per_activity/unit",
        ),
        (rule(**RUN, manual="yes"), "/manual"),
        (rule(**RUN, trust=5), "/trust"),
        (rule(**RUN, roles=["mid"]), "/roles"),
        (rule(metric="wins", compare=">=", target=1, sports=["run"]), "/sports"),
        (rule(all=[RUN, {"metric": "wins", "compare": ">=", "target": 1}]), "/all/1/metric"),
        (rule(**RUN, score={"metric": "wins", "order": "desc"}), "/score/metric"),
        (rule(**RUN, score={"metric": "distance"}), "/score"),
        (
            rule(**RUN, score={"metric": "active_days", "aggregate": "best", "order": "desc"}),
            "/score/aggregate",
        ),
        (rule(**RUN, all=[RUN]), ""),
        (rule(unit="km"), "/unit"),
        (rule(all=[{}]), "/all/0"),
        (rule(all=[]), "/all"),
        (rule(at_least={"n": 3, "of": [RUN, RUN]}), "/at_least/n"),
        (rule(at_least={"n": 1}), "/at_least"),
        (rule(any=[{"all": [{**RUN, "target": "x"}]}]), "/any/0/all/0/target"),
        (nested(9), "/all" + "/0/all" * 7 + "/0"),
        (rule(any=[RUN] * 64), "/any/63"),
        (rule(**RUN, roles=["\ud800"]), "/roles/0"),
        ({"~/": 1.5}, "/~0~1"),
    ],
)
def test_a_mistake_names_its_place(wrong, place):
    assert place in places(wrong)
    with pytest.raises(Refused) as refused:
        rules.parse(wrong)
    assert refused.value.refusal.code == "invalid_rule"


@pytest.mark.parametrize("right", [nested(8), rule(any=[RUN] * 63), rule(), rule(**RUN, days=None)])
def test_what_is_just_inside_the_limits_is_accepted(right):
    right = without("days", right)
    assert rules.check(right) == ()


def test_a_misspelt_key_is_answered_with_the_right_one():
    (mistake,) = rules.check(rule(**RUN, sport=["run"]))
    assert mistake.sentence == 'Unknown key "sport". Did you mean "sports"?'


def test_a_rule_that_is_too_large_or_too_deep_is_refused_not_read():
    large = rule(**RUN, roles=["x" * (RULE_BYTES_MAX + 1)])
    assert "bytes" in rules.check(large)[0].sentence
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    assert rules.check(rule(**RUN, roles=deep))[0].sentence == "This is nested too deep."


def test_an_answer_lists_a_bounded_number_of_mistakes():
    assert len(rules.check(rule(all=[{**RUN, "unit": "kg"} for _ in range(60)]))) == MISTAKES_MAX
    assert len(rules.check({str(n): 0.5 for n in range(100)})) == MISTAKES_MAX


def test_each_judge_reads_its_own_family():
    games = rule(metric="wins", compare=">=", target=1)
    assert rules.check(games, "gaming") == rules.check(rule(**RUN), "fitness") == ()
    assert places(games, "fitness") == ["/metric"]
    assert places(rule(**RUN), "gaming") == ["/metric"]
    assert places(rule(), "fitness") == places(rule(), "gaming") == [""]
    assert rules.check(rule(), "passthrough") == ()
    assert rules.check({"anything": 1}, "passthrough") == ()
    assert places({"version": 1, "anything": 1}, "passthrough") == ["/anything"]


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["version", "all", "metric", "target", "window", "x"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_check_answers_whatever_it_is_given(anything):
    tree, mistakes = rules.read(anything)
    assert (tree is None) == bool(mistakes)


def test_the_rule_stands_in_proof_and_else_in_params():
    first, second, third = {"a": 1}, {"b": 1}, {"c": 1}
    proof = {"params": {"rule": first}}
    assert rules.rule_of({"proof": proof, "params": {"rule": second}}) == first
    assert rules.rule_of({"proof": {}, "params": {"rule": second}}) == second
    assert rules.rule_of({"proof": {"params": []}, "params": third}) == third


@pytest.mark.parametrize("challenge", [{}, {"proof": None, "params": {}}, {"params": "rule"}])
def test_a_challenge_without_a_rule_is_refused(challenge):
    with pytest.raises(Refused) as refused:
        rules.rule_of(challenge)
    assert refused.value.refusal.code == "rule_missing"


def test_the_timeline_is_the_window_of_a_rule_that_has_none():
    filled = rules.with_timeline({"version": 1}, 1_793_577_600, 1_793_664_000)
    assert filled["window"] == {
        "start": "2026-11-02T00:00:00Z",
        "end": "2026-11-03T00:00:00Z",
        "zone": "UTC",
    }
    zoned = rules.with_timeline({"window": {"zone": "Asia/Tokyo"}}, 1_793_577_600, 1_793_664_000)
    assert (zoned["window"]["zone"], zoned["window"]["start"]) == (
        "Asia/Tokyo",
        "2026-11-02T00:00:00Z",
    )
    assert rules.check(filled) == ()


def test_a_rules_own_window_stands():
    assert rules.with_timeline(rule(), 1_793_577_600, 1_793_664_000) == rule()
    assert rules.with_timeline({"version": 1}, None, None) == {"version": 1}


@pytest.mark.parametrize(("start", "end"), [(10, 20), (1_793_664_000, 1_793_577_600), (0, 10**15)])
def test_a_timeline_that_is_no_span_is_refused(start, end):
    with pytest.raises(Refused) as refused:
        rules.with_timeline({"version": 1}, start, end)
    assert refused.value.refusal.code == "timeline_invalid"


def test_the_schema_and_the_code_know_the_same_names():
    parts = schema()["$defs"]
    assert parts["metric"]["enum"] == list(QUANTITIES)
    assert parts["sport"]["enum"] == list(SPORTS)
    known = {"metric", "all", "any", "at_least", *SETTINGS, *CONDITION_KEYS}
    assert set(parts["part"]["properties"]) == known
