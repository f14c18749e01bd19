"""Claims: who holds a slot, when the next one may come, and what each attempt leaves behind."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import asyncpg
import pytest

from agon.epochs import claims, credentials
from agon.kernel.database import ANONYMOUS, Actor
from agon.kernel.errors import Refused
from tests.epochs import days
from tests.epochs.days import BOT_S, HOLD_S, LIVE_S, SLOT_S, STARTS
from tests.epochs.ledger import Transfer, tell
from tests.places import SERVICE, wallet


@pytest.fixture
async def day(place):
    """Live, with bots of ada and bob."""
    return await days.live(place, None, "ada", "bob")


def code_of(error) -> str:
    return error.value.refusal.code


def when(answer) -> datetime:
    return datetime.fromisoformat(answer["next_claim_at"])


def later(seconds: float) -> datetime:
    return STARTS + timedelta(seconds=seconds)


async def test_a_free_slot_is_taken_and_the_answer_says_when_to_come_again(day):
    answer = await day.claim("ada", 2, "abc é")
    assert answer["accepted"] is True and answer["reason"] is None
    slot = answer["slot"]
    assert (slot["index"], slot["type"], slot["label"]) == (2, "melody", "Melody 2")
    assert (slot["holder"], slot["code"]) == (day.bots["ada"], "abc é")
    assert datetime.fromisoformat(slot["held_since"]) == STARTS
    assert when(answer) == later(BOT_S)
    (event,) = await day.events("slot_claimed")
    assert event["seq"] == answer["seq"]
    assert (event["bot"], event["slot"], event["wallet"]) == (day.bots["ada"], 2, None)
    assert event["at_ms"] == STARTS.timestamp() * 1000
    assert event["data"] == {"code_hash": hashlib.sha256("abc é".encode()).hexdigest()}


async def test_a_held_slot_is_overwritten_after_the_minimum_hold(day):
    await day.claim("ada")
    await day.at(HOLD_S)
    answer = await day.claim("bob", 0, "cab")
    assert answer["accepted"] and answer["slot"]["holder"] == day.bots["bob"]
    (event,) = await day.events("slot_overwritten")
    assert event["data"] == {
        "from": day.bots["ada"], "code_hash": hashlib.sha256(b"cab").hexdigest(),
    }  # fmt: skip


async def test_within_the_minimum_hold_a_claim_is_an_attack_and_changes_nothing_else(day):
    before = await day.claim("ada")
    await day.at(HOLD_S - 0.001)
    answer = await day.claim("bob", 0, "cab")
    assert (answer["accepted"], answer["reason"]) == (False, "minimum_hold")
    assert answer["slot"] == before["slot"]
    assert when(answer) == later(HOLD_S - 0.001 + BOT_S)
    (event,) = await day.events("slot_attacked")
    assert (event["seq"], event["bot"], event["slot"]) == (answer["seq"], day.bots["bob"], 0)
    assert event["data"] == {"holder": day.bots["ada"]}


async def test_an_attack_costs_the_bot_its_turn_like_a_claim(day):
    await day.claim("ada")
    await day.at(1)
    await day.claim("bob")
    await day.at(1 + BOT_S - 0.001)
    answer = await day.claim("bob", 1)
    assert (answer["accepted"], answer["reason"]) == (False, "bot_cooldown")
    assert len(await day.events("slot_attacked")) == 1


async def test_a_bot_waits_between_claims_of_any_slot(day):
    await day.claim("ada")
    await day.at(BOT_S - 0.001)
    answer = await day.claim("ada", 1)
    assert (answer["accepted"], answer["reason"], answer["seq"]) == (False, "bot_cooldown", None)
    assert when(answer) == later(BOT_S)
    await day.at(BOT_S)
    assert (await day.claim("ada", 1))["accepted"]
    assert len(await day.events("slot_claimed")) == 2


async def test_who_comes_too_early_is_told_when_all_waiting_is_over(day):
    await day.claim("ada", 1)
    await day.at(3)
    await day.claim("bob", 0)
    await day.at(4)
    answer = await day.claim("ada", 0)
    assert (answer["reason"], when(answer)) == ("bot_cooldown", later(3 + HOLD_S))


async def test_without_cooldowns_a_request_that_waited_is_not_too_early(place):
    none = {"minimum_hold_ms": 0, "cooldown_ms": {"bot": 0, "slot": 0}}
    day = await days.live(place, days.profile(**none), "ada")
    await day.at(20)
    await day.claim("ada", 0)
    await day.at(19)
    assert (await day.claim("ada", 1))["accepted"]
    first, second = await day.events("slot_claimed")
    assert first["at_ms"] == second["at_ms"]


async def test_a_bot_waits_longer_before_it_claims_the_same_slot_again(day):
    await day.claim("ada")
    await day.at(HOLD_S)
    await day.claim("bob")
    await day.at(HOLD_S + HOLD_S)
    answer = await day.claim("ada")
    assert (answer["accepted"], answer["reason"]) == (False, "slot_cooldown")
    assert when(answer) == later(SLOT_S)
    await day.at(SLOT_S)
    assert (await day.claim("ada"))["accepted"]


async def test_a_bot_cannot_take_what_it_holds(day):
    first = await day.claim("ada")
    await day.at(SLOT_S + 1)
    answer = await day.claim("ada", 0, "bbb")
    assert (answer["accepted"], answer["reason"]) == (False, "holds_already")
    assert answer["slot"] == first["slot"]
    assert [e["type"] for e in await day.events()] == ["phase_moved", "slot_claimed"]


@pytest.mark.parametrize(
    ("slot", "code", "refusal"),
    [
        (5, "abc", "slot_unknown"),
        (-1, "abc", "slot_unknown"),
        (None, "abc", "slot_unknown"),
        (0, "", "code_missing"),
        (0, None, "code_missing"),
        (0, "abcA", "code_characters"),
        (0, "[^a]", "code_characters"),
        (7, "x" * 9, "code_too_large"),
        (7, "abc", "code_characters"),
        (0, "é" * 101, "code_too_large"),
    ],
)
async def test_what_does_not_fit_the_slot_is_refused(day, slot, code, refusal):
    with pytest.raises(Refused) as error:
        await day.claim("ada", slot, code)
    assert code_of(error) == refusal
    assert [e["type"] for e in await day.events()] == ["phase_moved"]


async def test_the_largest_code_with_every_character_fits(day):
    assert (await day.claim("ada", 0, "é" * 100))["accepted"]
    await day.at(BOT_S)
    assert (await day.claim("ada", 7, "x.x.x.x."))["accepted"]


async def test_before_live_and_after_it_nobody_claims(place):
    day = await days.opened(place)
    await day.bot("ada")
    with pytest.raises(Refused) as error:
        await day.claim("ada")
    assert code_of(error) == "epoch_not_live"
    await day.at(0)
    await day.advance()
    # The clock counts, also where nobody has moved the phase yet.
    await day.at(LIVE_S - 0.001)
    assert (await day.claim("ada"))["accepted"]
    await day.at(LIVE_S)
    for _ in range(2):
        with pytest.raises(Refused) as error:
            await day.claim("ada", 1)
        assert code_of(error) == "epoch_not_live"
        await day.advance()


async def test_a_day_that_was_never_opened_is_unknown(day, place):
    async with place.database.as_caller(place.actor("ada")) as conn:
        with pytest.raises(asyncpg.PostgresError, match="No epoch was opened"):
            await claims.claim_slot(conn, 0, "abc", None, days.DAY + timedelta(days=1))


async def test_strangers_and_those_who_are_not_signed_in_claim_for_nobody(day, place):
    await place.own("eve")
    for actor, bot, refusal in (
        ("eve", day.bots["ada"], "not_your_bot"),
        ("eve", None, "bot_missing"),
        ("ada", "00000000-0000-4000-8000-000000000000", "not_your_bot"),
        (SERVICE, None, "bot_missing"),
    ):
        with pytest.raises(Refused) as error:
            await day.claim(actor, bot=bot)
        assert code_of(error) == refusal
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await day.claim(ANONYMOUS, bot=day.bots["ada"])


async def test_who_owns_one_bot_need_not_name_it_and_who_owns_two_must(day, place):
    answer = await day.claim(place.actor("ada"))
    assert answer["slot"]["holder"] == day.bots["ada"]
    await day.bot("ada", token=9)
    with pytest.raises(Refused) as error:
        await day.claim(place.actor("ada"), 1)
    assert code_of(error) == "bot_missing"


async def test_the_former_owner_claims_no_more(day, place):
    await tell(
        place.owner,
        [Transfer(block=200, token=1, sender=wallet("ada"), receiver=wallet("bob"))],
    )
    with pytest.raises(Refused) as error:
        await day.claim("ada")
    assert code_of(error) == "not_your_bot"
    assert (await day.claim("bob", bot=day.bots["ada"]))["accepted"]


@pytest.mark.parametrize("status", ["suspended", "retired"])
async def test_only_active_bots_claim(day, place, status):
    await place.owner.execute(
        "update bot_identities set status = $1 where id = $2::text::uuid", status, day.bots["ada"]
    )
    with pytest.raises(Refused) as error:
        await day.claim("ada")
    assert code_of(error) == "bot_not_active"


async def test_of_a_slot_no_event_is_earlier_than_the_one_before(day, place):
    await day.at(20)
    await day.claim("ada")
    # As of a request that began earlier and waited for its turn.
    await day.at(19)
    answer = await day.claim("bob")
    assert (answer["reason"], len(await day.events("slot_attacked"))) == ("minimum_hold", 1)
    times = [e["at_ms"] for e in await day.events() if e["slot"] == 0]
    assert times == sorted(times)


async def credential(place, name: str, slug: str) -> Actor:
    """Who shows a new credential of somebody's bot."""
    async with place.database.as_worker(place.actor(name)) as conn:
        made = await credentials.issue(conn, slug)
    async with place.database.as_worker() as conn:
        found = await conn.fetchval(
            "select agon.find_agent_credential($1)",
            hashlib.sha256(made["credential"].encode()).digest(),
        )
    return Actor(role="authenticated", claims=found)


async def slug_of(day, name: str) -> str:
    return await day.place.owner.fetchval(
        "select slug from bot_identities where id = $1::text::uuid", day.bots[name]
    )


async def test_a_credential_claims_for_its_bot_and_no_other(day, place):
    agent = await credential(place, "ada", await slug_of(day, "ada"))
    assert (await day.claim(agent))["slot"]["holder"] == day.bots["ada"]
    with pytest.raises(Refused) as error:
        await day.claim(agent, bot=day.bots["bob"])
    assert code_of(error) == "not_your_bot"


async def test_a_credential_has_no_rights_of_a_wallet(day, place):
    agent = await credential(place, "ada", await slug_of(day, "ada"))
    async with place.database.as_caller(agent) as conn:
        assert await conn.fetch("select agon.wallets()") == []
    with pytest.raises(Refused) as error:
        async with place.database.as_caller(agent) as conn:
            await claims.cast_vote(conn, None, "tempo", "120", "1", wallet("ada"))
    assert code_of(error) == "sign_in_first"
    for act in (credentials.issue, credentials.listed):
        with pytest.raises(Refused) as error:
            async with place.database.as_worker(agent) as conn:
                await act(conn, await slug_of(day, "ada"))
        assert code_of(error) == "not_your_bot"


async def test_a_credential_ends_with_its_revocation_its_time_and_its_owner(day, place):
    slug = await slug_of(day, "ada")
    agents = [await credential(place, "ada", slug) for _ in range(2)]
    async with place.database.as_worker(place.actor("ada")) as conn:
        assert await credentials.revoke(conn, slug, agents[0].claims["agent_credential"])
        assert not await credentials.revoke(conn, slug, agents[0].claims["agent_credential"])
    with pytest.raises(Refused):
        await day.claim(agents[0])
    await tell(
        place.owner,
        [Transfer(block=200, token=1, sender=wallet("ada"), receiver=wallet("bob"))],
    )
    with pytest.raises(Refused) as error:
        await day.claim(agents[1])
    assert code_of(error) == "not_your_bot"
    agent = await credential(place, "bob", slug)
    await place.owner.execute(
        "update agon.agent_credentials set created_at = created_at - interval '60 days', "
        "expires_at = agon.now() where id = $1::text::uuid",
        agent.claims["agent_credential"],
    )
    with pytest.raises(Refused):
        await day.claim(agent)


async def test_only_the_owner_gives_credentials_and_only_so_many(day, place):
    slug = await slug_of(day, "ada")
    with pytest.raises(Refused) as error:
        await credential(place, "bob", slug)
    assert code_of(error) == "not_your_bot"
    for _ in range(8):
        await credential(place, "ada", slug)
    with pytest.raises(Refused) as error:
        await credential(place, "ada", slug)
    assert code_of(error) == "too_many_credentials"
    for held in (0, 367):
        with pytest.raises(Refused) as error:
            async with place.database.as_worker(place.actor("bob")) as conn:
                await credentials.issue(conn, await slug_of(day, "bob"), held)
        assert code_of(error) == "days_out_of_range"
