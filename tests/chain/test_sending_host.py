"""The host: one process sends, is woken by what is meant, and hands over when it is gone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest

from agon.commons.chain import sending
from agon.kernel import jobs, runtime
from agon.systems import SYSTEMS
from tests.chain.outbox import add_signer, pay
from tests.chain.outbox import status as status_of
from tests.places import wallet
from tests.standins.anvil import anvil
from tests.standins.sender_node import in_front_of
from tests.standins.server import broken

ADA = wallet("ada")
SOON_S = 10
LONG_POLL_MS = 60_000


@asynccontextmanager
async def running(place, url: str | None, **settings: str):
    """A worker's host on a place, with these settings."""
    environ = {"AGON_HOME": str(place.runtime.home), "AGON_LOG_LEVEL": "error", **settings}
    if url:
        environ |= {"AGON_RPC_URL": url, "AGON_CHAIN_CONFIRMATIONS": "0"}
    process = runtime.begin(SYSTEMS, environ=environ, folder=place.runtime.home)
    process.__dict__["urls"] = place.runtime.urls
    stop = asyncio.Event()
    async with process.database() as database:
        work = jobs.Work(database=database, runtime=process)
        task = asyncio.create_task(sending.run(work, stop))
        try:
            yield work, task
        finally:
            stop.set()
            await asyncio.wait([task], timeout=SOON_S)
            assert task.done()


async def until(place, key: str, wanted: str) -> None:
    async with asyncio.timeout(SOON_S):
        while await status_of(place, key) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def sends(place) -> int:
    """How many sessions hold the sender's lock."""
    return await place.owner.fetchval(
        """
        select count(*) from pg_locks l
        where l.locktype = 'advisory' and l.granted
          and l.database = (select oid from pg_database where datname = current_database())
        """
    )


async def until_it_sends(place) -> None:
    async with asyncio.timeout(SOON_S):
        while not await sends(place):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.fixture
async def chain():
    async with anvil() as mining:
        yield mining


async def test_without_a_chain_the_host_waits_and_does_nothing(place):
    async with running(place, None) as (_, task):
        await asyncio.sleep(0.1)
        assert not task.done()
        assert await sends(place) == 0


async def test_what_is_meant_wakes_the_sender(place, chain):
    await add_signer(place)
    async with running(place, chain.url, AGON_CHAIN_POLL_MS=str(LONG_POLL_MS)) as (work, _):
        await until_it_sends(place)
        await asyncio.sleep(0.3)  # its first round finds nothing
        await pay(place, "pay ada", ADA, 5)
        await asyncio.sleep(0.2)
        assert await status_of(place, "pay ada") == "queued"
        await jobs.drain(work)
        await until(place, "pay ada", "sent")
        await chain.receipt(await place.owner.fetchval("select hash from agon.chain_transactions"))
        await pay(place, "pay again", ADA, 5)
        await jobs.drain(work)
        await until(place, "pay ada", "confirmed")


async def test_one_of_two_sends_and_the_other_takes_over(place, chain):
    await add_signer(place)
    quick = {"AGON_CHAIN_POLL_MS": "100"}
    async with running(place, chain.url, **quick):
        async with running(place, chain.url, **quick) as (_, other):
            await pay(place, "first", ADA)
            await until(place, "first", "confirmed")
            assert await sends(place) == 1
            assert not other.done()
        await pay(place, "second", ADA)
        await until(place, "second", "confirmed")
    assert await sends(place) == 0
    async with running(place, chain.url, **quick):
        await pay(place, "third", ADA)
        await until(place, "third", "confirmed")
    assert await chain.balance(ADA) == 3


async def test_a_sender_whose_session_is_cut_off_ends_and_sends_no_more(place, chain):
    async with running(place, chain.url, AGON_CHAIN_POLL_MS="100") as (_, task):
        await until_it_sends(place)
        async with place.database.as_worker() as conn:
            await conn.execute(
                """
                select pg_terminate_backend(pid) from pg_locks
                where locktype = 'advisory' and granted and pid <> pg_backend_pid()
                """
            )
        await asyncio.wait([task], timeout=SOON_S)
        assert isinstance(task.exception(), asyncpg.PostgresError | asyncpg.InterfaceError)


async def test_a_node_that_does_not_answer_is_asked_again(place, chain):
    await add_signer(place)
    await pay(place, "pay ada", ADA)
    async with in_front_of(chain.url) as node:
        node.standin.order("/", broken(500), times=6)
        async with running(place, node.url, AGON_CHAIN_POLL_MS="100") as (_, task):
            await until(place, "pay ada", "confirmed")
            assert not task.done()
        assert node.standin.faults == []
