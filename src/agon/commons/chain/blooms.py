"""What a block's bloom filter says of our logs: surely none, or perhaps some. Pure.

Source: the Ethereum yellow paper, 4.3.1: each address and topic sets three of 2,048 bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

BITS = 2048


@cache
def mask(*values: str) -> int:
    """The bits that a log with these addresses and topics (0x hex) sets."""
    from eth_hash.auto import keccak  # loads a library of its own

    bits = 0
    for value in values:
        digest = keccak(bytes.fromhex(value[2:]))
        for at in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") % BITS)
    return bits


def may_hold(bloom: int, logs: Iterable[tuple[str, str]]) -> bool:
    """Whether a log of one of these addresses with that first topic may be in the block."""
    return any(bloom & mask(address, topic) == mask(address, topic) for address, topic in logs)
