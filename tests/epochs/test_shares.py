"""Shares: whole units that add up, caps that hold."""

from fractions import Fraction
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.epochs import shares

WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)
BPS = st.integers(1, 10_000)


def keys(values):
    return [f"{place:04}" for place in range(len(values))]


def apportioned(weights, units):
    total = sum(weights)
    return shares.apportion([Fraction(each, total) for each in weights], units, keys(weights))


def test_left_over_units_go_to_the_largest_remainders():
    assert apportioned([1, 1, 1], 10) == [4, 3, 3]
    assert apportioned([6, 6, 2], 10) == [4, 4, 2]
    assert apportioned([0, 5], 7) == [0, 7]


def test_ties_go_by_the_key_and_not_by_the_place():
    amounts = [Fraction(1, 3)] * 3
    assert shares.apportion(amounts, 10, ["c", "a", "b"]) == [3, 4, 3]


def test_nothing_is_apportioned_of_nothing():
    assert shares.apportion([Fraction(0)] * 3, 10_000, keys(range(3))) == [0, 0, 0]
    assert shares.apportion([], 10_000, []) == []
    assert apportioned([3, 4], 0) == [0, 0]


@pytest.mark.parametrize(
    ("amounts", "units", "names"),
    [
        ([Fraction(1, 2)], 10, ["a"]),
        ([Fraction(-1), Fraction(2)], 10, ["a", "b"]),
        ([Fraction(1, 2)] * 2, 10, ["a", "a"]),
        ([Fraction(1)], -1, ["a"]),
    ],
)
def test_what_is_no_whole_is_not_apportioned(amounts, units, names):
    with pytest.raises(ValueError, match="whole"):
        shares.apportion(amounts, units, names)


@settings(deadline=None)
@given(WEIGHTS.filter(any), st.one_of(st.just(10_000), st.integers(0, 2**256)))
def test_units_add_up_and_each_is_within_one_of_its_part(weights, units):
    given_units = apportioned(weights, units)
    assert sum(given_units) == units
    total = sum(weights)
    for weight, each in zip(weights, given_units, strict=True):
        assert weight * units // total <= each <= weight * units // total + 1
    ranked = sorted(zip(weights, given_units, strict=True))
    assert all(
        less[1] <= more[1] for less, more in pairwise(ranked)
        if less[0] < more[0]
    )  # fmt: skip


def test_the_order_of_input_changes_nothing():
    weights = dict(zip("abcde", (5, 5, 3, 3, 1), strict=True))
    found = set()
    for names in permutations(weights):
        parts = [Fraction(weights[name], 17) for name in names]
        units = shares.apportion(parts, 10, names)
        found.add(tuple(sorted(zip(names, units, strict=True))))
    assert len(found) == 1


def test_a_part_in_which_nobody_has_anything_is_left_out():
    weights = shares.weigh([(5_000, [3, 1]), (3_000, [0, 0]), (2_000, [1, 1])])
    assert [Fraction(each, weights.whole) for each in weights.by_bot] == [
        Fraction(5, 10) * Fraction(3, 4) + Fraction(2, 10) * Fraction(1, 2),
        Fraction(5, 10) * Fraction(1, 4) + Fraction(2, 10) * Fraction(1, 2),
    ]


def test_nobody_has_weight_where_nobody_contributed():
    assert shares.weigh([(10_000, [0, 0])]).by_bot == [0, 0]
    assert shares.weigh([(0, [7, 0]), (10_000, [0, 0])]).by_bot == [0, 0]


@settings(deadline=None)
@given(st.lists(st.tuples(BPS, st.lists(st.integers(0, 10**12), min_size=4, max_size=4)),
                min_size=1, max_size=4))  # fmt: skip
def test_weights_are_exact(parts):
    weights = shares.weigh(parts)
    for bot in range(4):
        exact = sum(Fraction(bps * own[bot], 10_000 * sum(own)) for bps, own in parts if any(own))
        assert Fraction(weights.by_bot[bot], weights.whole) == exact


def cap(weights, owners=None, bot_bps=10_000, owner_bps=10_000):
    return shares.cap(weights, owners or keys(weights), bot_bps, owner_bps)


def test_what_a_cap_cuts_off_goes_to_the_others_in_proportion():
    # 60 % is cut to 40 %; the rest keep 3 : 1.
    assert cap([60, 30, 10], bot_bps=4_500).by_bot == [
        Fraction(45, 100), Fraction(55, 100) * Fraction(3, 4), Fraction(55, 100) * Fraction(1, 4)
    ]  # fmt: skip


def test_water_filling_caps_whom_the_overflow_lifts_over_the_cap():
    found = cap([50, 30, 10, 10], bot_bps=3_500).by_bot
    assert found == [Fraction(35, 100), Fraction(35, 100), Fraction(15, 100), Fraction(15, 100)]


def test_an_owner_with_many_bots_is_capped_as_one():
    found = cap([30, 30, 20, 20], owners=["a", "a", "b", "c"], owner_bps=4_000).by_bot
    assert found == [Fraction(2, 10), Fraction(2, 10), Fraction(3, 10), Fraction(3, 10)]


def test_caps_that_leave_a_part_to_nobody_are_raised_alike():
    assert cap([99, 1], bot_bps=3_000) == shares.Amounts(by_bot=[Fraction(1, 2)] * 2, raised=True)
    lone = cap([0, 7, 0], bot_bps=1)
    assert (lone.by_bot, lone.raised) == ([0, 1, 0], True)
    # Caps that add up to just the whole are held, with the same result.
    assert cap([99, 1], bot_bps=5_000) == shares.Amounts(by_bot=[Fraction(1, 2)] * 2, raised=False)
    owned = cap([5, 5, 1], owners=["a", "a", "b"], bot_bps=4_000, owner_bps=4_000)
    assert owned == shares.Amounts(
        by_bot=[Fraction(1, 4), Fraction(1, 4), Fraction(1, 2)], raised=True
    )


def test_nothing_is_capped_where_nobody_has_weight():
    assert cap([0, 0], bot_bps=10).by_bot == [0, 0]
    assert cap([]).by_bot == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 5)), min_size=1, max_size=20),
       BPS, BPS)  # fmt: skip
def test_caps_hold_and_the_pool_is_shared_out(rows, bot_bps, owner_bps):
    weights, owners = [weight for weight, _ in rows], [owner for _, owner in rows]
    found = shares.cap(weights, owners, bot_bps, owner_bps)
    assert sum(found.by_bot) == (1 if any(weights) else 0)
    assert all(
        bool(part) == bool(weight) for part, weight in zip(found.by_bot, weights, strict=True)
    )
    if found.raised or not any(weights):
        return
    by_owner = {
        owner: sum(part for part, one in zip(found.by_bot, owners, strict=True) if one == owner)
        for owner in owners
    }
    assert max(found.by_bot) <= Fraction(bot_bps, 10_000)
    assert max(by_owner.values()) <= Fraction(owner_bps, 10_000)
    # Who is below both caps has as much per weight as anybody, and no more than others below them.
    free = {
        part / weight
        for part, weight, owner in zip(found.by_bot, weights, owners, strict=True)
        if weight
        and part < Fraction(bot_bps, 10_000)
        and by_owner[owner] < Fraction(owner_bps, 10_000)
    }
    assert len(free) <= 1
    if free:
        level = free.pop()
        assert all(
            part <= level * weight for part, weight in zip(found.by_bot, weights, strict=True)
        )
