"""Templates: each of them works, and is filled without harm."""

import json
from importlib.resources import files

import pytest

from agon.challenges import judges, rules, windows
from agon.challenges.records import activity, game
from agon.kernel.errors import Refused

_SQL = files("agon.challenges").joinpath("migrations/0005_templates.sql").read_text("utf-8")
SEEDED = json.loads(_SQL.split("$templates$")[1])

KINDS = (
    "walking", "running", "cycling", "hiking", "swimming", "strength", "yoga", "hiit", "rowing",
    "calories", "exercise", "dota", "lol", "cs",
)  # fmt: skip
DAY_MS = 86_400_000


def evidence_for(template):
    """Records that meet the template's defaults, and more."""
    start = windows.moment("2026-11-02", "UTC")
    sport = {
        "cycling": "ride", "hiking": "hike", "swimming": "swim", "strength": "strength",
        "yoga": "yoga", "hiit": "hiit", "rowing": "row",
    }.get(template["kind"], "run")  # fmt: skip
    if template["model_id"] == "agon.gaming@1":
        title = {"dota": "dota2"}.get(template["kind"], template["kind"])
        return [
            game(
                format="manual", title=title, match_id=str(day), player_id="42", won=True,
                ranked=True, trust=4, start_ms=start + day * DAY_MS, manual=title == "cs",
                end_ms=start + day * DAY_MS + 2_400_000, kills=20, deaths=2, assists=9,
            )
            for day in range(7)
        ]  # fmt: skip
    if template["id"] == "walking_steps":
        return [
            activity(
                format="apple", sport="daily", trust=2, start_ms=start + day * DAY_MS,
                end_ms=start + (day + 1) * DAY_MS, steps=9_000,
            )
            for day in range(7)
        ]  # fmt: skip
    sport = "walk" if template["kind"] == "walking" else sport
    pace = 3 if sport in ("run", "ride") else 1
    length = 3 * 3_600_000
    return [
        activity(
            format="fit", sport=sport, trust=3, start_ms=start + day * DAY_MS,
            end_ms=start + day * DAY_MS + length, timer_ms=length,
            distance_mm=length * pace, ascent_mm=400_000, calories_kcal=900,
        )
        for day in range(10)
    ]  # fmt: skip


@pytest.mark.parametrize("template", SEEDED, ids=lambda row: row["id"])
def test_each_template_works(template):
    values = {field["name"]: field["default"] for field in template["fields_json"]}
    filled = rules.fill(template, values)
    judge = template["model_id"].removeprefix("agon.").split("@")[0]
    assert rules.check(filled, judge) == ()
    assert filled == template["rule_config"], "a default differs from what stands in its place"
    whole = rules.with_timeline(filled, 1_793_577_600, 1_793_577_600 + 14 * 86_400)
    verdict = judges.JUDGES[judge](whole, evidence_for(template))
    assert verdict.passed, verdict.reasons
    assert not judges.JUDGES[judge](whole, []).passed


def test_there_is_a_template_for_each_kind():
    assert {row["kind"] for row in SEEDED} == set(KINDS)
    names = [row["id"] for row in SEEDED]
    assert len(names) == len(set(names))


def test_a_template_is_filled_without_touching_it():
    template = next(row for row in SEEDED if row["id"] == "hiking_day")
    filled = rules.fill(template, {"ascent": "1200.5", "zone": "Europe/Zagreb"})
    assert filled["all"][1]["target"] == "1200.5"
    assert filled["window"]["zone"] == "Europe/Zagreb"
    assert template["rule_config"]["all"][1]["target"] == "800"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"target": 3.5}, "invalid_rule"),
        ({"target": "far"}, "invalid_rule"),
        ({"zone": "Mars"}, "invalid_rule"),
        ({"goal": 1}, "unknown_field"),
    ],
)
def test_a_template_refuses_values_that_make_no_rule(values, code):
    template = next(row for row in SEEDED if row["id"] == "running_distance")
    with pytest.raises(Refused) as refused:
        rules.fill(template, values)
    assert refused.value.refusal.code == code


@pytest.mark.parametrize("pointer", ["", "/all/7/target", "/all/x", "/version/deeper", "/no/at"])
def test_a_template_with_a_broken_pointer_is_refused(pointer):
    template = {
        "fields_json": [{"name": "target", "pointer": pointer, "default": 1}],
        "rule_config": {"version": 1, "all": [{}]},
    }
    with pytest.raises(Refused) as refused:
        rules.fill(template, {})
    assert refused.value.refusal.code == "invalid_template"


@pytest.mark.parametrize("fields", [None, [{}], [{"name": "x", "default": 1}], ["x"]])
def test_a_template_with_malformed_fields_is_refused(fields):
    with pytest.raises(Refused) as refused:
        rules.fill({"fields_json": fields, "rule_config": {"version": 1}}, {})
    assert refused.value.refusal.code == "invalid_template"
