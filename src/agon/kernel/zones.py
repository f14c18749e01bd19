"""Time zones, from the `tzdata` package and never from the machine.

Two machines with the same pinned package agree. `timezone_data()` names the release; a result that
was computed with zones carries it.
"""

from __future__ import annotations

import importlib.resources
from functools import lru_cache
from zoneinfo import ZoneInfo

import tzdata


def timezone_data() -> str:
    """Release of the IANA time-zone data that days are computed with, such as 2026f."""
    return str(tzdata.IANA_VERSION)


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Names of all time zones."""
    listing = importlib.resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(listing.split())


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of a name in `zones()`; KeyError for any other."""
    if name not in zones():
        raise KeyError(name)
    path = importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
