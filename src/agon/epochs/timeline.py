"""The timeline of a day: when each phase of its epoch begins. Pure, with the zones of `tzdata`.

    begin(d)    = first instant that the zone's clock shows as date d, time `day_starts`; where
                  clocks skip that time, as many minutes after the skip as it is into it (PEP 495)
    length(d)   = begin(d + 1) - begin(d), in ms: 23 or 25 hours where clocks change
    live(d)     = min(live, length(d) - prep - freeze - snapshot - settle)
    prep at begin(d), then each phase where the one before ends; archive where settle ends

So a phase is as long as the profile says, and an epoch has ended when the next day begins: only on
a day that is shorter than its phases, live gives way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from agon.kernel.errors import refuse
from agon.kernel.zones import zone_of

PHASES = ("prep", "live", "freeze", "snapshot", "settle", "archive")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When the phases of a day's epoch begin, in UTC milliseconds. live at starts_at_ms."""

    day: date
    prep_at_ms: int
    starts_at_ms: int
    freeze_at_ms: int
    ends_at_ms: int
    settle_at_ms: int
    archive_at_ms: int

    def moments(self) -> tuple[tuple[str, int], ...]:
        """(phase, UTC ms at which it begins), in order; snapshot begins at ends_at_ms."""
        return tuple(
            zip(
                PHASES,
                (
                    self.prep_at_ms,
                    self.starts_at_ms,
                    self.freeze_at_ms,
                    self.ends_at_ms,
                    self.settle_at_ms,
                    self.archive_at_ms,
                ),
                strict=True,
            )
        )

    def phase_at(self, at_ms: int) -> str | None:
        """The phase of an instant, None before prep; nothing follows archive."""
        begun = [phase for phase, begins_ms in self.moments() if begins_ms <= at_ms]
        return begun[-1] if begun else None


def of_day(config: Mapping[str, Any], day: date) -> Timeline:
    """The timeline of a date by a profile that `profiles.check` accepts.

    Raises Refused `day_too_short` where the clocks leave nothing of live.
    """
    length_ms = {phase: seconds * 1000 for phase, seconds in config["phases_s"].items()}
    live_ms = live_ms_of(config, day)
    if live_ms <= 0:
        raise refuse(
            "day_too_short",
            f"On {day} the clocks of {config['zone']} leave no time for live.",
            hint="Shorten the other phases, or choose another beginning of the day.",
            status=422,
        )
    begin_ms = _begin_ms(config, day)
    starts_at_ms = begin_ms + length_ms["prep"]
    freeze_at_ms = starts_at_ms + live_ms
    ends_at_ms = freeze_at_ms + length_ms["freeze"]
    settle_at_ms = ends_at_ms + length_ms["snapshot"]
    return Timeline(
        day=day,
        prep_at_ms=begin_ms,
        starts_at_ms=starts_at_ms,
        freeze_at_ms=freeze_at_ms,
        ends_at_ms=ends_at_ms,
        settle_at_ms=settle_at_ms,
        archive_at_ms=settle_at_ms + length_ms["settle"],
    )


def live_ms_of(config: Mapping[str, Any], day: date) -> int:
    """How long live is on a date; 0 or less where the clocks leave nothing of it."""
    length_ms = {phase: seconds * 1000 for phase, seconds in config["phases_s"].items()}
    others_ms = sum(length_ms.values()) - length_ms["live"]
    day_ms = _begin_ms(config, day + DAY) - _begin_ms(config, day)
    return min(length_ms["live"], day_ms - others_ms)


def day_of(config: Mapping[str, Any], at_ms: int) -> date:
    """The day whose epoch an instant belongs to: the last d with begin(d) <= at."""
    instant = EPOCH + timedelta(milliseconds=at_ms)
    day = instant.astimezone(zone_of(config["zone"])).date() + DAY
    while _begin_ms(config, day) > at_ms:
        day -= DAY
    return day


def _begin_ms(config: Mapping[str, Any], day: date) -> int:
    at = datetime.combine(day, time.fromisoformat(config["day_starts"]), zone_of(config["zone"]))
    return (at - EPOCH) // timedelta(milliseconds=1)
