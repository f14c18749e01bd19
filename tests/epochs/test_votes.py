"""Votes: by a wallet of the caller, once on each target, while the day is live."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from agon.epochs import claims, history
from agon.epochs.event_log import TARGET_ID
from agon.kernel.database import ANONYMOUS, Actor
from agon.kernel.errors import Refused
from tests.epochs import days
from tests.epochs.days import DAY, FREEZES
from tests.places import SERVICE, refusal_of, wallet


@pytest.fixture
async def day(place):
    """Live, with bots of ada and bob; eve has a wallet and no bot."""
    await place.own("eve")
    return await days.live(place, None, "ada", "bob")


async def refused(act) -> str:
    return (await refusal_of(act)).code


async def seen(place, actor) -> list:
    async with place.database.as_caller(actor) as conn:
        return await history.votes(conn, DAY, None, 100)


async def test_a_vote_stands_with_its_weights_and_is_an_event(day):
    vote = await day.vote("eve", day.bots["ada"].upper(), "0.75", "bot")
    assert (vote["voter"], vote["target_type"]) == (wallet("eve"), "bot")
    assert (vote["target_id"], vote["score"]) == (day.bots["ada"], "0.7500")
    assert (vote["raw_weight"], vote["effective_weight"]) == ("1.0000", "1.0000")
    assert (await day.vote("eve", "C#m", "1", "key"))["raw_weight"] == "0.5000"
    event, _ = await day.events("vote_cast")
    assert (event["bot"], event["slot"], event["wallet"]) == (None, None, wallet("eve"))
    assert event["data"] == {
        "target_type": "bot", "target_id": day.bots["ada"], "score": "0.7500",
    }  # fmt: skip


async def test_one_votes_once_on_a_target(day):
    first = await day.vote("eve")
    assert await day.vote("eve") == first
    assert await refused(day.vote("eve", score="0.6")) == "voted_already"
    assert len(await day.events("vote_cast")) == 1
    assert await day.vote("ada") != first


async def test_the_same_vote_at_once_is_one(day):
    votes = await asyncio.gather(*(day.vote("eve") for _ in range(8)))
    assert len({vote["id"] for vote in votes}) == 1
    assert len(await day.events("vote_cast")) == 1


async def test_one_votes_by_a_wallet_of_ones_own_alone(day, place):
    assert await refused(day.vote("eve", by=wallet("ada"))) == "not_your_wallet"
    assert await refused(day.vote("nobody")) == "not_your_wallet"
    assert await refused(day.vote("eve", by="0x")) == "not_your_wallet"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with place.database.as_caller(ANONYMOUS) as conn:
            await claims.cast_vote(conn, DAY, "tempo", "120", "1", wallet("eve"))


async def test_nobody_votes_on_a_bot_of_their_own_by_whichever_wallet(day, place):
    assert await refused(day.vote("ada", day.bots["ada"], kind="bot")) == "own_bot"
    async with place.database.as_worker() as conn:
        await conn.execute(
            "select agon.link_wallet($1::text::uuid, $2)", place.actor("ada").user_id, wallet("a2")
        )
    second = day.vote("ada", day.bots["ada"], kind="bot", by=wallet("a2"))
    assert await refused(second) == "own_bot"
    with pytest.raises(Refused) as error:
        async with place.database.as_caller(SERVICE) as conn:
            await claims.cast_vote(conn, DAY, "bot", day.bots["ada"], "1", wallet("ada"))
    assert error.value.refusal.code == "own_bot"


@pytest.mark.parametrize("instant", [-1, FREEZES])
async def test_outside_of_live_nobody_votes(place, instant):
    day = await days.opened(place)
    await day.bot("ada")
    await day.at(instant)
    await day.advance()
    with pytest.raises(Refused) as error:
        async with place.database.as_caller(place.actor("ada")) as conn:
            await claims.cast_vote(conn, DAY, "tempo", "120", "1", wallet("ada"))
    assert error.value.refusal.code == "epoch_not_live"
    assert await refused(day.vote("ada")) == "epoch_not_live"


@pytest.mark.parametrize(
    ("kind", "target", "score", "code"),
    [
        ("colour", "red", "1", "vote_kind_unknown"),
        (None, "red", "1", "vote_kind_unknown"),
        ("tempo", "", "1", "vote_target_malformed"),
        ("tempo", None, "1", "vote_target_malformed"),
        ("tempo", " 120", "1", "vote_target_malformed"),
        ("tempo", "x" * 101, "1", "vote_target_malformed"),
        ("tempo", "120", "1.0001", "score_out_of_range"),
        ("tempo", "120", "-0.1", "score_out_of_range"),
        ("tempo", "120", "0.12345", "score_out_of_range"),
        ("tempo", "120", "NaN", "score_out_of_range"),
        ("tempo", "120", None, "score_out_of_range"),
        ("bot", "bot_1", "1", "bot_unknown"),
        ("bot", "00000000-0000-4000-8000-000000000000", "1", "bot_unknown"),
    ],
)
async def test_what_is_no_vote_is_refused(day, kind, target, score, code):
    assert await refused(day.vote("eve", target, score, kind)) == code


async def test_a_kind_that_the_profile_leaves_out_is_not_voted_on(place):
    config = days.profile()
    del config["votes"]["kinds"]["key"]
    day = await days.live(place, config, "ada")
    assert await refused(day.vote("ada", "C", kind="key")) == "vote_kind_unknown"


async def test_suspended_bots_get_no_votes(day, place):
    await place.owner.execute(
        "update bot_identities set status = 'suspended' where id = $1::text::uuid", day.bots["ada"]
    )
    assert await refused(day.vote("eve", day.bots["ada"], kind="bot")) == "bot_not_active"


async def limited(place, **limits: int):
    config = days.profile()
    config["votes"] |= limits
    await place.own("eve")
    return await days.live(place, config, "ada")


async def test_an_address_has_so_many_votes_also_when_they_come_together(place):
    day = await limited(place, per_address_max=2)
    votes = (day.vote("eve", str(tempo)) for tempo in range(6))
    answers = await asyncio.gather(*votes, return_exceptions=True)
    codes = [a.refusal.code for a in answers if isinstance(a, Refused)]
    assert codes == ["address_votes_spent"] * 4
    assert len(await day.events("vote_cast")) == 2


async def test_a_session_has_so_many_votes_by_all_its_wallets(place):
    await limited(place, per_session_max=2)
    for name in ("e2", "e3"):
        async with place.database.as_worker() as conn:
            await conn.execute(
                "select agon.link_wallet($1::text::uuid, $2)", place.actor("eve").user_id,
                wallet(name),
            )  # fmt: skip
    sessions = [place.actor("eve", session_id=s) for s in ("s1", "s1", "s1", "s2")]
    wallets = ("eve", "e2", "e3", "e3")
    outcomes = []
    for actor, name in zip(sessions, wallets, strict=True):
        try:
            async with place.database.as_caller(actor) as conn:
                await claims.cast_vote(conn, None, "tempo", "120", "1", wallet(name))
            outcomes.append("cast")
        except Refused as error:
            outcomes.append(error.refusal.code)
    assert outcomes == ["cast", "cast", "session_votes_spent", "cast"]


async def test_while_it_is_live_one_sees_ones_own_votes_and_then_everybody_all(day, place):
    await day.vote("eve")
    await day.vote("ada")
    eve = place.actor("eve")
    assert [v["voter"] for v in await seen(place, eve)] == [wallet("eve")]
    assert await seen(place, ANONYMOUS) == []
    assert len(await seen(place, SERVICE)) == 2
    await day.at(FREEZES)
    await day.advance()
    for actor in (eve, ANONYMOUS, SERVICE):
        assert {v["voter"] for v in await seen(place, actor)} == {wallet("eve"), wallet("ada")}


async def test_nobody_but_the_service_sees_from_which_session_a_vote_came(day, place):
    await day.vote("eve")
    await day.at(FREEZES)
    await day.advance()
    session = "select voter_session_id from public.epoch_votes"
    for actor in (place.actor("eve"), ANONYMOUS):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(actor) as conn:
                await conn.fetch(session)
    async with place.database.as_caller(SERVICE) as conn:
        assert await conn.fetchval(session) == place.actor("eve").user_id


async def test_votes_are_cast_by_the_function_alone(day, place):
    await day.vote("eve")
    for actor in (place.actor("eve"), SERVICE):
        for act in (
            "insert into public.epoch_votes (epoch_id, voter_address, vote_target_type, "
            "vote_target_id, score) select epoch_id, voter_address, 'key', 'C', 1 "
            "from public.epoch_votes",
            "update public.epoch_votes set score = 1",
            "delete from public.epoch_votes",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with place.database.as_caller(actor) as conn:
                    await conn.execute(act)


async def test_a_vote_by_another_claim_of_who_one_is_is_refused(day, place):
    forged = Actor(role="authenticated", claims={"bot_identity_id": day.bots["ada"]})
    with pytest.raises(Refused) as error:
        async with place.database.as_caller(forged) as conn:
            await claims.cast_vote(conn, None, "tempo", "120", "1", wallet("ada"))
    assert error.value.refusal.code == "sign_in_first"


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ("voter_address = '0xABC'", "epoch_votes_voter_is_lower_case_hex"),
        ("vote_target_type = 'colour'", "epoch_votes_target_type_is_known"),
        ("vote_target_id = ' '", "epoch_votes_target_is_a_name"),
        ("score = 1.0001", "epoch_votes_score_is_a_share"),
        ("score = 'NaN'", "epoch_votes_score_is_a_share"),
        ("raw_weight = 'NaN'", "epoch_votes_weights_are_not_negative"),
        ("effective_weight = -1", "epoch_votes_weights_are_not_negative"),
    ],
)
async def test_a_row_that_breaks_the_claim_is_refused(day, place, change, claim):
    await day.vote("eve")
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await place.owner.execute(f"update epoch_votes set {change}")
    assert error.value.constraint_name == claim


async def test_a_target_has_one_form_in_the_table_and_in_the_log(place):
    claim = await place.owner.fetchval(
        "select pg_get_constraintdef(oid) from pg_constraint "
        "where conname = 'epoch_votes_target_is_a_name'"
    )
    assert f"'^{TARGET_ID}$'" in claim
