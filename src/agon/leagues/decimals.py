"""Decimal numbers as whole units of a stated place, and as text. Pure."""

from __future__ import annotations

import re

_DECIMAL = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]+)(\.(?P<part>[0-9]+))?")


def units(text: str, places: int) -> int:
    """The number in units of 10^-places. ValueError for any other text, and for finer ones."""
    read = _DECIMAL.fullmatch(text)
    if read is None or len(read["part"] or "") > places:
        raise ValueError(f"{text!r} is no number of {places} places")
    return int(read["sign"] + read["whole"] + (read["part"] or "").ljust(places, "0"))


def text(units: int, places: int) -> str:
    """The shortest decimal of so many units of 10^-places: 45000 of 4 places is 4.5."""
    digits = str(abs(units)).rjust(places + 1, "0")
    whole, part = digits[:-places], digits[-places:].rstrip("0")
    return ("-" if units < 0 else "") + whole + (f".{part}" if part else "")
