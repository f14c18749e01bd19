"""Canonical records: what a reader makes of a file, and all that a judge ever sees.

One shape for activities, one for games, one for accounts. Every key is always present; what is
not known is None. Times are UTC in milliseconds since 1970, lengths in millimetres, angles in
1e-4 degree, shares in basis points (1/10,000): integers throughout, so that hashes agree
between machines. `schemas/record.json` is the same in JSON Schema; `docs/evidence.md` explains it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from agon.kernel.canonical import canonical

Record = dict[str, Any]

RECORD_VERSION = 1
RECORDS_MAX = 50_000
"""Records in one submission."""
LABEL_CHARS_MAX = 100
TIME_MIN_MS = 946_684_800_000
"""2000-01-01T00:00:00Z: nothing that Agon judges was recorded earlier."""

PROVIDERS = ("apple", "garmin", "strava", "opendota", "riot", "steam", "manual")
SPORTS = (
    "run", "walk", "hike", "ride", "swim", "row", "strength", "yoga", "hiit",
    "daily",  # a whole day's movement from a step counter, not one activity
    "other",
)  # fmt: skip

TRUST_MANUAL = 1
"""Entered by hand, or JSON that anyone could have written."""
TRUST_TRACK = 2
"""A GPX or TCX file, or an Apple Health export: made by a device, easy to edit."""
TRUST_DEVICE = 3
"""A FIT file that names its device."""
TRUST_PROVIDER = 4
"""Fetched by us from the provider's API under the owner's authorisation."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a reader is told besides the bytes.

    provider: one of PROVIDERS; origin: `provider` when our collector fetched the bytes itself;
    player: the account the subject plays as (account id, PUUID, Steam64), if games are read.
    """

    provider: str
    origin: Literal["upload", "provider"] = "upload"
    player: str | None = None

    def trust(self, uploaded: int) -> int:
        """The trust in what came this way; uploaded: the trust in the same as an upload."""
        return TRUST_PROVIDER if self.origin == "provider" else uploaded


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a reader understood: the format's name and its records, ordered by start."""

    format: str
    records: tuple[Record, ...]


def reading_of(format: str, made: Iterable[Record]) -> Reading:
    """The records, ordered by start; no more than RECORDS_MAX + 1 are made, so that it shows."""
    first = islice(made, RECORDS_MAX + 1)
    return Reading(format=format, records=tuple(sorted(first, key=lambda r: r["start_ms"])))


def label(text: str | None) -> str | None:
    """A name as a record carries it: printable, at most LABEL_CHARS_MAX long; None if empty."""
    kept = "".join(char for char in text or "" if char.isprintable())
    return kept.strip()[:LABEL_CHARS_MAX] or None


def activity(
    *,
    format: str,
    sport: str,
    start_ms: int,
    end_ms: int,
    trust: int,
    provider_id: str | None = None,
    device: str | None = None,
    manual: bool = False,
    sport_detail: str | None = None,
    indoor: bool = False,
    virtual: bool = False,
    utc_offset_s: int | None = None,
    timer_ms: int | None = None,
    moving_ms: int | None = None,
    distance_mm: int | None = None,
    ascent_mm: int | None = None,
    steps: int | None = None,
    calories_kcal: int | None = None,
    average_heart_rate: int | None = None,
    measures: dict[str, Any] | None = None,
    track: list[list[int]] | None = None,
) -> Record:
    """One activity. elapsed is end minus start, timer excludes pauses, moving excludes standing.

    provider_id: unique at its source (`strava:123`, `fit:<maker>:<serial>:<created>`);
    measures: see `measures.NOTHING`, None where the file has no samples;
    track: [seconds after start, latitude, longitude] about every 60 s, [] without positions.
    """
    return {
        "type": "activity",
        "version": RECORD_VERSION,
        "provider_id": provider_id,
        "format": format,
        "device": device,
        "manual": manual,
        "trust": trust,
        "sport": sport,
        "sport_detail": sport_detail,
        "indoor": indoor,
        "virtual": virtual,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "utc_offset_s": utc_offset_s,
        "elapsed_ms": end_ms - start_ms,
        "timer_ms": timer_ms,
        "moving_ms": moving_ms,
        "distance_mm": distance_mm,
        "ascent_mm": ascent_mm,
        "steps": steps,
        "calories_kcal": calories_kcal,
        "average_heart_rate": average_heart_rate,
        "measures": measures,
        "track": track or [],
    }


def game(
    *,
    format: str,
    title: str,
    match_id: str,
    player_id: str,
    start_ms: int,
    end_ms: int,
    trust: int,
    won: bool | None,
    ranked: bool,
    manual: bool = False,
    mode: str | None = None,
    queue: str | None = None,
    role: str | None = None,
    hero: str | None = None,
    team: str | None = None,
    kills: int | None = None,
    deaths: int | None = None,
    assists: int | None = None,
    left_early: bool = False,
    void: str | None = None,
) -> Record:
    """One game as one player saw it.

    title: dota2 | lol | cs | other; won: None for a draw or an unknown result; void: why the game
    does not count at all (`remake`, `bots`, `too_short`, `aborted`, …), None if it does.
    """
    return {
        "type": "game",
        "version": RECORD_VERSION,
        "provider_id": f"{title}:{match_id}:{player_id}",
        "format": format,
        "title": title,
        "match_id": match_id,
        "player_id": player_id,
        "manual": manual,
        "trust": trust,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "elapsed_ms": end_ms - start_ms,
        "won": won,
        "ranked": ranked,
        "mode": mode,
        "queue": queue,
        "role": role,
        "hero": hero,
        "team": team,
        "kills": kills,
        "deaths": deaths,
        "assists": assists,
        "left_early": left_early,
        "void": void,
    }


def account(
    *,
    format: str,
    title: str,
    player_id: str,
    trust: int,
    created_ms: int | None,
    public: bool | None,
    level: int | None = None,
    handle: str | None = None,
) -> Record:
    """What a platform says of a player's account: its age, visibility and level."""
    return {
        "type": "account",
        "version": RECORD_VERSION,
        "provider_id": f"{title}:account:{player_id}",
        "format": format,
        "title": title,
        "player_id": player_id,
        "trust": trust,
        "created_ms": created_ms,
        "public": public,
        "level": level,
        "handle": handle,
    }


INTAKE_KEYS = ("file", "received_ms", "intake_flags")
"""What the intake adds to a record: the raw file's CID, when it came, what was odd about it."""


def content(record: Record) -> Record:
    """The record as its reader made it, without what the intake added."""
    return {key: value for key, value in record.items() if key not in INTAKE_KEYS}


def evidence_hash(records: Iterable[Record]) -> str:
    """SHA-256, as hex, of the records in canonical JSON (RFC 8785), ordered by content.

    What the intake added does not count: the same records hash alike whenever they come.
    """
    lines = sorted(canonical(content(record)) for record in records)
    return hashlib.sha256(b"[" + b",".join(lines) + b"]").hexdigest()


def fingerprint(record: Record) -> str | None:
    """Identity of a recorded track, equal for copies and re-exports of one recording.

    SHA-256 over sport, start in whole seconds, distance to 10 m, timer to 5 s and the points at
    four decimals (`notes/evidence.md`, 4.4). None without a track: two honest people may start a
    treadmill in the same second.
    """
    if record["type"] != "activity" or not record["track"]:
        return None
    facts = [
        record["sport"],
        record["start_ms"] // 1000,
        _rounded(record["distance_mm"], 10_000),
        _rounded(record["timer_ms"], 5_000),
        record["track"],
    ]
    return hashlib.sha256(canonical(facts)).hexdigest()


def _rounded(value: int | None, step: int) -> int | None:
    return None if value is None else (value + step // 2) // step
