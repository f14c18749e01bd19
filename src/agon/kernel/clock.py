"""The one place where Python asks what time it is; everything else takes time as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, with UTC as its zone."""
    return datetime.now(UTC)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def now_s() -> int:
    """Whole seconds since 1970."""
    return int(time.time())


def from_ms(milliseconds: int) -> datetime:
    """The instant that many milliseconds after 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970 of an instant with a zone."""
    return round(instant.timestamp() * 1000)
