"""Payouts in batches: who is paid together by one call of EpochPayout. Pure.

A recipient stands in one batch, with the sum of what is due for all their bots, so that the
contract pays or credits each once a day. The largest sums come first, and equal ones by address;
the order of the payouts given changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

RECEIVERS_MAX = 200
"""In a batch. The contract takes 500, but a transaction is given 2^24 gas at most (EIP-7825), and a
receiver that uses up its gas and is credited costs 68,000; limits lie a fifth above estimates."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A call: wei[i] to recipients[i]. number: within its day, from 0."""

    number: int
    recipients: tuple[str, ...]
    wei: tuple[int, ...]


def batches(
    due: Iterable[tuple[str, int]], receivers_max: int = RECEIVERS_MAX
) -> tuple[Batch, ...]:
    """Batches of at most so many receivers. due: (recipient, wei) of each payout."""
    sums: Counter[str] = Counter()
    for recipient, wei in due:
        sums[recipient] += wei
    ordered = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    parts = [ordered[at : at + receivers_max] for at in range(0, len(ordered), receivers_max)]
    return tuple(
        Batch(
            number=number,
            recipients=tuple(recipient for recipient, _ in part),
            wei=tuple(wei for _, wei in part),
        )
        for number, part in enumerate(parts)
    )
