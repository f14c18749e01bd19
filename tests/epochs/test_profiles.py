"""Profiles: what an epoch can be played by, and what it cannot."""

import copy
import json

import jsonschema
import pytest

from agon.epochs import profiles
from agon.kernel.errors import Refused


def changed(*path, value):
    """The daily profile with a value in another place; None takes the key away."""
    config = profiles.daily()
    place = config
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return config


def test_the_schema_is_one_and_the_daily_profile_keeps_to_it():
    jsonschema.Draft202012Validator.check_schema(profiles.schema())
    profiles.check(profiles.daily())


def test_every_key_is_described():
    def undescribed(part, at):
        for name, each in part.get("properties", {}).items():
            if not {"description", "$ref", "properties"} & set(each) and name != "slot_types":
                yield f"{at}/{name}"
            yield from undescribed(each, f"{at}/{name}")

    known = {"/votes", "/slots", "/cooldown_ms"}
    assert set(undescribed(profiles.schema(), "")) <= known


def test_what_is_left_out_has_its_default():
    config = changed("return_ms", value=None)
    del config["votes"]["shrinkage"], config["caps"]["owner_bps"]
    profiles.check(config)
    assert profiles.return_ms(config) == profiles.schema()["properties"]["return_ms"]["default"]
    votes = profiles.schema()["properties"]["votes"]["properties"]
    assert profiles.shrinkage_votes(config) == votes["shrinkage"]["default"]


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("zone",), "Mars/Olympus", "/zone"),
        (("zone",), None, "/: 'zone'"),
        (("day_starts",), "24:00", "/day_starts"),
        (("phases_s", "live"), 80_000, "/phases_s"),
        (("phases_s", "live"), 0, "/phases_s/live"),
        (("slots", 3, "index"), 2, "/slots: Two slots"),
        (("slots", 3, "type"), "kazoo", "/slots/3/type"),
        (("slots",), [], "/slots"),
        (("slot_types", "bass", "code_bytes_max"), 0, "/slot_types/bass/code_bytes_max"),
        (("slot_types", "bass", "characters"), "a\0b", "/slot_types/bass/characters"),
        (("cooldown_ms", "bot"), -1, "/cooldown_ms/bot"),
        (("minimum_hold_ms",), "60000", "/minimum_hold_ms"),
        (("votes", "kinds"), {}, "/votes/kinds"),
        (("votes", "kinds", "weather"), {"weight_bps": 1}, "/votes/kinds"),
        (("scoring", "votes_bps"), 1999, "/scoring"),
        (("pool_wei",), str(2**256), "/pool_wei"),
        (("pool_wei",), "1e18", "/pool_wei"),
        (("pool_wei",), 10**18, "an integer beyond 53 bits"),
        (("caps", "owner_bps"), 1999, "/caps/owner_bps"),
        (("recipient_moment",), "whenever", "/recipient_moment"),
        (("version",), 1.0, "a float"),
        (("secret",), "x", "/: Additional properties"),
    ],
)
def test_a_malformed_profile_is_refused_with_its_place(path, value, place):
    with pytest.raises(Refused) as refused:
        profiles.check(changed(*path, value=value))
    assert refused.value.refusal.code == "profile_malformed"
    assert place in refused.value.refusal.details


@pytest.mark.parametrize("config", [None, [], "daily", 1, {}])
def test_what_is_no_profile_at_all_is_refused(config):
    with pytest.raises(Refused, match="profile_malformed"):
        profiles.check(config)


def test_a_profile_that_is_too_large_is_refused():
    config = profiles.daily()
    config["slot_types"] = {f"t{n}": {"code_bytes_max": 1, "characters": "a" * 10_000}
                            for n in range(30)}  # fmt: skip
    with pytest.raises(Refused, match="profile_malformed"):
        profiles.check(config)


def test_checking_changes_nothing():
    config = profiles.daily()
    before = json.dumps(copy.deepcopy(config))
    profiles.check(config)
    assert json.dumps(config) == before
