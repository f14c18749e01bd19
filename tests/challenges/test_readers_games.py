"""Readers for matches and accounts: OpenDota, Steam, Riot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.challenges.documents import ACCOUNT, GOOD, PUUID, STEAM64, changed, code, record, sample
from tests.writers import games, tracks


class TestDota:
    def test_a_match_of_opendota_is_read(self) -> None:
        found = record("opendota", sample("opendota/match_7490235544_api.json"))
        assert (found["title"], found["match_id"]) == ("dota2", "7490235544")
        assert (found["start_ms"], found["elapsed_ms"]) == (1_702_703_340_000, 2_846_000)
        assert (found["won"], found["team"], found["hero"]) == (True, "radiant", "54")
        assert (found["kills"], found["deaths"], found["assists"]) == (10, 1, 10)
        assert (found["ranked"], found["queue"], found["void"]) == (False, "practice", None)

    def test_a_match_of_steam_is_read_under_both_providers(self) -> None:
        data = sample("opendota/match_details_api.json")
        found = record("steam", data, player="120269134")
        assert (found["won"], found["ranked"], found["mode"]) == (True, True, "all_draft")
        assert record("opendota", data, player="120269134") == found | {"format": "opendota"}

    def test_steam64_and_account_id_name_one_player(self) -> None:
        assert record("opendota", GOOD["opendota"], player=STEAM64) == record(
            "opendota", GOOD["opendota"]
        )

    def test_a_loss_on_the_dire_is_a_loss(self) -> None:
        found = record("opendota", games.opendota_match(ACCOUNT, won=False, radiant=False))
        assert (found["won"], found["team"]) == (False, "dire")

    def test_a_player_who_was_not_there_is_refused(self) -> None:
        assert code("opendota", GOOD["opendota"], player="7") == (
            "evidence_player_not_in_match",
            "/players",
        )

    @pytest.mark.parametrize("hidden", [None, 2**32 - 1])
    def test_an_anonymous_seat_proves_nothing(self, hidden: int | None) -> None:
        document = changed("opendota", "players", 0, "account_id", value=hidden)
        assert code("opendota", document)[0] == "evidence_player_not_in_match"

    @pytest.mark.parametrize(
        "player", ["4294967295", "0", "-5", "somebody", "", "9" * 5_000, "٣", str(2**64)]
    )
    def test_what_is_no_account_is_refused(self, player: str) -> None:
        assert code("opendota", GOOD["opendota"], player=player)[0] == "evidence_player_missing"

    @pytest.mark.parametrize(
        ("changes", "void"),
        [
            ({}, None),
            ({"radiant_win": None}, "aborted"),
            ({"duration_s": 360}, "too_short"),
            ({"duration_s": 361}, None),
            ({"game_mode": 23}, "unbalanced_mode"),
            ({"lobby_type": 8}, "unbalanced_lobby"),
            ({"lobby_type": 4}, "bots"),
            ({"lobby_type": 10}, "bots"),
            ({"human_players": 9}, "bots"),
            ({"hero_id": 0}, "impossible_stats"),
        ],
    )
    def test_a_match_counts_only_if_it_is_significant(self, changes: Any, void: Any) -> None:
        assert record("opendota", games.opendota_match(ACCOUNT, **changes))["void"] == void

    def test_impossible_gold_of_anyone_voids_the_match(self) -> None:
        document = changed("opendota", "players", 7, "gold_per_min", value=10_000)
        assert record("opendota", document)["void"] == "impossible_stats"

    @pytest.mark.parametrize(("status", "left"), [(0, False), (1, False), (2, True), (None, False)])
    def test_abandoning_begins_at_status_two(self, status: int | None, left: bool) -> None:
        document = changed("opendota", "players", 0, "leaver_status", value=status)
        assert record("opendota", document)["left_early"] == left

    @pytest.mark.parametrize("lobby", [0, 1, 5, 6, 9])
    def test_only_the_ranked_lobby_is_ranked(self, lobby: int) -> None:
        assert record("opendota", GOOD["opendota"])["ranked"]
        assert not record("opendota", changed("opendota", "lobby_type", value=lobby))["ranked"]

    def test_an_unknown_mode_is_named_by_its_number_and_void(self) -> None:
        found = record("opendota", changed("opendota", "game_mode", value=99))
        assert (found["mode"], found["void"]) == ("99", "unbalanced_mode")


class TestSteamAccounts:
    def test_a_summary_gives_age_and_visibility(self) -> None:
        found = record(
            "steam", sample("opendota/steam_player_summaries.json"), player="76561198080534862"
        )
        assert found["type"] == "account"
        assert (found["player_id"], found["public"]) == ("120269134", True)
        assert (found["created_ms"], found["handle"]) == (1_357_309_801_000, "Cherno Billy")

    def test_a_private_profile_has_no_age(self) -> None:
        document = games.steam_players(ACCOUNT, created_ms=None, visibility=1)
        found = record("steam", document)
        assert (found["created_ms"], found["public"]) == (None, False)

    def test_account_and_games_name_one_player(self) -> None:
        account = record("steam", games.steam_players(ACCOUNT))
        game = record("opendota", GOOD["opendota"])
        assert [account[key] for key in ("title", "player_id")] == [
            game[key] for key in ("title", "player_id")
        ]

    def test_only_the_players_own_account_is_taken(self) -> None:
        assert record("steam", games.steam_players(7, ACCOUNT))["player_id"] == str(ACCOUNT)
        assert code("steam", games.steam_players(7))[0] == "evidence_player_not_in_match"


class TestRiot:
    def test_a_match_is_read(self) -> None:
        data = sample("riot/match_v5_KR_7014499581.json")
        player = json.loads(data)["metadata"]["participants"][0]
        found = record("riot", data, player=player)
        assert (found["title"], found["match_id"]) == ("lol", "KR_7014499581")
        assert (found["start_ms"], found["elapsed_ms"]) == (1_712_161_619_935, 1_739_000)
        assert (found["won"], found["ranked"], found["queue"]) == (False, True, "ranked_solo")
        assert (found["role"], found["hero"], found["team"]) == ("top", "Aatrox", "blue")
        assert (found["kills"], found["deaths"], found["assists"]) == (1, 4, 1)
        assert found["void"] is None

    def test_the_duration_is_in_seconds_only_with_an_end(self) -> None:
        new = record("riot", games.riot_match(PUUID, duration_s=1_800))
        old = record("riot", games.riot_match(PUUID, duration_s=1_800, before_11_20=True))
        assert new["elapsed_ms"] == old["elapsed_ms"] == 1_800_000

    def test_an_end_long_after_the_game_is_not_believed(self) -> None:
        late = games.riot_match(PUUID, gameEndTimestamp=tracks.START_MS + 86_400_000)
        assert record("riot", late)["elapsed_ms"] == 1_800_000

    def test_a_player_who_was_not_there_is_refused(self) -> None:
        assert code("riot", GOOD["riot"], player="q" * 78)[0] == "evidence_player_not_in_match"

    @pytest.mark.parametrize(
        ("changes", "void"),
        [
            ({"remake": True}, "remake"),
            ({"remake": True, "duration_s": 248}, "remake"),
            ({"duration_s": 170}, None),
            ({"gameType": "CUSTOM_GAME"}, "custom_game"),
            ({"mapId": 12}, "wrong_map"),
            ({"mapId": 12, "queue_id": 450}, None),
            ({"gameVersion": ""}, "aborted"),
            ({"gameVersion": None}, "aborted"),
        ],
    )
    def test_a_match_counts_only_if_it_was_played_out(self, changes: Any, void: Any) -> None:
        assert record("riot", games.riot_match(PUUID, **changes))["void"] == void

    @pytest.mark.parametrize(("queue", "ranked"), [(420, True), (440, True), (450, False)])
    def test_two_queues_are_ranked(self, queue: int, ranked: bool) -> None:
        assert record("riot", games.riot_match(PUUID, queue_id=queue))["ranked"] == ranked

    def test_an_empty_match_is_void_and_without_times_refused(self) -> None:
        empty = changed("riot", "info", "participants", value=[])
        assert record("riot", empty)["void"] == "aborted"
        assert record("riot", empty)["won"] is None
        empty["info"] |= {"gameStartTimestamp": 0, "gameCreation": 0}
        assert code("riot", empty)[0] == "evidence_without_times"
