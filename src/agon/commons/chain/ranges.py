"""How many blocks to ask for at once: more while a node answers, fewer when it says too many.

Nodes say so in many words; those known to us are below. What is not understood is halved as well,
down to one block, so a wrong guess costs a few requests and never a block. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

BLOCKS_START = 2_000
BLOCKS_MAX = 500_000
LOGS_AIMED = 10_000
"""Of one range: enough to be quick, few enough for one short transaction."""
PROBE_PART = 64
"""A ceiling that was reached is raised by this part of itself, unless the node told it."""

TOO_LARGE_CODES = (-32005, 413)
TOO_LARGE_WORDS = re.compile(
    r"rang|too (many|large|wide|big|long)|limit|exceed|more than|larger|greater|smaller|maximum"
    r"|timed? ?out|deadline|max (results|logs|blocks)|response size|size|distance",
    re.I,
)

UNKNOWN_BLOCK_WORDS = re.compile(r"unknown block|(block|header|resource) not found|not found", re.I)

# [0x1, 0x2] or `range 1-2`: what would have worked here, for this density of logs.
RANGE_HEX = re.compile(r"\[\s*0x([0-9a-f]+)\s*,\s*0x([0-9a-f]+)\s*\]", re.I)
RANGE_DECIMAL = re.compile(r"range (\d+)\s*-\s*(\d+)", re.I)
# A number of blocks: what works everywhere.
NUMBER = r"\b([0-9][0-9,._]*)( ?k\b)?(?![0-9,._]*\s*(?:results|logs|bytes))"
BLOCKS = (
    re.compile(rf"(?:max|maximum|limited to|at most|up to|only|within)[^0-9\[]*{NUMBER}"
               r"[ -]*(?:blocks?|range)", re.I),
    re.compile(rf"max(?:imum)?[^0-9]*(?:blocks?|range|distance)[^0-9]*{NUMBER}", re.I),
    re.compile(rf"(?:blocks|range)\b.*max(?:imum)?[^0-9]*{NUMBER}", re.I),
    re.compile(rf"range(?: is)? (?:exceeds|greater than|over|larger than) {NUMBER}", re.I),
    re.compile(rf"ranges? over {NUMBER} blocks", re.I),
    re.compile(rf"\(\d+ > {NUMBER}\)", re.I),
    re.compile(rf"smaller than size {NUMBER}", re.I),
    re.compile(rf"limited to a {NUMBER}", re.I),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Width:
    """Blocks to ask for next, and the most that is worth a try; whether the node told the most."""

    blocks: int = BLOCKS_START
    ceiling: int = BLOCKS_MAX
    is_told: bool = False


@dataclass(frozen=True, kw_only=True)
class Hint:
    """A node finds a range too large. blocks: what it says would work; lasting: everywhere."""

    blocks: int | None = None
    lasting: bool = False


def answered(width: Width, asked: int, logs: int) -> Width:
    """After a range of `asked` blocks was answered with so many logs."""
    if logs > LOGS_AIMED:
        return replace(width, blocks=max(1, asked * LOGS_AIMED // logs))
    if asked < width.blocks:  # the last of a stretch, or asked before the width grew
        return width
    ceiling = width.ceiling
    if asked >= ceiling and not width.is_told:
        ceiling = min(BLOCKS_MAX, ceiling + max(1, ceiling // PROBE_PART))
    return replace(width, blocks=min(2 * width.blocks, ceiling), ceiling=ceiling)


def refused(width: Width, asked: int, hint: Hint) -> Width | None:
    """After a range of `asked` blocks was too large; None if it was a single one."""
    if asked <= 1:
        return None
    if hint.blocks is None or not 0 < hint.blocks < asked:
        return replace(width, blocks=asked // 2, ceiling=max(asked // 2, 3 * asked // 4))
    if hint.lasting:
        return Width(blocks=hint.blocks, ceiling=hint.blocks, is_told=True)
    return replace(width, blocks=hint.blocks)


def too_large(code: int, message: str) -> Hint | None:
    """What a node's error says about a range's size; None if it is about something else."""
    for pattern, base in ((RANGE_HEX, 16), (RANGE_DECIMAL, 10)):
        found = pattern.search(message)
        if found:
            return Hint(blocks=int(found[2], base) - int(found[1], base) + 1)
    for pattern in BLOCKS:
        found = pattern.search(message)
        if found:
            return Hint(blocks=_number(found[1], found[2]), lasting=True)
    if code in TOO_LARGE_CODES or TOO_LARGE_WORDS.search(message):
        return Hint()
    return None


def is_unknown_block(message: str) -> bool:
    """Whether a node's error says that it does not hold the block asked about."""
    return UNKNOWN_BLOCK_WORDS.search(message) is not None


def _number(digits: str, thousands: str | None) -> int:
    return int(re.sub(r"[,._]", "", digits)) * (1000 if thousands else 1)
