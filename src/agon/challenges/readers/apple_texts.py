"""Dates, quantities and devices as Apple Health exports spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from agon.challenges.readers import refusals, xml

EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY_S = 86_400
DATE = "2014-09-13 10:27:54 +0100"
MM = {
    "mm": 1, "cm": 10, "m": 1_000, "km": 1_000_000,
    "in": 25.4, "ft": 304.8, "yd": 914.4, "mi": 1_609_344,
}  # fmt: skip
MS = {"s": 1_000, "min": 60_000, "hr": 3_600_000}
KCAL = {"kcal": 1, "Cal": 1, "cal": 1 / 1_000, "kJ": 1 / 4.184}
COUNT = {"count": 1, "count/min": 1}
HARDWARE = re.compile(r"hardware:([A-Za-z]+\d+(?:,\d+)?)")
WATCH, PHONE, OTHER = 0, 1, 2
"""Kinds of sources, the most trusted first."""
MODELS = {WATCH: "Apple Watch", PHONE: "iPhone", OTHER: None}


def moment(text: str) -> tuple[int, int]:
    """A date as (seconds since 1970-01-01 00:00 on the local clock, offset from UTC in seconds).

    Refused: `evidence_time_local`, `evidence_value_malformed`.
    """
    try:
        if len(text) == len(DATE) and text[10] == text[19] == " " and text[16] == ":":
            local = _day(text[:10]) * DAY_S + _minute(text[11:16]) * 60 + _second(text[17:19])
            return local, _offset(text[20:])
    except ValueError as error:
        raise refusals.value_malformed("date", text) from error
    xml.time_ms(text)  # says what is wrong with it, most of the time
    raise refusals.value_malformed("date", text)


def quantity(text: str | None, unit: str | None, units: Mapping[str, float]) -> int | None:
    """A number of these units in ours, None if it is missing.

    Refused: `evidence_value_malformed`.
    """
    if text is None:
        return None
    if unit not in units:
        raise refusals.value_malformed("unit", unit or "")
    return xml.scaled(text, "quantity", units[unit])


@lru_cache(maxsize=4096)
def kind_of(source: str, device: str) -> int:
    """WATCH, PHONE or OTHER. Names count too: older exports have no device."""
    said = f"{source} {device}".lower()
    return WATCH if "watch" in said else PHONE if "iphone" in said else OTHER


def device_of(source: str, device: str) -> str | None:
    """The model of an Apple device; never the name that its owner gave it."""
    hardware = HARDWARE.search(device)
    return hardware[1] if hardware else MODELS[kind_of(source, device)]


@lru_cache(maxsize=4096)
def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH_DAY


@lru_cache(maxsize=1440)
def _minute(text: str) -> int:
    hour, minute = int(text[:2]), int(text[3:])
    if text[2] != ":" or not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError(text)
    return hour * 60 + minute


@lru_cache(maxsize=60)
def _second(text: str) -> int:
    if not 0 <= int(text) < 60:
        raise ValueError(text)
    return int(text)


@lru_cache(maxsize=256)
def _offset(text: str) -> int:
    hours, minutes = int(text[1:3]), int(text[3:])
    if text[0] not in "+-" or hours > 14 or not 0 <= minutes < 60:
        raise ValueError(text)
    return (hours * 60 + minutes) * (-60 if text[0] == "-" else 60)
