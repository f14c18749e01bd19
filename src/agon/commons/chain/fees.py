"""What a transaction offers for its gas (EIP-1559): the first offer, and higher ones. Pure.

All amounts are wei for one unit of gas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HISTORY_BLOCKS = 10
"""Blocks that `eth_feeHistory` is asked for."""
REWARD_PERCENTILE = 50
BASE_FEE_GROWTHS = 2
"""The first offer pays for a base fee this many times the next block's: six full blocks of 9/8."""
BUMP = (9, 8)
"""A replacement offers x1.125. Nodes ask for a tenth more (geth) or a twentieth (anvil)."""
GAS_MARGIN = (6, 5)
"""A limit above the estimate, because the state may change until the transaction is mined."""


@dataclass(frozen=True, kw_only=True)
class Market:
    """What a node says that gas costs. base_fee: of the next block."""

    base_fee: int
    priority_fee: int


@dataclass(frozen=True, kw_only=True)
class Fees:
    """An offer: at most max_fee in all, of which priority_fee to the block's producer."""

    max_fee: int
    priority_fee: int


def read(history: Mapping[str, Any], suggested: int = 0) -> Market:
    """The market as `eth_feeHistory` tells it (HISTORY_BLOCKS, one percentile).

    suggested: the answer of `eth_maxPriorityFeePerGas`, 0 where a node has none. The tip is the
    median of the blocks' rewards, or what was suggested if that is more. Blocks without
    transactions report a reward of 0, and are left out.
    """
    rewards = sorted(int(row[0], 16) for row in history.get("reward") or () if row)
    rewards = [reward for reward in rewards if reward]
    return Market(
        base_fee=int(history["baseFeePerGas"][-1], 16),
        priority_fee=max(_median(rewards), suggested),
    )


def choose(market: Market) -> Fees:
    """The first offer."""
    return Fees(
        max_fee=BASE_FEE_GROWTHS * market.base_fee + market.priority_fee,
        priority_fee=market.priority_fee,
    )


def bump(offered: Fees, market: Market) -> Fees:
    """The offer of a replacement: both fees x1.125, rounded up, and never below a first offer
    made now. A fee of 0 rises to 1."""
    now = choose(market)
    return Fees(
        max_fee=max(_raise(offered.max_fee), now.max_fee),
        priority_fee=max(_raise(offered.priority_fee), now.priority_fee),
    )


def is_low(offered: Fees, market: Market) -> bool:
    """Whether an offer cannot pay the next block's base fee."""
    return offered.max_fee < market.base_fee


def limit(estimate: int) -> int:
    """The gas limit for an estimate, with GAS_MARGIN, rounded up."""
    return _times(estimate, GAS_MARGIN)


def _raise(fee: int) -> int:
    return max(_times(fee, BUMP), fee + 1)


def _times(amount: int, factor: tuple[int, int]) -> int:
    return -(-amount * factor[0] // factor[1])


def _median(ordered: Sequence[int]) -> int:
    return ordered[len(ordered) // 2] if ordered else 0
