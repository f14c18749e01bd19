"""Reader for the Steam Web API: GetMatchDetails and GetPlayerSummaries."""

from __future__ import annotations

from typing import BinaryIO

from agon.challenges import records
from agon.challenges.readers import json_document, opendota
from agon.challenges.readers.json_document import Node
from agon.challenges.records import Reading, Record, Source
from agon.kernel.errors import Refusal

FORMAT = "steam"
VISIBILITY_PUBLIC = 3


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """Match details (one, or an array) as games, or player summaries as the player's account."""
    return json_document.read(FORMAT, stream, source, _records)


def _records(document: Node, source: Source) -> list[Record]:
    player = opendota.account_id(json_document.player_of(source))
    if "response" in document:
        return [_account(document["response"]["players"], source, player)]
    return [opendota.game(match, source, player, FORMAT) for match in document.each()]


def _account(players: Node, source: Source, player: int) -> Record:
    """The account of the player, under the title and the id that the player's games have."""
    for found in players.items():
        if found["steamid"].needed().text() == str(opendota.STEAM64_BASE + player):
            created_s = found["timecreated"].whole(json_document.TIME_MAX_S)
            return records.account(
                format=FORMAT,
                title=opendota.TITLE,
                player_id=str(player),
                trust=json_document.trust_of(source),
                created_ms=None if created_s is None else created_s * 1000,
                public=found["communityvisibilitystate"].needed().whole() == VISIBILITY_PUBLIC,
                handle=found["personaname"].label(),
            )
    raise json_document.player_absent(str(player), players)
