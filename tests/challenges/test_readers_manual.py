"""Reader for entries made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

from agon.challenges.records import Reading
from tests.challenges.documents import GOOD, MANUAL_GAME, MANUAL_RUN, RUN, code, read, record
from tests.writers import games


def test_entries_are_manual_and_of_the_lowest_trust() -> None:
    reading = read("manual", GOOD["manual"], origin="provider")
    assert isinstance(reading, Reading)
    assert [(found["manual"], found["trust"]) for found in reading.records] == [(True, 1)] * 2


def test_an_activity_keeps_what_it_says() -> None:
    found = record("manual", {"activities": [MANUAL_RUN]})
    assert (found["sport"], found["provider_id"]) == ("run", None)
    assert (found["elapsed_ms"], found["timer_ms"]) == (1_800_000, 1_650_000)
    assert (found["distance_mm"], found["ascent_mm"]) == (5_000_250, 42_500)
    assert (found["steps"], found["calories_kcal"]) == (5_200, 340)
    assert found["utc_offset_s"] == 3_600
    assert "in the rain" not in json.dumps(found)


def test_equal_activities_without_ids_are_both_kept() -> None:
    reading = read("manual", {"activities": [MANUAL_RUN, MANUAL_RUN]})
    assert isinstance(reading, Reading)
    assert len(reading.records) == 2


def test_a_game_names_its_player_where_no_account_is_linked() -> None:
    document = {"games": [MANUAL_GAME | {"player": "s1mple"}]}
    assert record("manual", document, player=None)["player_id"] == "s1mple"
    assert record("manual", document, player="linked")["player_id"] == "linked"
    assert code("manual", {"games": [MANUAL_GAME]}, player=None)[0] == ("evidence_player_missing")


def test_a_draw_is_neither_won_nor_lost() -> None:
    assert record("manual", {"games": [MANUAL_GAME | {"won": None}]})["won"] is None


def test_a_track_typed_in_is_read() -> None:
    entry = games.manual_activity(replace(RUN, sport="hike"))
    assert record("manual", games.manual_entries([entry]))["sport"] == "hike"
