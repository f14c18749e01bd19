"""Rates: who keeps to his is let in, who does not is told how long to wait, others go on."""

from __future__ import annotations

import pytest

from agon.kernel.database import ANONYMOUS, Actor
from agon.kernel.errors import retry_after_s
from agon.web import limits
from agon.web.callers import Caller
from agon.web.limits import BURST_S, COUNTED_MAX, Limits

PER_S = 8


def caller(user: str | None = None, key: str | None = None, role: str = "authenticated") -> Caller:
    actor = Actor(role=role) if user or role == "service_role" else ANONYMOUS
    return Caller(actor=actor, claims_json=b"{}", user=user, key=key, until_s=0)


def of(**rates: int) -> Limits:
    return Limits(**{"user_per_s": 0, "key_per_s": 0, "address_per_s": 0, **rates})


def admitted(counter: Limits, who: Caller, address: str = "1.2.3.4", now_s: float = 100.0) -> int:
    """How many requests are let in at once."""
    count = 0
    while counter.wait_s(who, address, now_s) == 0:
        count += 1
        assert count < 10_000
    return count


@pytest.mark.parametrize(
    ("rates", "who"),
    [
        ({"user_per_s": PER_S}, caller(user="ada")),
        ({"key_per_s": PER_S}, caller(key="service_role by key", role="service_role")),
        ({"address_per_s": PER_S}, caller()),
        ({"address_per_s": PER_S}, caller(key="anon by key")),
    ],
)
def test_a_burst_is_let_in_and_then_the_rate(rates, who):
    counter = of(**rates)
    assert admitted(counter, who) == PER_S * BURST_S
    assert admitted(counter, who, now_s=101.0) == PER_S
    assert admitted(counter, who, now_s=1000.0) == PER_S * BURST_S


def test_the_wait_ends_when_it_says():
    counter, who = of(user_per_s=PER_S), caller(user="ada")
    admitted(counter, who)
    wait_s = counter.wait_s(who, "", 100.0)
    assert 0 < wait_s <= 1 / PER_S + 1e-9
    assert counter.wait_s(who, "", 100.0 + wait_s / 2) > 0
    assert counter.wait_s(who, "", 100.0 + wait_s + 1e-6) == 0


def test_what_is_refused_does_not_count():
    counter, who = of(user_per_s=PER_S), caller(user="ada")
    admitted(counter, who)
    for _ in range(1000):
        assert counter.wait_s(who, "", 100.0) > 0
    assert admitted(counter, who, now_s=101.0) == PER_S


def test_one_users_haste_is_not_anothers():
    counter = of(user_per_s=PER_S, address_per_s=PER_S)
    admitted(counter, caller(user="ada"))
    assert admitted(counter, caller(user="bob")) == PER_S * BURST_S
    assert admitted(counter, caller()) == PER_S * BURST_S, "who is signed out counts by address"


def test_users_behind_one_address_are_told_apart():
    counter = of(address_per_s=1)
    for name in range(50):
        assert counter.wait_s(caller(user=f"user {name}"), "1.2.3.4", 100.0) == 0


def test_a_key_is_one_for_all_its_users():
    counter = of(key_per_s=PER_S)
    first = admitted(counter, caller(user="ada", key="anon by key"))
    assert first == PER_S * BURST_S
    assert admitted(counter, caller(user="bob", key="anon by key")) == 0


def test_service_role_is_not_counted_by_address():
    assert of(address_per_s=1).wait_s(caller(role="service_role"), "1.2.3.4", 100.0) == 0
    counter = of(address_per_s=1)
    for _ in range(100):
        assert counter.wait_s(caller(role="service_role", key="k"), "1.2.3.4", 100.0) == 0


def test_no_rate_is_no_limit():
    counter = of()
    for who in (caller(), caller(user="ada"), caller(key="k")):
        for _ in range(1000):
            assert counter.wait_s(who, "1.2.3.4", 100.0) == 0


def test_a_network_of_ipv6_is_one_address():
    counter = of(address_per_s=PER_S)
    admitted(counter, caller(), "2001:db8:1:2::1")
    assert admitted(counter, caller(), "2001:db8:1:2:ffff::9") == 0
    assert admitted(counter, caller(), "2001:db8:1:3::1") == PER_S * BURST_S
    admitted(counter, caller(), "::ffff:10.0.0.1")
    assert admitted(counter, caller(), "::ffff:10.0.0.2") == PER_S * BURST_S


def test_memory_is_bounded_and_keeps_the_newest_who_owe():
    counter = of(address_per_s=1)
    for number in range(2 * COUNTED_MAX):
        counter.wait_s(caller(), f"host-{number}", 100.0)
    assert len(counter._addresses._paid_until) <= COUNTED_MAX
    last = f"host-{2 * COUNTED_MAX - 1}"
    assert admitted(counter, caller(), last) == BURST_S - 1


@pytest.mark.parametrize(("wait_s", "header"), [(0.01, "1"), (1.0, "1"), (1.2, "2")])
def test_retry_after_is_whole_seconds_and_never_too_early(wait_s, header):
    refusal = limits.refusal(wait_s)
    assert (refusal.status, str(retry_after_s(refusal))) == (429, header)
