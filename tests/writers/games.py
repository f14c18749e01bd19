"""JSON documents as the services answer them: OpenDota, Steam, Riot, Strava; and manual entries.

Each has the fields that its service documents and that a reader may want, not all that it sends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from tests.writers.text import rfc3339
from tests.writers.tracks import START_MS, Track

RANKED_LOBBY, ALL_PICK = 7, 22
SOLO_QUEUE, SUMMONERS_RIFT = 420, 11
DIRE_SLOT = 128
"""Dota's player slots are 0-4 for Radiant and 128-132 for Dire."""
STEAM64_BASE = 76_561_197_960_265_728
POSITIONS = ("TOP", "JUNGLE", "MIDDLE", "BOTTOM", "UTILITY")
STRAVA_SPORTS = {
    "run": "Run",
    "walk": "Walk",
    "hike": "Hike",
    "ride": "Ride",
    "swim": "Swim",
    "row": "Rowing",
    "strength": "WeightTraining",
    "yoga": "Yoga",
    "hiit": "HighIntensityIntervalTraining",
    "other": "Workout",
}

Document = dict[str, object]


def encoded(document: object) -> bytes:
    """JSON, one line."""
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def opendota_match(
    player: int | None,
    *,
    match_id: int = 8_100_000_001,
    start_ms: int = START_MS,
    duration_s: int = 2_400,
    won: bool = True,
    radiant: bool = True,
    hero_id: int = 54,
    kills: int = 9,
    deaths: int = 3,
    assists: int = 14,
    lobby_type: int = RANKED_LOBBY,
    game_mode: int = ALL_PICK,
    leaver_status: int = 0,
    **fields: object,
) -> Document:
    """`/matches/{id}` of OpenDota. player: account id, None for one who hides it."""
    players = [_dota_player(match_id, slot) for slot in (*range(5), *range(128, 133))]
    players[0 if radiant else 5] |= {
        "account_id": player,
        "hero_id": hero_id,
        "kills": kills,
        "deaths": deaths,
        "assists": assists,
        "leaver_status": leaver_status,
    }
    return {
        "match_id": match_id,
        "match_seq_num": match_id - 900_000_000,
        "start_time": start_ms // 1_000,
        "duration": duration_s,
        "radiant_win": won == radiant,
        "game_mode": game_mode,
        "lobby_type": lobby_type,
        "human_players": 10,
        "leagueid": 0,
        "cluster": 153,
        "engine": 1,
        "players": players,
        **fields,
    }


def steam_match(player: int | None, **fields: object) -> Document:
    """GetMatchDetails of the Steam Web API: the same facts one level down."""
    return {"result": opendota_match(player, **fields)}  # type: ignore[arg-type]


def steam_players(
    *accounts: int, created_ms: int | None = 1_357_309_801_000, visibility: int = 3
) -> Document:
    """GetPlayerSummaries of these account ids. created_ms: None where a profile hides it."""
    created = {} if created_ms is None else {"timecreated": created_ms // 1_000}
    players = [
        {
            "steamid": str(STEAM64_BASE + account),
            "communityvisibilitystate": visibility,
            "profilestate": 1,
            "personaname": f"player {account}",
            **created,
        }
        for account in accounts
    ]
    return {"response": {"players": players}}


def riot_match(
    puuid: str,
    *,
    number: int = 7_000_000_001,
    start_ms: int = START_MS,
    duration_s: int = 1_800,
    won: bool = True,
    champion: str = "Ahri",
    position: str = "MIDDLE",
    kills: int = 7,
    deaths: int = 2,
    assists: int = 8,
    queue_id: int = SOLO_QUEUE,
    remake: bool = False,
    before_11_20: bool = False,
    **info: object,
) -> Document:
    """match-v5 of Riot. before_11_20: duration in ms and no gameEndTimestamp, as it was then."""
    participants = [_lol_player(number, seat, won, remake) for seat in range(10)]
    participants[POSITIONS.index(position)] |= {
        "puuid": puuid,
        "championName": champion,
        "kills": kills,
        "deaths": deaths,
        "assists": assists,
    }
    timing: Document = {"gameDuration": duration_s * 1_000}
    if not before_11_20:
        end_ms = start_ms + duration_s * 1_000
        timing = {"gameDuration": duration_s, "gameEndTimestamp": end_ms}
    return {
        "metadata": {
            "dataVersion": "2",
            "matchId": f"EUW1_{number}",
            "participants": [participant["puuid"] for participant in participants],
        },
        "info": {
            "endOfGameResult": "GameComplete",
            "gameCreation": start_ms - 10_000,
            "gameStartTimestamp": start_ms,
            **timing,
            "gameId": number,
            "gameMode": "CLASSIC",
            "gameType": "MATCHED_GAME",
            "gameVersion": "16.21.1.1",
            "mapId": SUMMONERS_RIFT,
            "platformId": "EUW1",
            "queueId": queue_id,
            "participants": participants,
            "teams": [{"teamId": 100, "win": won}, {"teamId": 200, "win": not won}],
            **info,
        },
    }


def strava_activity(
    track: Track, *, activity_id: int = 16_300_000_001, **fields: object
) -> Document:
    """A DetailedActivity of Strava's API v3."""
    sport = ("Virtual" if track.virtual else "") + STRAVA_SPORTS[track.sport]
    metres = (track.distance_mm or 0) / 1_000
    first = track.points[0]
    place = None if first.lat_e7 is None else [first.lat_e7 / 1e7, (first.lon_e7 or 0) / 1e7]
    return {
        "id": activity_id,
        "resource_state": 3,
        "athlete": {"id": 1513, "resource_state": 1},
        "name": "Sample",
        "type": sport,
        "sport_type": sport,
        "distance": metres,
        "moving_time": track.timer_ms // 1_000,
        "elapsed_time": track.elapsed_ms // 1_000,
        "total_elevation_gain": (track.ascent_mm or 0) / 1_000,
        "start_date": rfc3339(track.start_ms),
        "start_date_local": rfc3339(track.start_ms + track.utc_offset_s * 1_000),
        "utc_offset": track.utc_offset_s,
        "timezone": "(GMT+01:00) Europe/Berlin",
        "start_latlng": place,
        "manual": track.manual,
        "trainer": track.indoor,
        "private": False,
        "flagged": False,
        "calories": track.calories or 0,
        "has_heartrate": track.average_heart_rate is not None,
        "average_heartrate": track.average_heart_rate,
        "device_name": None if track.device is None else track.device.manufacturer,
        **fields,
    }


def strava_streams(track: Track) -> Document:
    """The activity's streams, keyed by type; a stream that no point has is left out."""
    columns = {
        "time": [point.offset_ms // 1_000 for point in track.points],
        "distance": [_scaled(point.distance_mm, 1_000) for point in track.points],
        "latlng": [
            None if point.lat_e7 is None else [point.lat_e7 / 1e7, (point.lon_e7 or 0) / 1e7]
            for point in track.points
        ],
        "altitude": [_scaled(point.elevation_mm, 1_000) for point in track.points],
        "heartrate": [point.heart_rate for point in track.points],
        "cadence": [point.cadence for point in track.points],
    }
    return {
        name: {
            "data": column,
            "series_type": "time",
            "original_size": len(column),
            "resolution": "high",
        }
        for name, column in columns.items()
        if None not in column
    }


def manual_activity(track: Track, **fields: object) -> Document:
    """The same activity as somebody would type it in: whole metres, whole seconds."""
    facts: Document = {
        "sport": track.sport,
        "start": rfc3339(track.start_ms),
        "end": rfc3339(track.end_ms),
        "duration_s": track.timer_ms // 1_000,
    }
    if track.distance_mm is not None:
        facts["distance_m"] = track.distance_mm // 1_000
    return {**facts, **fields}


def manual_entries(activities: Iterable[Document] = (), games: Iterable[Document] = ()) -> Document:
    return {"activities": list(activities), "games": list(games)}


def _scaled(value: int | None, scale: int) -> float | None:
    return None if value is None else value / scale


def _dota_player(match_id: int, slot: int) -> Document:
    """A stranger, whose numbers follow from the match and the slot."""
    mix = (match_id * 131 + slot) * 7_919
    return {
        "account_id": 100_000_000 + mix % 800_000_000,
        "player_slot": slot,
        "team_number": slot // DIRE_SLOT,
        "hero_id": 1 + mix % 120,
        "kills": mix % 13,
        "deaths": mix % 11,
        "assists": mix % 17,
        "leaver_status": 0,
        "gold_per_min": 300 + mix % 400,
        "xp_per_min": 350 + mix % 500,
        "level": 15 + mix % 15,
    }


def _lol_player(number: int, seat: int, won: bool, remake: bool) -> Document:
    mix = (number * 31 + seat) * 7_919
    blue = seat < 5
    return {
        "participantId": seat + 1,
        "puuid": f"stranger-{number}-{seat}".ljust(78, "_"),
        "summonerLevel": 30 + mix % 400,
        "championName": ("Garen", "Lux", "Jinx", "Thresh", "Vi")[mix % 5],
        "teamId": 100 if blue else 200,
        "teamPosition": POSITIONS[seat % 5],
        "kills": mix % 13,
        "deaths": mix % 11,
        "assists": mix % 17,
        "win": won == blue,
        "gameEndedInEarlySurrender": remake,
        "gameEndedInSurrender": False,
        "teamEarlySurrendered": remake and blue,
        "timePlayed": 1_800,
    }
