"""Days: the profile that they are played by, opening them, and moving them through their phases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from agon.epochs import profiles, timeline
from agon.kernel import clock
from agon.kernel.database import Conn
from agon.kernel.errors import refuse

Row = dict[str, Any]


async def keep_profile(conn: Conn, key: str, config: Mapping[str, Any], *, activate: bool) -> Row:
    """Keep a profile as its next version, or find the newest, if that is the same:
    {id, profile_key, version, config, created_at, is_active}. activate: for days to come.

    Raises Refused `profile_malformed`, PT422 `profile_key_malformed`, PT403 `admin_only`.
    """
    profiles.check(config)
    kept = await conn.fetchrow("select * from agon.keep_epoch_profile($1, $2)", key, dict(config))
    if activate:
        kept = await conn.fetchrow(
            "select * from agon.activate_epoch_profile($1, $2)", key, kept["version"]
        )
    return dict(kept)


async def open_day(conn: Conn, day: date | None = None) -> Row:
    """Open a day by the active profile; without one named, the day that it is by the profile's
    clock. One that is open already is answered with, as it is.

    Raises Refused `no_active_profile`, `day_too_short`, PT409 `day_over`, PT403 `admin_only`.
    """
    profile, now_ms = await _active(conn)
    if profile is None:
        raise refuse(
            "no_active_profile",
            "No epoch profile is active.",
            hint="`agon epoch profile --activate` keeps and activates one.",
            status=409,
        )
    config = profile["config"]
    named = timeline.day_of(config, now_ms) if day is None else day
    return await _open(conn, profile, timeline.of_day(config, named))


async def open_due(conn: Conn) -> Row | None:
    """Open the day that it is, where a profile is active and there is time left to play."""
    profile, now_ms = await _active(conn)
    if profile is None:
        return None
    config = profile["config"]
    day = timeline.day_of(config, now_ms)
    if timeline.live_ms_of(config, day) <= 0:
        return None
    times = timeline.of_day(config, day)
    playable = times.phase_at(now_ms) in ("prep", "live")
    return await _open(conn, profile, times) if playable else None


async def advance(conn: Conn, now: datetime | None = None) -> list[Row]:
    """Make every move that is due: {day, from_phase, to_phase} of each. now: else agon.now()."""
    rows = await conn.fetch(
        "select * from agon.advance_epochs(coalesce($1::timestamptz, agon.now()))", now
    )
    return [dict(row) for row in rows]


async def _active(conn: Conn) -> tuple[Row | None, int]:
    """The active profile, and what time it is."""
    found = await conn.fetchrow("select p.*, agon.now() from agon.active_epoch_profile() p")
    return (dict(found) if found["id"] else None), clock.to_ms(found["now"])


async def _open(conn: Conn, profile: Row, times: timeline.Timeline) -> Row:
    opened = await conn.fetchrow(
        "select * from agon.open_epoch($1, $2, $3)",
        times.day,
        profile["id"],
        [clock.from_ms(begins_ms) for _, begins_ms in times.moments()],
    )
    return dict(opened)
