"""Reader for Dota 2 matches: OpenDota's /matches/{id} and Steam's GetMatchDetails.

Whether a match counts follows OpenDota's isSignificant (`notes/evidence.md`, 4.5): a balanced mode
and lobby, a known winner, longer than 360 s, no impossible gold, every hero picked. Matches with
bots are void too.
"""

from __future__ import annotations

from typing import BinaryIO

from agon.challenges import records
from agon.challenges.readers import json_document
from agon.challenges.readers.json_document import Node
from agon.challenges.records import Reading, Record, Source
from agon.kernel.errors import Refusal, refuse

FORMAT = "opendota"
TITLE = "dota2"

STEAM64_BASE = 76_561_197_960_265_728
"""Steam64 of account 0: a public individual account's id is this plus its account id."""
ACCOUNT_MAX = 2**32 - 2
ANONYMOUS = 2**32 - 1
"""Steam's account id of everyone who hides their matches."""

TOO_SHORT_MAX_S = 360
GOLD_PER_MINUTE_MAX = 9_999
PLAYERS_IN_MATCH = 10
DIRE_SLOT = 128
"""player_slot: its highest bit is set for the Dire."""
LEAVER_MIN = 2
"""leaver_status: 0 stayed, 1 left after the game was safe to leave, 2 and more abandoned."""
RANKED_LOBBY = 7
BOT_LOBBIES = (4, 10)
BALANCED_LOBBIES = (0, 1, 2, 5, 6, 7, 9)
BALANCED_MODES = (1, 2, 3, 4, 5, 12, 16, 17, 22)
COUNT_MAX = 10_000

# Ids and names as in OpenDota's dotaconstants.
MODES = {
    0: "unknown",
    1: "all_pick",
    2: "captains_mode",
    3: "random_draft",
    4: "single_draft",
    5: "all_random",
    6: "intro",
    7: "diretide",
    8: "reverse_captains_mode",
    9: "greeviling",
    10: "tutorial",
    11: "mid_only",
    12: "least_played",
    13: "limited_heroes",
    14: "compendium_matchmaking",
    15: "custom",
    16: "captains_draft",
    17: "balanced_draft",
    18: "ability_draft",
    19: "event",
    20: "all_random_death_match",
    21: "1v1_mid",
    22: "all_draft",
    23: "turbo",
    24: "mutation",
}
LOBBIES = {
    0: "normal",
    1: "practice",
    2: "tournament",
    3: "tutorial",
    4: "coop_bots",
    5: "ranked_team_mm",
    6: "ranked_solo_mm",
    7: "ranked",
    8: "1v1_mid",
    9: "battle_cup",
    10: "local_bots",
}
ROLES = {1: "safe", 2: "mid", 3: "off", 4: "jungle"}
"""lane_role, which only parsed matches have."""


def read(stream: BinaryIO, source: Source) -> Reading | Refusal:
    """One match or an array of them, as games of source.player (account id or Steam64)."""
    return json_document.read(FORMAT, stream, source, _games)


def _games(document: Node, source: Source) -> list[Record]:
    player = account_id(json_document.player_of(source))
    return [game(match, source, player, FORMAT) for match in document.each()]


def account_id(player: str) -> int:
    """The 32-bit account id of a player named by it or by Steam64.

    Refused `evidence_player_missing` for anything else, and for the id that all anonymous share.
    """
    number = int(player) if player.isascii() and player.isdigit() and len(player) <= 20 else -1
    account = number - STEAM64_BASE if number >= STEAM64_BASE else number
    if not 0 < account <= ACCOUNT_MAX:
        raise refuse(
            "evidence_player_missing",
            "The player named is no Steam account.",
            hint="Name the account by its number: the account id or the Steam64 id.",
        )
    return account


def game(document: Node, source: Source, player: int, format: str) -> Record:
    """One match as the account saw it. document: either shape; raises Refused."""
    match = document if document["result"].value is None else document["result"]
    seats = list(match["players"].items())
    seat = _seat_of(player, match["players"], seats)
    start_s = json_document.timed(match["start_time"]).whole(json_document.TIME_MAX_S)
    duration_s = json_document.timed(match["duration"]).whole(json_document.DURATION_MAX_S)
    radiant_won = match["radiant_win"].flag()
    is_radiant = seat["player_slot"].needed().whole(255) < DIRE_SLOT
    mode = match["game_mode"].needed().whole()
    lobby = match["lobby_type"].needed().whole()
    role = seat["lane_role"].whole()
    return records.game(
        format=format,
        title=TITLE,
        match_id=str(match["match_id"].needed().whole()),
        player_id=str(player),
        start_ms=start_s * 1000,
        end_ms=(start_s + duration_s) * 1000,
        trust=json_document.trust_of(source),
        won=None if radiant_won is None else radiant_won == is_radiant,
        ranked=lobby == RANKED_LOBBY,
        mode=MODES.get(mode, str(mode)),
        queue=LOBBIES.get(lobby, str(lobby)),
        role=ROLES.get(role),
        hero=str(seat["hero_id"].needed().whole()),
        team="radiant" if is_radiant else "dire",
        kills=seat["kills"].whole(COUNT_MAX),
        deaths=seat["deaths"].whole(COUNT_MAX),
        assists=seat["assists"].whole(COUNT_MAX),
        left_early=(seat["leaver_status"].whole() or 0) >= LEAVER_MIN,
        void=_void(match, seats, mode, lobby, duration_s),
    )


def _seat_of(player: int, where: Node, seats: list[Node]) -> Node:
    for seat in seats:
        # null, and ANONYMOUS, are players who hide their matches: they can prove nothing.
        if seat["account_id"].whole(ANONYMOUS) == player:
            return seat
    raise json_document.player_absent(str(player), where)


def _void(match: Node, seats: list[Node], mode: int, lobby: int, duration_s: int) -> str | None:
    """Why the match does not count, None if it does."""
    humans = match["human_players"].whole()
    if match["radiant_win"].flag() is None:
        return "aborted"
    if lobby in BOT_LOBBIES or (humans is not None and humans < PLAYERS_IN_MATCH):
        return "bots"
    if mode not in BALANCED_MODES:
        return "unbalanced_mode"
    if lobby not in BALANCED_LOBBIES:
        return "unbalanced_lobby"
    if duration_s <= TOO_SHORT_MAX_S:
        return "too_short"
    if any(_is_impossible(seat) for seat in seats):
        return "impossible_stats"
    return None


def _is_impossible(seat: Node) -> bool:
    return not seat["hero_id"].whole() or (seat["gold_per_min"].whole() or 0) > GOLD_PER_MINUTE_MAX
