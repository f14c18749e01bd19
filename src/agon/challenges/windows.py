"""Windows: when something counts, and the days of a place.

Time zones are those of `kernel.zones`, so that two machines agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from agon.kernel.zones import zone_of

YEAR_MIN = 2000
YEAR_MAX = 2099
TIME_MAX_MS = 4_102_444_800_000
"""2100-01-01T00:00:00Z: nothing that Agon judges is later."""
DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
OFFSET = re.compile(r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])")


@dataclass(frozen=True, kw_only=True)
class Window:
    """Half-open [start_ms, end_ms) in UTC milliseconds; None is open. Days are those of zone."""

    start_ms: int | None
    end_ms: int | None
    zone: str

    def holds(self, start_ms: int, end_ms: int) -> bool:
        """Whether something starts at the window's start or later and has ended by its end."""
        return (self.start_ms is None or start_ms >= self.start_ms) and (
            self.end_ms is None or end_ms <= self.end_ms
        )


def moment(text: str, zone: str) -> int | None:
    """UTC milliseconds of a date (its first instant in the zone) or RFC 3339 instant.

    None for a day or time that does not exist, or a year outside YEAR_MIN to YEAR_MAX.
    """
    try:
        if DATE.fullmatch(text):
            at = datetime.combine(date.fromisoformat(text), time(), zone_of(zone))
        elif OFFSET.fullmatch(text[-6:]) or OFFSET.fullmatch(text[-1:]):
            at = datetime.fromisoformat(text.upper())
        else:
            return None
    except ValueError:
        return None
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        return None
    return (at - EPOCH) // timedelta(milliseconds=1)


def day_of(at_ms: int, zone: str) -> date:
    """The date of an instant in a zone."""
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone_of(zone)).date()


def day_by_offset(at_ms: int, utc_offset_s: int) -> date:
    """The date of an instant at a fixed offset from UTC."""
    return (EPOCH + timedelta(milliseconds=at_ms, seconds=utc_offset_s)).date()


def days_in(window: Window) -> int:
    """Number of dates that a closed window touches, the first and last in part included."""
    if window.start_ms is None or window.end_ms is None:
        raise ValueError("an open window has no number of days")
    first = day_of(window.start_ms, window.zone)
    return (day_of(window.end_ms - 1, window.zone) - first).days + 1


def longest_streak(days: set[date]) -> int:
    """Most consecutive dates among the given ones."""
    longest = length = 0
    for day in sorted(days):
        length = length + 1 if day - timedelta(days=1) in days else 1
        longest = max(longest, length)
    return longest


def rfc3339(at_ms: int) -> str:
    """An instant as text in UTC: 2026-11-02T06:30:00Z, with milliseconds where there are any."""
    at = EPOCH + timedelta(milliseconds=at_ms)
    text = at.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at_ms % 1000:03}Z" if at_ms % 1000 else f"{text}Z"
