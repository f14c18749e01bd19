"""Good documents for every reader of JSON, and short ways to read and to spoil them."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

from agon.challenges.readers import manual, opendota, riot, steam, strava
from agon.challenges.records import Reading, Record, Source
from agon.kernel.errors import Refusal
from tests.challenges import real_files
from tests.writers import games, tracks

PUUID = "p" * 78
ACCOUNT = 124_801_257
STEAM64 = str(opendota.STEAM64_BASE + ACCOUNT)
RUN = tracks.run(1, 2_000, 330)

READERS = {
    "strava": strava.read,
    "opendota": opendota.read,
    "riot": riot.read,
    "steam": steam.read,
    "manual": manual.read,
}
PLAYERS = {"opendota": str(ACCOUNT), "steam": STEAM64, "riot": PUUID, "manual": "me"}
MANUAL_RUN = {
    "sport": "run",
    "start": "2026-11-01T07:30:00+01:00",
    "end": "2026-11-01T08:00:00+01:00",
    "distance_m": 5000.25,
    "duration_s": 1650,
    "steps": 5200,
    "calories_kcal": 340,
    "ascent_m": 42.5,
    "note": "in the rain",
}
MANUAL_GAME = {
    "title": "cs",
    "match_id": "m-1",
    "start": "2026-11-01T20:00:00Z",
    "end": "2026-11-01T20:45:00Z",
    "won": True,
    "kills": 20,
}
GOOD = {
    "strava": {
        "activity": games.strava_activity(RUN),
        "streams": games.strava_streams(RUN),
    },
    "opendota": games.opendota_match(ACCOUNT),
    "steam": games.steam_match(ACCOUNT),
    "riot": games.riot_match(PUUID),
    "manual": {"activities": [MANUAL_RUN], "games": [MANUAL_GAME]},
}


def read(format: str, document: Any, **source: Any) -> Reading | Refusal:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    told = {"provider": format, "player": PLAYERS.get(format), **source}
    return READERS[format](io.BytesIO(data), Source(**told))


def record(format: str, document: Any, **source: Any) -> Record:
    reading = read(format, document, **source)
    assert isinstance(reading, Reading), reading
    assert len(reading.records) == 1
    return reading.records[0]


def code(format: str, document: Any, **source: Any) -> tuple[str, str | None]:
    refusal = read(format, document, **source)
    assert isinstance(refusal, Refusal), refusal
    return refusal.code, refusal.details


def changed(format: str, *path: Any, value: Any) -> Any:
    document = copy.deepcopy(GOOD[format])
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


def sample(name: str) -> bytes:
    return real_files.stream(name).read()
