"""Offers for gas, to the wei."""

from __future__ import annotations

import pytest

from agon.commons.chain import fees
from agon.commons.chain.fees import Fees, Market

GWEI = 10**9


def history(base: int, *rewards: int) -> dict:
    return {
        "oldestBlock": "0x1",
        "baseFeePerGas": ["0x1", hex(base)],
        "gasUsedRatio": [0.5],
        "reward": [[hex(reward)] for reward in rewards],
    }


def test_the_market_is_the_next_block_s_base_fee_and_the_median_tip():
    assert fees.read(history(7, 3, 1, 2)) == Market(base_fee=7, priority_fee=2)


def test_empty_blocks_say_nothing_about_tips():
    assert fees.read(history(7, 0, 0, 5, 0)).priority_fee == 5


def test_what_the_node_suggests_is_not_undercut():
    assert fees.read(history(7, 1), suggested=GWEI).priority_fee == GWEI
    assert fees.read(history(7, 2 * GWEI), suggested=GWEI).priority_fee == 2 * GWEI


def test_a_node_without_rewards_is_read():
    assert fees.read({"baseFeePerGas": ["0x5", "0x9"]}, 1) == Market(base_fee=9, priority_fee=1)
    assert fees.read({"baseFeePerGas": ["0x9"], "reward": None}).priority_fee == 0


def test_an_offer_pays_for_twice_the_base_fee():
    assert fees.choose(Market(base_fee=100, priority_fee=3)) == Fees(max_fee=203, priority_fee=3)


@pytest.mark.parametrize(
    ("offered", "bumped"), [(8, 9), (9, 11), (16, 18), (17, 20), (100, 113), (0, 1), (1, 2)]
)
def test_a_bump_is_an_eighth_more_rounded_up_of_both_fees(offered, bumped):
    free = Market(base_fee=0, priority_fee=0)
    assert fees.bump(Fees(max_fee=offered, priority_fee=offered), free) == Fees(
        max_fee=bumped, priority_fee=bumped
    )


def test_a_bump_satisfies_geth_s_tenth_for_any_fee():
    free = Market(base_fee=0, priority_fee=0)
    for fee in range(1, 2000):
        bumped = fees.bump(Fees(max_fee=fee, priority_fee=fee), free)
        assert 10 * bumped.max_fee >= 11 * fee
        assert 10 * bumped.priority_fee >= 11 * fee


def test_a_bump_is_never_below_what_a_first_offer_would_be_now():
    dear = Market(base_fee=1000, priority_fee=50)
    assert fees.bump(Fees(max_fee=10, priority_fee=1), dear) == Fees(max_fee=2050, priority_fee=50)


def test_a_bump_never_offers_a_tip_above_the_whole():
    for base in (0, 1, 10, 10**11):
        for tip in (0, 1, 7, GWEI):
            offer = fees.choose(Market(base_fee=base, priority_fee=tip))
            for _ in range(20):
                offer = fees.bump(offer, Market(base_fee=0, priority_fee=0))
                assert offer.priority_fee <= offer.max_fee


def test_an_offer_below_the_next_base_fee_is_low():
    market = Market(base_fee=100, priority_fee=1)
    assert fees.is_low(Fees(max_fee=99, priority_fee=1), market)
    assert not fees.is_low(Fees(max_fee=100, priority_fee=1), market)


def test_a_gas_limit_leaves_a_fifth_of_room():
    assert fees.limit(21_000) == 25_200
    assert fees.limit(1) == 2
