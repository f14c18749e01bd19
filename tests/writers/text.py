"""Numbers and times as the XML and JSON formats spell them, exact, from integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def decimal(value: int, places: int) -> str:
    """`value` / 10**places without an exponent or trailing zeros: decimal(12500, 3) is 12.5."""
    whole, rest = divmod(abs(value), 10**places)
    digits = f"{rest:0{places}d}".rstrip("0")
    return ("-" if value < 0 else "") + str(whole) + ("." + digits if digits else "")


def moment(ms: int, offset_s: int = 0) -> datetime:
    """The instant, on the clock of that offset; also before 1970."""
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(timezone(timedelta(seconds=offset_s)))


def rfc3339(ms: int, zone: str = "Z", *, fraction: bool = False) -> str:
    """The instant as `2026-11-03T06:30:00` and then zone: "Z", "+01:00" (its clock), "" (UTC's)."""
    offset_s = 0
    if zone not in ("Z", ""):
        hours, minutes = zone[1:].split(":")
        offset_s = (int(hours) * 60 + int(minutes)) * (-60 if zone[0] == "-" else 60)
    local = moment(ms, offset_s).replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds" if fraction else "seconds") + zone
