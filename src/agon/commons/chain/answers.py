"""What nodes say, read strictly: numbers, hashes and blocks; what is neither is an error. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from agon.kernel.errors import Refused, refuse

QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
HASH = re.compile(r"0x[0-9a-f]{64}")
BLOOM = re.compile(r"0x[0-9a-fA-F]{512}")


@dataclass(frozen=True, kw_only=True)
class Header:
    """A block's own facts. mined_s: seconds since 1970; bloom: of its logs, if the node says."""

    number: int
    hash: str
    parent_hash: str | None
    mined_s: int
    bloom: int | None = None


def quantity(text: Any) -> int:
    """A number as JSON-RPC writes it. Raises Refused `chain_answer_malformed`."""
    if not isinstance(text, str) or not QUANTITY.fullmatch(text):
        raise malformed(f"{str(text)[:80]!r} is no number")
    return int(text, 16)


def block_hash(text: Any) -> str:
    """A hash, in lower case. Raises Refused `chain_answer_malformed`."""
    if not isinstance(text, str) or not HASH.fullmatch(text):
        raise malformed(f"{str(text)[:80]!r} is no hash")
    return text


def header(answer: Any) -> Header | None:
    """A block as a node tells it; None for one that it does not know.

    Raises Refused `chain_answer_malformed`.
    """
    if answer is None:
        return None
    if not isinstance(answer, dict):
        raise malformed("a block is no object")
    return Header(
        number=quantity(answer.get("number")),
        hash=block_hash(answer.get("hash")),
        parent_hash=block_hash(answer.get("parentHash")),
        mined_s=quantity(answer.get("timestamp")),
        bloom=_bloom(answer.get("logsBloom")),
    )


def _bloom(text: Any) -> int | None:
    return int(text, 16) if isinstance(text, str) and BLOOM.fullmatch(text) else None


def malformed(why: str) -> Refused:
    """The exception for an answer that cannot be believed."""
    return refuse(
        "chain_answer_malformed",
        f"The node's answer cannot be used: {why}.",
        hint="Try again later, or use another node.",
        status=502,
    )
