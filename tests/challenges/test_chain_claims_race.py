"""A wallet's word and the log of the same claim, at the same time: one claim."""

from __future__ import annotations

import asyncio

import pytest

from agon.challenges import claims
from tests.challenges.stories import begun, created, hash_of, treasury_claimed
from tests.challenges.test_chain_claims import log, rows
from tests.places import wallet

TX = hash_of("tx")


@pytest.mark.parametrize(
    ("claim_type", "told"),
    [("treasury_eth", treasury_claimed("bob", "2", 5, TX)), ("principal", log(tx=TX))],
)
@pytest.mark.parametrize("first", ["wallet", "index"])
async def test_a_claim_that_is_told_twice_at_once_is_kept_once(place, claim_type, told, first):
    story = await begun(place)
    await story.mine(created())
    await story.write(2, told)
    body = {"challenge_id": 2, "claim_type": claim_type, "tx_hash": TX, "amount_wei": "7"}
    bob = await place.own("bob")

    async def say() -> None:
        async with place.database.as_worker(bob) as conn:
            await claims.report(conn, wallet("bob"), body)
            await asyncio.sleep(0.3)

    async def read() -> None:
        async with (await place.database.pool("agon_owner")).acquire() as conn, conn.transaction():
            await conn.execute("select agon.run_chain_effects(31337, 2, 2)")
            await asyncio.sleep(0.3)

    acts = [say(), read()] if first == "wallet" else [read(), say()]
    running = []
    for act in acts:
        running.append(asyncio.create_task(act))
        await asyncio.sleep(0.1)
    await asyncio.gather(*running)
    assert await rows(place) == [(claim_type, "5", "indexer", TX, 2)]
    assert await place.owner.fetchval("select reported ->> 'amount_wei' from public.claims") == "7"
