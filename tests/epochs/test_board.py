"""The live board without Redis: Postgres answers; and what a board in Redis would say, decided."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agon.epochs import board, checks, live
from agon.kernel.errors import Refused
from tests.epochs import days
from tests.epochs.days import BOT_S, DAY, FREEZES, HOLD_S, SLOT_S, STARTS

BOT = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"
HELD = {"index": 0, "holder": OTHER, "held_since": "1970-01-01T00:00:01.5+00:00", "seq": 7}
FREE = {"index": 0, "holder": None, "held_since": None, "seq": None}


async def test_without_redis_the_board_is_what_postgres_holds(place, api):
    day = await days.live(place, None, "ada")
    path = f"/api/epochs/{DAY}"
    claimed = await day.claim("ada", 2)
    answer = (await api.get(f"{path}/board")).json()
    assert answer["slots"] == (await api.get(f"{path}/slots")).json()
    assert answer["slots"][2] == claimed["slot"]
    assert [slot["seq"] for slot in answer["slots"]] == [None, None, claimed["seq"], None, None]
    assert (answer["day"], datetime.fromisoformat(answer["as_of"])) == (str(DAY), STARTS)
    await day.at(FREEZES)
    await day.advance()
    assert (await api.get(f"{path}/board")).json()["slots"] == answer["slots"]
    unknown = await api.get("/api/epochs/2026-03-09/board")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "epoch_unknown")


async def test_a_claim_is_told_each_cooldown_that_it_left(place):
    day = await days.live(place, None, "ada", "bob")
    bot_until, slot_until = (STARTS + timedelta(seconds=s) for s in (BOT_S, SLOT_S))
    told = (await day.claim("ada"))["cooldowns"]
    assert datetime.fromisoformat(told["bot"]) == bot_until
    assert datetime.fromisoformat(told["slot"]) == slot_until
    attack = await day.claim("bob")
    # Of another slot it may come sooner than of the one that it attacked.
    assert datetime.fromisoformat(attack["next_claim_at"]) == STARTS + timedelta(seconds=HOLD_S)
    assert datetime.fromisoformat(attack["cooldowns"]["bot"]) == bot_until
    assert attack["cooldowns"]["slot"] is None


def test_redis_is_behind_where_it_lacks_a_slot_or_knows_an_older_holder():
    assert board.behind({}, {0: 0, 3: 9}) == [0, 3]
    assert board.behind({0: 5, 3: 9, 4: 0}, {0: 6, 3: 9, 4: 0}) == [0]


def test_redis_is_ahead_where_it_knows_a_claim_that_postgres_does_not():
    assert not board.is_ahead({0: 5, 1: 0}, {0: 6, 1: 0, 2: 4})
    assert board.is_ahead({0: 7}, {0: 6})
    assert board.is_ahead({9: 1}, {0: 6})


@pytest.mark.parametrize(
    ("claims", "asked", "named"),
    [
        ({}, BOT, BOT),
        ({"bot_identity_id": BOT}, None, BOT),
        ({"bot_identity_id": BOT}, OTHER, OTHER),
        ({}, None, None),
        ({}, BOT.upper().replace("0", "A"), None),
        ({}, f"{BOT}:x", None),
        ({}, 7, None),
        ({"bot_identity_id": 7}, None, None),
    ],
)
def test_only_a_bot_that_is_named_by_its_id_is_refused_early(claims, asked, named):
    assert board.named_bot(claims, asked) == named


def test_a_claim_within_a_cooldown_is_told_when_all_waiting_is_over():
    answer = board.refusal(1000, 2000, 0, 1000, HELD, BOT)
    assert (answer["accepted"], answer["reason"], answer["seq"]) == (False, "bot_cooldown", None)
    assert answer["slot"] == HELD
    assert answer["next_claim_at"] == "1970-01-01T00:00:02.500000+00:00"
    assert answer["cooldowns"] == {"bot": "1970-01-01T00:00:02+00:00", "slot": None}
    answer = board.refusal(1000, 900, 3000, 1000, HELD, BOT)
    assert answer["reason"] == "slot_cooldown"
    assert answer["next_claim_at"] == answer["cooldowns"]["slot"] == "1970-01-01T00:00:03+00:00"
    assert board.refusal(1000, 2000, 0, 1000, FREE, BOT)["slot"] == FREE


def test_what_is_not_sure_is_left_to_postgres():
    assert board.refusal(2000, 2000, 0, 1000, HELD, BOT) is None
    assert board.refusal(1000, 0, 0, 1000, HELD, BOT) is None
    # The hold makes an attack of a claim, which is an event.
    assert board.refusal(1000, 900, 0, 9000, HELD, BOT) is None
    # It would be told that it holds the slot already.
    assert board.refusal(1000, 2000, 0, 1000, HELD, OTHER) is None


async def test_the_doctor_says_that_there_is_no_redis(place):
    assert (await checks.check_redis(place.runtime)).state == "note"


async def test_a_url_of_something_else_is_a_wrong_configuration(place):
    place.runtime.settings.values["redis_url"] = "https://secret@example.org"
    with pytest.raises(Refused) as error:
        async with live.opened(place.runtime):
            raise AssertionError("opened")
    assert error.value.refusal.code == "configuration_wrong"
    assert "secret" not in str(error.value)
