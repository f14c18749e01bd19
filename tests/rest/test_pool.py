"""The pool lends a connection to one request at a time, and takes back whatever became of it."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import urlsplit

import pytest

from agon.kernel.errors import Refused
from agon.rest import pool as pools
from agon.rest.wire_messages import PostgresError, Step
from tests.rest import sessions
from tests.rest.sessions import CLAIMS, CONTEXT, NOBODY, WHO, connected, rows

SLEEP = "select pg_sleep(60)"
ECHO = "select $1::text, current_user, current_setting('request.jwt.claims', true)"
PID = "select pg_backend_pid()"


@pytest.fixture
async def pool(place):
    await place.owner.execute(sessions.TABLES)
    async with pools.Pool(place.runtime.urls["agon_web"], "agon_web", max_size=4) as opened:
        yield opened


@pytest.fixture
async def narrow(place):
    """A pool of one connection."""
    async with pools.Pool(
        place.runtime.urls["agon_web"], "agon_web", max_size=1, patience_s=5
    ) as opened:
        yield opened


async def ask(pool, sql, *params, role="authenticated", claims=CLAIMS, rollback=False):
    done = await pool.run(
        role=role,
        context=(CONTEXT, (role.encode(), claims)),
        steps=[(sql, params)],
        rollback=rollback,
    )
    return done[0].rows


async def end_sessions(place, *pids):
    async with connected(place) as other:
        for pid in pids:
            await other.run([Step(None, "select pg_terminate_backend($1::int)", (pid,))])


async def test_each_of_many_gets_its_own_answer(pool):
    async def one(number):
        role = ("anon", "authenticated")[number % 2]
        claims = b'{"n":%d}' % number
        got = await ask(pool, ECHO, b"%d" % number, role=role, claims=claims)
        assert got == [[b"%d" % number, role.encode(), claims]]
        return (await ask(pool, PID))[0][0]

    pids = await asyncio.gather(*(one(number) for number in range(200)))
    assert len(set(pids)) == 4
    async with pool.acquire() as conn:
        assert await rows(conn, WHO) == NOBODY


async def test_requests_that_fail_or_leave_harm_no_other(pool):
    chance = random.Random(7)

    async def one(number):
        echo = b"%d" % number
        match number % 4:
            case 0:
                task = asyncio.create_task(ask(pool, "select pg_sleep(0.01)"))
                await asyncio.sleep(chance.random() * 0.02)
                task.cancel()
                await asyncio.wait([task])
            case 1:
                with pytest.raises(PostgresError, match="22012"):
                    await ask(pool, "select 1 / (1 - $1::int / $1::int)", b"1")
            case 2:
                assert (await ask(pool, ECHO, echo, rollback=True))[0][0] == echo
        assert await ask(pool, ECHO, echo) == [[echo, b"authenticated", CLAIMS]]

    await asyncio.gather(*(one(number) for number in range(200)))
    for _ in range(4):
        async with pool.acquire() as conn:
            assert await rows(conn, WHO) == NOBODY


async def test_who_comes_first_is_served_first(narrow):
    served = []

    async def one(number):
        await ask(narrow, ECHO, b"x")
        served.append(number)

    await asyncio.gather(*(one(number) for number in range(20)))
    assert served == list(range(20))


async def test_waiting_ends_with_a_refusal(place):
    url = place.runtime.urls["agon_web"]
    async with pools.Pool(url, "agon_web", max_size=1, patience_s=0.05) as pool:
        async with pool.acquire():
            late = [asyncio.create_task(ask(pool, PID)) for _ in range(3)]
            await asyncio.wait(late)
        for task in late:
            refusal = task.exception().refusal
            assert (refusal.code, refusal.status) == ("PGRST003", 504)
        assert await ask(pool, "select 1") == [[b"1"]]


async def test_the_queue_has_an_end(narrow, monkeypatch):
    monkeypatch.setattr(pools, "WAITERS_MAX", 2)
    async with narrow.acquire():
        tasks = [asyncio.create_task(ask(narrow, "select 1")) for _ in range(3)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert tasks[2].exception().refusal.code == "PGRST003"
    assert [await task for task in tasks[:2]] == [[[b"1"]], [[b"1"]]]


async def test_who_gives_up_waiting_passes_the_turn_on(narrow):
    async with narrow.acquire():
        waiting = [asyncio.create_task(ask(narrow, ECHO, b"%d" % n)) for n in range(6)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
    # One more goes away at the moment when its turn has come.
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.wait(waiting)
    assert [task.cancelled() for task in waiting] == [True, True, True, False, True, False]
    assert waiting[5].result()[0][0] == b"5"
    assert await ask(narrow, "select 1") == [[b"1"]]


async def test_a_cancelled_requests_connection_serves_the_next(narrow):
    (pid,) = (await ask(narrow, PID))[0]
    task = asyncio.create_task(ask(narrow, SLEEP))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    assert await ask(narrow, PID) == [[pid]]


async def test_an_abandoned_transaction_is_rolled_back(narrow, place):
    await place.owner.execute(sessions.TABLES)
    insert = Step("a", "insert into public.wire_rows (id, reader) values (7, 'anon')")
    async with narrow.acquire() as conn:
        await conn.begin()
        await conn.run([sessions.context(), insert])
    async with narrow.acquire() as conn:
        assert await rows(conn, WHO) == NOBODY
    assert await place.owner.fetchval("select count(*) from public.wire_rows") == 3


async def test_an_error_inside_a_lease_gives_the_connection_back(narrow):
    with pytest.raises(ZeroDivisionError):
        async with narrow.acquire() as conn:
            await conn.begin()
            1 / 0  # noqa: B018
    assert await ask(narrow, "select 1") == [[b"1"]]


async def test_a_killed_session_is_replaced(narrow, place):
    (pid,) = (await ask(narrow, PID))[0]
    task = asyncio.create_task(ask(narrow, SLEEP))
    waiting = [asyncio.create_task(ask(narrow, PID)) for _ in range(3)]
    await asyncio.sleep(0.05)
    await end_sessions(place, pid)
    with pytest.raises(PostgresError, match="57P01"):
        await task
    others = [await one for one in waiting]
    assert pid not in others[0][0]
    assert others[0] == others[1] == others[2]


async def test_a_session_killed_while_idle_is_replaced(narrow, place):
    async with narrow.acquire() as conn:
        ((pid,),) = await rows(conn, Step(None, PID))
    await end_sessions(place, pid)
    async with asyncio.timeout(10):
        while not conn.closed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await ask(narrow, PID))[0] != [pid]


async def test_a_lost_connection_says_so(narrow):
    with pytest.raises(Refused) as caught:
        async with narrow.acquire() as conn:
            conn.abort()
            await conn.run([WHO])
    assert (caught.value.refusal.code, caught.value.refusal.status) == ("PGRST001", 503)
    assert await ask(narrow, "select 1") == [[b"1"]]


async def test_where_nobody_answers_everybody_hears_so(tmp_path):
    url = f"postgresql://agon_web:secret-word@/agon?host={tmp_path}"
    async with pools.Pool(url, "agon_web", max_size=2) as pool:
        refused = await asyncio.gather(*(ask(pool, PID) for _ in range(7)), return_exceptions=True)
    for error in refused:
        assert (error.refusal.code, error.refusal.status) == ("PGRST000", 503)
        assert "secret-word" not in str(error)
        assert str(tmp_path) not in str(error.refusal.as_json())


async def test_a_wrong_password_is_refused(place, server):
    if not server.is_embedded:
        pytest.skip("Debian's test server trusts everybody on its socket; test_wire_tls asks here")
    url = place.runtime.urls["agon_web"]
    url = url.replace(str(urlsplit(url).password), "wrong")
    async with pools.Pool(url, "agon_web") as pool:
        with pytest.raises(Refused) as caught:
            await ask(pool, PID)
    assert caught.value.refusal.code == "PGRST000"
    assert "28P01" in str(caught.value.__cause__)


async def test_closing_waits_for_who_is_at_it(place):
    pool = pools.Pool(place.runtime.urls["agon_web"], "agon_web", max_size=1)
    at_it = asyncio.create_task(ask(pool, "select pg_sleep(0.1), 1"))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(ask(pool, PID))
    await asyncio.sleep(0.02)
    await pool.close()
    assert at_it.result() == [[b"", b"1"]]
    with pytest.raises(Refused, match="PGRST000"):
        await waiting
    with pytest.raises(Refused, match="PGRST000"):
        await ask(pool, PID)


async def test_closing_does_not_wait_forever(place, monkeypatch):
    monkeypatch.setattr(pools, "CLOSE_S_MAX", 0.05)
    pool = pools.Pool(place.runtime.urls["agon_web"], "agon_web", max_size=1)
    at_it = asyncio.create_task(ask(pool, SLEEP))
    await asyncio.sleep(0.05)
    await pool.close()
    with pytest.raises(Refused, match="PGRST001"):
        await at_it


async def test_forgotten_statements_are_prepared_again(narrow):
    named = "select count(*) from pg_prepared_statements where statement = 'select 41'"
    await ask(narrow, "select 41")
    assert await ask(narrow, named) == [[b"1"]]
    narrow.forget_statements()
    assert await ask(narrow, named) == [[b"0"]]


async def test_several_round_trips_have_a_share_of_the_connections(place):
    url = place.runtime.urls["agon_web"]
    async with pools.Pool(url, "agon_web", max_size=8, patience_s=0.05) as pool:
        async with pool.acquire_long() as first, pool.acquire_long() as second:
            assert first is not second
            with pytest.raises(Refused) as caught:
                async with pool.acquire_long():
                    raise AssertionError("a third one has no share")
            assert (caught.value.refusal.code, caught.value.refusal.status) == ("PGRST003", 504)
            assert await ask(pool, "select 1") == [[b"1"]]
        async with pool.acquire_long(), pool.acquire_long():
            """Both have come back."""


async def test_who_goes_away_while_waiting_for_a_share_takes_none(narrow):
    async with narrow.acquire_long():
        waiting = asyncio.create_task(narrow.acquire_long().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    with pytest.raises(ZeroDivisionError):
        async with narrow.acquire_long():
            1 / 0  # noqa: B018
    async with narrow.acquire_long() as conn:
        assert await rows(conn, WHO) == NOBODY
    assert await ask(narrow, "select 1") == [[b"1"]]
