"""Formats: each mistake comes back with its place."""

import json

import jsonschema
import pytest

from agon.kernel.errors import Refused
from agon.leagues.brackets import format
from tests.leagues.playouts import FORMATS, GROUPS, SWISS, start


def mistakes(config):
    with pytest.raises(Refused) as refused:
        format.check(config)
    assert refused.value.refusal.code == "format_malformed"
    return refused.value.refusal.details.splitlines()


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(format.schema())


@pytest.mark.parametrize("config", FORMATS, ids=lambda config: config["kind"])
def test_formats_are_read_with_their_defaults(config):
    form = format.read(json.loads(json.dumps(config)))
    assert form.kind == config["kind"]
    if form.table:
        assert (form.table.points, form.table.draws) == ((3, 1, 0), True)
        assert form.table.tie_breakers[0] in ("head_to_head_points", "buchholz_cut_1")
    if form.elimination:
        assert (form.elimination.reset, form.elimination.routing) == (True, "cycle")
    assert (form.groups or {}).get("distribution") in (None, "snake")


@pytest.mark.parametrize(("config", "places"), [
    (None, ["/"]),
    ({}, ["/", "/"]),
    ({"version": 1, "kind": "ladder"}, ["/kind"]),
    ({"version": 2, "kind": "swiss"}, ["/version"]),
    ({"version": 1, "kind": "swiss"}, ["/rounds"]),
    ({"version": 1, "kind": "groups"}, ["/groups"]),
    ({"version": 1, "kind": "round_robin", "third_place": True, "rounds": 2},
     ["/rounds", "/third_place"]),
    ({"version": 1, "kind": "single_elimination", "draws": True}, ["/draws"]),
    ({"version": 1, "kind": "single_elimination", "best_of": {"default": 2}},
     ["/best_of/default"]),
    ({"version": 1, "kind": "double_elimination", "best_of": {"by_round": {"w.-1": 4}}},
     ["/best_of/by_round/w.-1"]),
    ({"version": 1, "kind": "double_elimination", "best_of": {"by_round": {"x.1": 3}}},
     ["/best_of/by_round"]),
    ({**SWISS, "draws": False, "best_of": {"default": 2}}, ["/best_of/default"]),
    ({**SWISS, "points": {"win": 3, "draw": 1}}, ["/points"]),
    ({"version": 1, "kind": "round_robin", "tie_breakers": ["wins", "buchholz"]},
     ["/tie_breakers/1"]),
    ({**GROUPS, "groups": {**GROUPS["groups"], "advance": 5}}, ["/groups/advance"]),
    ({**GROUPS, "groups": {**GROUPS["groups"], "count": 2}}, ["/groups"]),
    ({**GROUPS, "groups": {"count": 2, "advance": 1, "playoffs": {"kind": "swiss"}}},
     ["/groups/playoffs/kind"]),
    ({**GROUPS, "groups": {"count": 2, "advance": 1, "playoffs": {
        "kind": "double_elimination", "third_place": True, "best_of": {"default": 2}}}},
     ["/groups/playoffs/third_place", "/groups/playoffs/best_of/default"]),
])  # fmt: skip
def test_each_mistake_comes_with_its_place(config, places):
    assert [each.split(":")[0] for each in mistakes(config)] == places


def test_what_canonical_json_cannot_hold_is_a_mistake():
    assert "float" in mistakes({"version": 1, "kind": "swiss", "rounds": 5.0})[0]


def test_a_best_of_two_is_fine_where_draws_are():
    config = {**SWISS, "best_of": {"default": 2}}
    bracket = start(config, 2)
    bracket.report({"match": "s.1.1", "scores": [[1, 0], [0, 1]]})
    assert bracket.match("s.1.1").result.score == (1, 1)
