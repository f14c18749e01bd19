"""Ranks: an order as bytes, so that a database compares what the rules say. Pure.

A key is its values, each the higher the better, then the subject: the smaller key is before the
larger. Each value v stands as 2^95 - v in 12 bytes, the subject as the bytes of its hexadecimal
digits (20 of a wallet, 16 of a team), which are in the order of its text. So no two keys are equal,
and those who differ by nothing but the subject share a place: they have the same key up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

VALUE_BYTES = 12
VALUE_END = 2 ** (8 * VALUE_BYTES - 1)
"""Values are above -2^95 and at most 2^95."""

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Ranked(Generic[Row]):
    """rank: from 1, each once; first, last: the places that it shares with whom it equals."""

    row: Row
    rank: int
    first: int
    last: int


def key(values: Sequence[int], subject: str) -> bytes:
    """The key of a subject (a wallet, or a team's id) with these values."""
    worth = b"".join((VALUE_END - value).to_bytes(VALUE_BYTES, "big") for value in values)
    return worth + tail(subject)


def tail(subject: str) -> bytes:
    """What a key ends with."""
    return bytes.fromhex(subject.removeprefix("0x").replace("-", ""))


def ranked(rows: Iterable[tuple[Sequence[int], str, Row]]) -> list[Ranked[Row]]:
    """Rows with their values and subjects, the first first."""
    ordered = sorted(rows, key=lambda each: key(each[0], each[1]))
    found: list[Ranked[Row]] = []
    for _, equal in groupby(ordered, key=lambda each: tuple(each[0])):
        group = list(equal)
        first = len(found) + 1
        last = len(found) + len(group)
        found += [
            Ranked(row=row, rank=first + place, first=first, last=last)
            for place, (_, _, row) in enumerate(group)
        ]
    return found
