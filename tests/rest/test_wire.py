"""The wire: one round trip, one transaction, and nothing left behind by it."""

from __future__ import annotations

import asyncio

import pytest

from agon.rest import wire
from agon.rest.wire_messages import PostgresError, Step
from tests.rest import sessions
from tests.rest.sessions import CLAIMS, NOBODY, WHO, connected, context, context_with, fault, rows

COUNT = "select count(*) from public.wire_rows"
INSERT = "insert into public.wire_rows (id, reader, next_id) values ($1, 'anon', $2)"


@pytest.fixture
async def conn(place):
    await place.owner.execute(sessions.TABLES)
    async with connected(place) as opened:
        yield opened


# What dirties a connection, each in its own way.


async def succeed(conn):
    assert await rows(conn, context(), WHO) == [[b"authenticated", CLAIMS]]


async def fail_in_main(conn):
    assert (await fault(conn, context(), Step("a", "select 1 / 0"))).sqlstate == "22012"


async def fail_in_context(conn):
    assert (await fault(conn, context("nobody"), WHO)).sqlstate == "22023"


async def fail_to_parse(conn):
    assert (await fault(conn, context(), Step("a", "select from from"))).sqlstate == "42601"


async def cancel(conn):
    task = asyncio.create_task(conn.run([context(), Step("a", "select pg_sleep(60)")]))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert conn.recovery is not None


async def cancel_before_it_is_sent(conn):
    task = asyncio.create_task(conn.run([context(), WHO]))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def roll_back(conn):
    done = await conn.run([context(), Step("a", INSERT, (b"7", None)), WHO], rollback=True)
    assert [result.tag for result in done] == [b"SELECT 1", b"INSERT 0 1", b"SELECT 1"]
    assert done[-1].rows == [[b"authenticated", CLAIMS]]


async def fail_while_rolling_back(conn):
    assert (await fault(conn, context(), Step("a", "select 1 / 0"), rollback=True)).step == 1


async def fail_deferred(conn):
    broken = await fault(conn, context(), Step("a", INSERT, (b"7", b"99")))
    assert (broken.sqlstate, broken.step) == ("23503", 2)


async def abandon_a_transaction(conn):
    await conn.begin()
    await conn.run([context(), WHO])
    await conn.recover()


async def cancel_a_transaction(conn):
    await conn.begin()
    await cancel(conn)
    await conn.rollback()


async def cancel_and_abandon_a_transaction(conn):
    await conn.begin()
    await cancel(conn)
    await conn.recover()


async def abort_a_transaction(conn):
    await conn.begin()
    await conn.run([context()])
    assert (await fault(conn, Step("a", "select 1 / 0"))).sqlstate == "22012"
    assert (await fault(conn, WHO)).sqlstate == "25P02"
    await conn.rollback()


async def open_a_transaction_inside(conn):
    await conn.run([context(), Step(None, "begin"), WHO])


TROUBLE = (
    succeed, fail_in_main, fail_in_context, fail_to_parse, cancel, cancel_before_it_is_sent,
    roll_back, fail_while_rolling_back, fail_deferred, abandon_a_transaction,
    cancel_a_transaction, cancel_and_abandon_a_transaction, abort_a_transaction,
    open_a_transaction_inside,
)  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda act: act.__name__)
async def test_nothing_of_a_request_is_left_to_the_next(conn, trouble):
    for _ in range(2):
        await trouble(conn)
        assert await rows(conn, WHO) == NOBODY
        assert await rows(conn, context("anon", b"{}"), WHO) == [[b"anon", b"{}"]]
        assert await rows(conn, WHO) == NOBODY
        assert conn.idle


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda act: act.__name__)
async def test_what_was_not_committed_is_not_there(conn, place, trouble):
    await trouble(conn)
    await rows(conn, WHO)
    assert await place.owner.fetchval(COUNT) == 3


async def test_a_pipeline_is_all_or_nothing(conn, place):
    broken = await fault(
        conn, context(), Step("a", INSERT, (b"7", None)), Step("a", INSERT, (b"7", None)), WHO
    )
    assert (broken.sqlstate, broken.step) == ("23505", 2)
    assert (broken.schema, broken.table, broken.constraint) == (
        "public", "wire_rows", "wire_rows_pkey",
    )  # fmt: skip
    assert await place.owner.fetchval(COUNT) == 3
    await conn.run([context(), Step("a", INSERT, (b"7", None))])
    assert await place.owner.fetchval(COUNT) == 4


async def test_a_role_sees_its_own_rows_through_the_same_text(conn):
    for _ in range(8):
        for role, seen in (("anon", b"2"), ("authenticated", b"3")):
            assert await rows(conn, context(role), Step(role, COUNT)) == [[seen]]


async def test_even_a_shared_name_does_not_show_another_roles_rows(conn):
    # Names hold a role for speed alone: Postgres plans anew when the role has changed.
    for _ in range(8):
        for role, seen in (("anon", b"2"), ("authenticated", b"3")):
            assert await rows(conn, context(role), Step("shared", COUNT)) == [[seen]]


async def test_a_role_may_not_do_what_another_may(conn):
    insert = Step("a", INSERT, (b"7", None))
    assert (await fault(conn, context("anon"), insert)).sqlstate == "42501"
    assert (await fault(conn, insert)).sqlstate == "42501"
    assert (await fault(conn, context("service_role"), WHO)).sqlstate == "42501"


async def test_the_contexts_time_limit_holds_for_what_follows(conn):
    sleep = Step("a", "select pg_sleep(20)")
    broken = await fault(conn, context_with("statement_timeout", "50ms"), sleep)
    assert (broken.sqlstate, broken.step) == ("57014", 1)
    assert await rows(conn, Step(None, "show statement_timeout")) == [[b"30s"]]


async def test_a_context_that_only_reads_makes_writes_fail(conn, place):
    reading = context_with("transaction_read_only", "on")
    assert (await fault(conn, reading, Step("a", INSERT, (b"7", None)))).sqlstate == "25006"
    off = Step("b", "select set_config('transaction_read_only', 'off', true)")
    assert (await fault(conn, reading, off, Step("a", INSERT, (b"7", None)))).sqlstate == "25001"
    assert await place.owner.fetchval(COUNT) == 3
    assert await rows(conn, reading, Step("a", COUNT)) == [[b"3"]]


async def test_a_rolled_back_request_hears_of_deferred_constraints(conn):
    broken = await fault(conn, context(), Step("a", INSERT, (b"7", b"99")), rollback=True)
    assert broken.sqlstate == "23503"


async def test_a_transaction_spans_pipelines_until_its_commit(conn, place):
    await conn.begin()
    await conn.run([context()])
    await conn.run([Step("a", INSERT, (b"7", b"8"))])
    assert not conn.idle
    assert await place.owner.fetchval(COUNT) == 3
    assert await rows(conn, Step("a", INSERT, (b"8", None)), WHO) == [[b"authenticated", CLAIMS]]
    await conn.commit()
    assert conn.idle
    assert await place.owner.fetchval(COUNT) == 5


async def test_a_commit_that_does_not_hold_is_an_error(conn, place):
    with pytest.raises(PostgresError, match="25P01"):
        await conn.commit()
    await conn.begin()
    await fault(conn, context(), Step("a", "select 1 / 0"))
    with pytest.raises(PostgresError, match="25P02"):
        await conn.commit()
    await conn.begin()
    await conn.run([context(), Step("a", INSERT, (b"7", b"99"))])
    with pytest.raises(PostgresError, match="23503"):
        await conn.commit()
    assert await rows(conn, WHO) == NOBODY
    assert await place.owner.fetchval(COUNT) == 3


async def test_a_cancelled_transaction_is_not_committed_later(conn, place):
    await conn.begin()
    await conn.run([context(), Step("a", INSERT, (b"7", None))])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await conn.run([Step("a", "select pg_sleep(60)")])
    assert (await fault(conn, Step("a", INSERT, (b"8", None)))).sqlstate == "25P02"
    with pytest.raises(PostgresError, match="25P02"):
        await conn.commit()
    assert conn.idle
    assert await place.owner.fetchval(COUNT) == 3


async def test_a_cancel_ends_the_statement_in_postgres(conn, place):
    ((pid,),) = await rows(conn, Step(None, "select pg_backend_pid()"))
    state = Step(None, "select state from pg_stat_activity where pid = $1::int", (pid,))
    async with connected(place) as other:
        sleeping = asyncio.create_task(conn.run([context(), Step("a", "select pg_sleep(60)")]))
        await asyncio.sleep(0.05)
        assert await rows(other, state) == [[b"active"]]
        sleeping.cancel()
        await asyncio.wait([sleeping])
        await conn.recovery
        assert conn.idle
        assert await rows(other, state) == [[b"idle"]]


async def test_many_cancels_hit_only_their_own_statement(conn):
    for index in range(40):
        task = asyncio.create_task(conn.run([Step("a", "select pg_sleep(0.002)")]))
        await asyncio.sleep(0.0001 * index)
        task.cancel()
        await asyncio.wait([task])
        assert await rows(conn, Step("b", "select $1::int", (b"%d" % index,))) == [[b"%d" % index]]


async def test_a_connection_that_cannot_be_cancelled_is_closed(conn, monkeypatch):
    monkeypatch.setattr(wire, "CANCEL_S_MAX", 0.05)

    async def deliver(*_):
        """The request gets lost on the way."""

    monkeypatch.setattr(wire.wire_sockets, "deliver", deliver)
    await cancel(conn)
    await conn.recovery
    assert conn.closed
    with pytest.raises(wire.ConnectionLost):
        await conn.run([WHO])


async def test_one_connection_runs_one_pipeline_at_a_time(conn):
    first = asyncio.create_task(conn.run([Step("a", "select pg_sleep(0.2), 1")]))
    await asyncio.sleep(0.02)
    with pytest.raises(RuntimeError, match="one pipeline"):
        await conn.run([WHO])
    assert (await first)[0].rows == [[b"", b"1"]]
    assert await rows(conn, WHO) == NOBODY
