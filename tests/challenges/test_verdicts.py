"""Verdicts: which judgement stands, when there is another, and who reads what of it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from agon.challenges import verdicts
from agon.kernel import database
from agon.kernel.database import refusal_of
from agon.kernel.errors import Refused
from tests.challenges.drafts import RULE, created, refused
from tests.challenges.test_duplicates import HOUR_MS, START_MS, hand_in, run
from tests.places import SERVICE, Place, wallet
from tests.writers import games, gpx

LOAD = "select agon.load_case($1, $2)"
RECORD = "select agon.record_verdict($1, $2, $3, $4, $5)"


async def load(place: Place, challenge: int, name: str = "bob") -> dict:
    pool = await place.database.pool("agon_worker")
    return await pool.fetchval(LOAD, challenge, wallet(name))


async def record(place: Place, challenge: int, case: dict, name: str = "bob") -> str:
    decision = verdicts.decide(case)
    basis = [row["id"] for row in case["evidence"]]
    pool = await place.database.pool("agon_worker")
    return await pool.fetchval(
        RECORD, challenge, wallet(name), basis, decision.verdict, decision.bundle.data
    )


async def test_the_same_judgement_twice_changes_nothing(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    case = await load(place, challenge)
    assert await record(place, challenge, case) == "recorded"
    before = await place.owner.fetchrow("select * from public.verdicts")
    assert await record(place, challenge, case) == "unchanged"
    assert await place.owner.fetchrow("select * from public.verdicts") == before
    topics = "select count(*) from agon.events where topic = 'verdict.recorded'"
    assert await place.owner.fetchval(topics) == 1


async def test_a_judgement_of_old_evidence_is_stale(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    old = await load(place, challenge)
    await hand_in(place, challenge, "bob", gpx.write(run(seed=2, start_ms=START_MS + HOUR_MS)))
    assert await record(place, challenge, old) == "stale"
    assert await place.owner.fetchval("select count(*) from public.verdicts") == 0


async def test_a_slow_judgement_never_overwrites_a_newer_one(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    case = await load(place, challenge)
    decision = verdicts.decide(case)
    slow = await database.connect(place.runtime.urls["agon_worker"])
    transaction = slow.transaction()
    await transaction.start()
    basis = [row["id"] for row in case["evidence"]]
    arguments = (challenge, wallet("bob"), basis, decision.verdict, decision.bundle.data)
    assert await slow.fetchval(RECORD, *arguments) == "recorded"
    later = asyncio.create_task(
        hand_in(place, challenge, "bob", gpx.write(run(seed=2, start_ms=START_MS + HOUR_MS)))
    )
    await asyncio.sleep(0.3)
    assert not later.done(), "the next submission waits for its turn"
    await transaction.commit()
    await slow.close()
    await later
    await place.work()
    value = "select metadata -> 'conditions' -> 0 -> 'value' from public.verdicts"
    assert await place.owner.fetchval(value) > 11_000_000


async def test_a_finalized_challenge_takes_neither_evidence_nor_verdict(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    case = await load(place, challenge)
    async with place.database.as_caller(SERVICE) as conn:
        await conn.execute("select public.finalize_challenge($1, 1::smallint)", challenge)
    assert await record(place, challenge, case) == "closed"
    with pytest.raises(Refused) as error:
        await hand_in(place, challenge, "carol", gpx.write(run(seed=5)))
    assert error.value.refusal.code == "challenge_not_open"


async def test_joining_after_evidence_is_judged_again(place):
    rule = {"version": 1, "titles": ["dota2"], "metric": "wins", "compare": ">=", "target": 1}
    challenge = await created(
        place, model_id="agon.gaming@1", proof={"params": {"rule": rule}}, timeline=None
    )
    document = games.encoded(games.opendota_match(11, start_ms=START_MS - 365 * 24 * HOUR_MS))
    await hand_in(place, challenge, "bob", document, "opendota", "11")
    await place.work()
    assert await place.owner.fetchval("select pass from public.verdicts") is True
    async with place.database.as_worker(place.actor("bob")) as conn:
        await conn.execute("select agon.join_challenge($1, $2, null)", challenge, wallet("bob"))
    await place.work()
    row = await place.owner.fetchrow("select pass, metadata::text from public.verdicts")
    assert row["pass"] is False, "the game began before the participant enrolled"


async def test_a_file_that_the_model_does_not_take_is_refused(place):
    challenge = await created(place)
    await place.owner.execute("""update public.models set file_accept = '["application/json"]'""")
    with pytest.raises(Refused) as error:
        await hand_in(place, challenge, "bob", gpx.write(run()))
    assert (error.value.refusal.code, error.value.refusal.status) == (
        "media_type_not_accepted", 415,
    )  # fmt: skip


async def test_the_legacy_model_judges_too(place):
    challenge = await created(place, model_id="strava.distance_in_window@1")
    await hand_in(place, challenge, "bob", gpx.write(run(distance_m=11_000)), "strava")
    await place.work()
    assert await place.owner.fetchval("select pass from public.verdicts") is True


async def test_the_rule_may_stand_in_params(place):
    challenge = await created(place, proof=None, params={"rule": {**RULE, "target": 5}})
    await hand_in(place, challenge, "bob", gpx.write(run()))
    await place.work()
    assert await place.owner.fetchval("select pass from public.verdicts") is True


async def test_the_breakdown_is_for_the_participant(place):
    challenge = await created(place)
    await hand_in(place, challenge, "bob", gpx.write(run()))
    await place.work()
    call = ("public.verdict_metadata", challenge, wallet("bob"))
    async with place.database.as_caller(place.actor("bob")) as conn:
        metadata = await conn.fetchval(f"select {call[0]}($1, $2)", *call[1:])
    assert metadata["conditions"]
    stranger = await place.own("carol")
    assert await refused(place, stranger, *call) == ("not_your_wallet", 403)


@pytest.mark.parametrize("login", ["agon_web"])
async def test_a_forged_claim_makes_nobody_the_service(place, login):
    challenge = await created(place, approve=False)
    conn = await database.connect(place.runtime.urls[login])
    try:
        async with conn.transaction():
            await conn.execute("set local role authenticated")
            await conn.execute(
                """select set_config('request.jwt.claims', '{"role": "service_role"}', true)"""
            )
            assert await conn.fetchval("select agon.is_admin()") is False
            with pytest.raises(asyncpg.PostgresError) as error:
                await conn.execute("select public.approve_challenge($1)", challenge)
            assert refusal_of(error.value).code == "admin_only"
    finally:
        await conn.close()


async def test_no_wallet_is_nobodys_wallet(place):
    async with place.database.as_caller(await place.own("ada")) as conn:
        with pytest.raises(asyncpg.PostgresError) as error:
            await conn.execute("select agon.require_wallet(null)")
    assert refusal_of(error.value).code == "not_your_wallet"
