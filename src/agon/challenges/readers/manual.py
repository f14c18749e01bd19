"""Reader for entries made by hand, in a JSON of our own.

    {"activities": [{"sport": "run", "start": "2026-11-01T07:30:00+01:00", "end": "…",
                     "distance_m": 5000, "duration_s": 1650, "steps": 5200,
                     "calories_kcal": 340, "ascent_m": 42.5, "note": "…"}],
     "games": [{"title": "cs", "match_id": "…", "start": "…", "end": "…", "won": true,
                "player": "…", "ranked": false, "mode": "…", "role": "…", "hero": "…",
                "kills": 20, "deaths": 9, "assists": 4, "note": "…"}]}

An activity needs sport, start and end; a game title, match_id, start, end and won (null: a draw).
Anything else may be left out, and nothing may be added. A note is checked and not kept.
"""

from __future__ import annotations

from typing import BinaryIO

from agon.challenges import records
from agon.challenges.readers import json_document
from agon.challenges.readers.json_document import Node
from agon.challenges.records import SPORTS, TRUST_MANUAL, Reading, Record, Source
from agon.kernel.errors import Refusal

FORMAT = "manual"

TITLES = ("dota2", "lol", "cs", "other")
STEPS_MAX = 1_000_000
CALORIES_MAX_KCAL = 100_000
LENGTH_MAX_MM = 100_000_000_000
COUNT_MAX = 10_000

DOCUMENT_KEYS = ("activities", "games")
ACTIVITY_KEYS = (
    "sport", "start", "end", "distance_m", "duration_s", "steps", "calories_kcal", "ascent_m",
    "note",
)  # fmt: skip
GAME_KEYS = (
    "title", "match_id", "player", "start", "end", "won", "ranked", "mode", "role", "hero",
    "kills", "deaths", "assists", "note",
)  # fmt: skip


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """Activities and games, all of them manual and of the lowest trust."""
    return json_document.read(FORMAT, stream, source, _records)


def _records(document: Node, source: Source) -> list[Record]:
    document.closed(DOCUMENT_KEYS)
    activities, games = document["activities"], document["games"]
    made = [] if activities.value is None else [_activity(entry) for entry in activities.items()]
    return made if games.value is None else made + [_game(e, source) for e in games.items()]


def _activity(entry: Node) -> Record:
    entry.closed(ACTIVITY_KEYS)
    start_ms, end_ms, utc_offset_s = _interval(entry)
    entry["note"].label()
    return records.activity(
        format=FORMAT,
        sport=_one_of(SPORTS, entry["sport"]),
        start_ms=start_ms,
        end_ms=end_ms,
        trust=TRUST_MANUAL,
        manual=True,
        utc_offset_s=utc_offset_s,
        timer_ms=entry["duration_s"].scaled(1000, end_ms - start_ms),
        distance_mm=entry["distance_m"].scaled(1000, LENGTH_MAX_MM),
        ascent_mm=entry["ascent_m"].scaled(1000, LENGTH_MAX_MM),
        steps=entry["steps"].whole(STEPS_MAX),
        calories_kcal=entry["calories_kcal"].scaled(1, CALORIES_MAX_KCAL),
    )


def _game(entry: Node, source: Source) -> Record:
    entry.closed(GAME_KEYS)
    start_ms, end_ms, _ = _interval(entry)
    entry["note"].label()
    told = Node(source.player, "/player") if source.player else entry["player"]
    if "won" not in entry:
        raise entry["won"].unexpected("is missing")
    return records.game(
        format=FORMAT,
        title=_one_of(TITLES, entry["title"]),
        match_id=entry["match_id"].needed().text(),
        player_id=told.text() or json_document.player_of(source),
        start_ms=start_ms,
        end_ms=end_ms,
        trust=TRUST_MANUAL,
        won=entry["won"].flag(),
        ranked=entry["ranked"].flag() or False,
        manual=True,
        mode=entry["mode"].text(),
        role=entry["role"].text(),
        hero=entry["hero"].text(),
        kills=entry["kills"].whole(COUNT_MAX),
        deaths=entry["deaths"].whole(COUNT_MAX),
        assists=entry["assists"].whole(COUNT_MAX),
    )


def _interval(entry: Node) -> tuple[int, int, int]:
    """Start and end in ms, and the start's offset in s. The end lies after the start."""
    start_ms, offset_s = json_document.timed(entry["start"]).moment()
    end_ms, _ = json_document.timed(entry["end"]).moment()
    if end_ms <= start_ms:
        raise entry["end"].unexpected("must be later than the start")
    return start_ms, end_ms, offset_s


def _one_of(choices: tuple[str, ...], node: Node) -> str:
    if node.value not in choices:
        raise node.unexpected(f"must be one of {', '.join(choices)}")
    return node.value
