"""Reader for League of Legends matches: Riot's match-v5.

Whether a match counts follows `notes/evidence.md`, 4.5. The end is the start plus the duration:
Riot documents that gameEndTimestamp can lie well after the end of the match.
"""

from __future__ import annotations

from typing import BinaryIO

from agon.challenges import records
from agon.challenges.readers import json_document
from agon.challenges.readers.json_document import Node
from agon.challenges.records import Reading, Record, Source
from agon.kernel.errors import Refusal

FORMAT = "riot"
TITLE = "lol"

RANKED_QUEUES = (420, 440)
SUMMONERS_RIFT = 11
COUNT_MAX = 10_000

# From Riot's queues.json.
QUEUES = {
    400: "normal_draft",
    420: "ranked_solo",
    430: "normal_blind",
    440: "ranked_flex",
    450: "aram",
    490: "quickplay",
    700: "clash",
}
TEAMS = {100: "blue", 200: "red"}


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """One match or an array of them, as games of source.player (PUUID)."""
    return json_document.read(FORMAT, stream, source, _games)


def _games(document: Node, source: Source) -> list[Record]:
    player = json_document.player_of(source)
    return [_game(match, source, player) for match in document.each()]


def _game(match: Node, source: Source, player: str) -> Record:
    info = match["info"]
    seats = list(info["participants"].items())
    seat = _seat_of(player, match, seats)
    start_ms, duration_ms = _times(info)
    queue = info["queueId"].needed().whole()
    team = seat["teamId"].whole()
    return records.game(
        format=FORMAT,
        title=TITLE,
        match_id=match["metadata"]["matchId"].needed().text(),
        player_id=player,
        start_ms=start_ms,
        end_ms=start_ms + duration_ms,
        trust=json_document.trust_of(source),
        won=seat["win"].flag(),
        ranked=queue in RANKED_QUEUES,
        mode=info["gameMode"].label(),
        queue=QUEUES.get(queue, str(queue)),
        role=(seat["teamPosition"].label() or "").lower() or None,
        hero=seat["championName"].label(),
        team=None if team is None else TEAMS.get(team, str(team)),
        kills=seat["kills"].whole(COUNT_MAX),
        deaths=seat["deaths"].whole(COUNT_MAX),
        assists=seat["assists"].whole(COUNT_MAX),
        void=_void(info, seats, queue),
    )


def _seat_of(player: str, match: Node, seats: list[Node]) -> Node:
    for seat in seats:
        if seat["puuid"].needed().text() == player:
            return seat
    # An aborted match names its players but tells nothing about them: a void game without stats.
    names = [name.text() for name in match["metadata"]["participants"].items()]
    if not seats and player in names:
        return Node({}, f"{match.pointer}/info/participants/0")
    raise json_document.player_absent(player, match["info"]["participants"])


def _times(info: Node) -> tuple[int, int]:
    """Start and duration in ms. The duration is in s iff gameEndTimestamp is there (11.20)."""
    # Aborted matches carry zeros; matches before 11.20 have the second of these alone.
    known = (info[name] for name in ("gameStartTimestamp", "gameCreation") if info[name].value)
    began = next(known, Node(None, f"{info.pointer}/gameStartTimestamp"))
    unit_ms = 1000 if info["gameEndTimestamp"].value is not None else 1
    start_ms = json_document.timed(began).whole(json_document.TIME_MAX_S * 1000)
    lasted = json_document.timed(info["gameDuration"])
    return start_ms, lasted.scaled(unit_ms, json_document.DURATION_MAX_S * 1000)


def _void(info: Node, seats: list[Node], queue: int) -> str | None:
    """Why the match does not count, None if it does."""
    if not seats or not info["gameVersion"].label():
        return "aborted"
    if info["gameType"].label() != "MATCHED_GAME":
        return "custom_game"
    # A remake may last longer than three minutes, so its length says nothing.
    if any(seat["gameEndedInEarlySurrender"].flag() for seat in seats):
        return "remake"
    if queue in RANKED_QUEUES and info["mapId"].whole() != SUMMONERS_RIFT:
        return "wrong_map"
    return None
