"""Prefer: the first of each kind counts, the unknown is kept, and only what bears is applied."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.kernel.errors import Refused
from agon.rest import preferences
from agon.rest.ask import Action, Preferences

EVERY = (
    "return=representation, count=exact, resolution=merge-duplicates, missing=default, "
    "tx=rollback, handling=strict, max-affected=5, timezone=Europe/Rome"
)
FULL = Preferences(
    returns="representation",
    count="exact",
    resolution="merge-duplicates",
    missing="default",
    tx="rollback",
    handling="strict",
    max_affected=5,
    timezone="Europe/Rome",
)


def test_every_preference_is_read_from_one_header_or_several():
    assert preferences.read([EVERY]) == FULL
    assert preferences.read(EVERY.split(", ")) == FULL
    assert preferences.read([]) == preferences.read([""]) == Preferences()


@pytest.mark.parametrize(
    ("token", "field", "value"),
    [
        ("return=minimal", "returns", "minimal"),
        ("return=headers-only", "returns", "headers-only"),
        ("count=planned", "count", "planned"),
        ("count=estimated", "count", "estimated"),
        ("resolution=ignore-duplicates", "resolution", "ignore-duplicates"),
        ("missing=null", "missing", "null"),
        ("tx=commit", "tx", "commit"),
        ("handling=lenient", "handling", "lenient"),
        ("max-affected=0", "max_affected", 0),
    ],
)
def test_each_word_is_known(token, field, value):
    assert preferences.read([token]) == replace(Preferences(), **{field: value})


def test_the_first_of_a_kind_counts_also_over_headers():
    found = preferences.read(["tx=commit, tx=rollback", "count=exact", "count=planned"])
    assert (found.tx, found.count, found.unknown) == ("commit", "exact", ())
    assert preferences.read(["max-affected=1,max-affected=2"]).max_affected == 1


def test_spaces_around_a_preference_do_not_matter():
    assert preferences.read([" count=exact ,,   tx=commit "]) == Preferences(
        count="exact", tx="commit"
    )


@pytest.mark.parametrize(
    "token",
    [
        *("anything", "count=many", "COUNT=exact", "return", "=", "timezone=", "count = exact"),
        *("max-affected=", "max-affected=-1", "max-affected=x", "max-affected=٣"),
        *("max-affected=" + "9" * 30, "params=single-object"),
    ],
)
def test_what_is_no_preference_is_unknown_and_refused_under_strict_handling(token):
    found = preferences.read([token])
    assert found == Preferences(unknown=(token,))
    preferences.check(found)
    preferences.check(preferences.read(["handling=lenient", token]))
    with pytest.raises(Refused) as caught:
        preferences.check(preferences.read([f"something, handling=strict, {token}"]))
    refusal = caught.value.refusal
    assert (refusal.code, refusal.status) == ("PGRST122", 400)
    assert refusal.message == "Invalid preferences given with handling=strict"
    assert refusal.details == f"Invalid preferences: something, {token}"


def test_strict_handling_passes_what_is_known():
    preferences.check(FULL)


def test_what_the_server_cannot_meet_is_settled():
    zones = frozenset({"Europe/Rome"})
    assert preferences.settle(FULL, time_zones=zones, tx_allowed=True) == FULL
    settled = preferences.settle(FULL, time_zones=frozenset(), tx_allowed=False)
    assert settled == replace(FULL, tx=None, timezone=None, unknown=("timezone=Europe/Rome",))
    silent = Preferences()
    assert preferences.settle(silent, time_zones=zones, tx_allowed=False) is silent


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("read", "count=exact, tx=rollback, handling=strict, timezone=Europe/Rome"),
        (
            "insert",
            "resolution=merge-duplicates, missing=default, return=representation, count=exact, "
            "tx=rollback, handling=strict, timezone=Europe/Rome",
        ),
        (
            "update",
            "missing=default, return=representation, count=exact, tx=rollback, handling=strict, "
            "timezone=Europe/Rome, max-affected=5",
        ),
        (
            "delete",
            "return=representation, count=exact, tx=rollback, handling=strict, "
            "timezone=Europe/Rome, max-affected=5",
        ),
        (
            "put",
            "return=representation, count=exact, tx=rollback, handling=strict, "
            "timezone=Europe/Rome",
        ),
        (
            "call",
            "count=exact, tx=rollback, handling=strict, timezone=Europe/Rome, max-affected=5",
        ),
    ],
)
def test_only_what_bears_on_the_action_is_applied_in_a_fixed_order(action, expected):
    assert preferences.applied(FULL, action) == expected


@pytest.mark.parametrize("action", get_args(Action))
def test_max_affected_holds_only_under_strict_handling(action):
    for handling in (None, "lenient"):
        applied = preferences.applied(replace(FULL, handling=handling), action)
        assert "max-affected" not in applied


@pytest.mark.parametrize("action", get_args(Action))
def test_nothing_asked_nothing_applied(action):
    assert preferences.applied(Preferences(unknown=("x",)), action) is None


@given(st.lists(st.text(max_size=40) | st.sampled_from(EVERY.split(", ")), max_size=5))
def test_any_header_is_read(values):
    found = preferences.read(values)
    assert all(found.unknown)
    known = [token for token in EVERY.split(", ") if token in values]
    assert not set(found.unknown) & set(known)
