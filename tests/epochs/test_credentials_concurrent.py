"""A credential that is made while its bot changes hands: it is one owner's or the other's."""

from __future__ import annotations

import asyncio

import pytest

from agon.epochs import credentials
from agon.kernel.errors import Refused
from tests.epochs.ledger import ADA, BOB, Transfer, tell

GIVEN = [Transfer(block=20, sender=ADA, receiver=BOB)]
WAITING = "select count(*) from pg_locks where not granted"
WAIT_S_MAX = 10


@pytest.fixture
async def slug(place) -> str:
    """Of a bot of ada's."""
    await place.own("ada")
    await tell(place.owner, [Transfer(block=10, receiver=ADA)])
    return await place.owner.fetchval("select slug from bot_identities")


async def issue(place, slug):
    async with place.database.as_worker(place.actor("ada")) as conn:
        return await credentials.issue(conn, slug)


async def until_waiting(place, count):
    async with place.database.as_worker() as conn, asyncio.timeout(WAIT_S_MAX):
        while await conn.fetchval(WAITING) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_transfer_waits_for_a_credential_whose_owner_was_checked(place, slug):
    bot = await place.owner.fetchval("select id::text from bot_identities")
    async with place.database.as_worker() as pause:
        # What comes after the check: it waits here, between that and the row.
        await pause.execute(
            "select pg_advisory_xact_lock(hashtextextended('credentials of ' || $1, 0))", bot
        )
        issued = asyncio.create_task(issue(place, slug))
        await until_waiting(place, 1)
        given = asyncio.create_task(tell(place.owner, GIVEN))
        await until_waiting(place, 2)
        assert not given.done()
    made = await issued
    await given
    assert made["issued_for"] == ADA
    owners = await place.owner.fetch("select owner_address from v_current_bot_identity_owner")
    assert [row["owner_address"] for row in owners] == [BOB]


async def test_a_credential_waits_for_a_transfer_and_is_refused_after_it(place, slug):
    async with place.owner.transaction():
        await tell(place.owner, GIVEN)
        issued = asyncio.create_task(issue(place, slug))
        await until_waiting(place, 1)
    with pytest.raises(Refused) as error:
        await issued
    assert error.value.refusal.code == "not_your_bot"
    assert await place.owner.fetchval("select count(*) from agon.agent_credentials") == 0
