"""Statements of the wire, their values, their errors, and their bounds."""

from __future__ import annotations

import asyncio
import re

import pytest

from agon.kernel.errors import Refused
from agon.rest import wire, wire_answers, wire_messages
from agon.rest.wire_messages import PostgresError, Step
from tests.rest import sessions
from tests.rest.sessions import NOBODY, WHO, connected, context, fault, rows

COUNT = "select count(*) from public.wire_rows"
INSERT = "insert into public.wire_rows (id, reader, next_id) values ($1, 'anon', $2)"


@pytest.fixture
async def conn(place):
    await place.owner.execute(sessions.TABLES)
    async with connected(place) as opened:
        yield opened


async def prepared(conn):
    named = Step(None, "select statement from pg_prepared_statements where name like 's%'")
    return {row[0].decode() for row in await rows(conn, named)}


async def test_a_statement_is_prepared_once(conn):
    for _ in range(3):
        await conn.run([context(), Step("anon", "select 41"), Step("anon", "select 41")])
    assert await prepared(conn) == {"select 41", sessions.CONTEXT}


async def test_the_statement_used_longest_ago_is_forgotten_first(conn, monkeypatch):
    monkeypatch.setattr(wire, "STATEMENTS_MAX", 3)
    for number in (1, 2, 3, 1, 4):
        assert await rows(conn, Step("a", f"select {number}")) == [[b"%d" % number]]
    await conn.run([WHO])
    assert await prepared(conn) == {"select 1", "select 3", "select 4"}
    assert await rows(conn, Step("a", "select 2")) == [[b"2"]]


async def test_a_long_statement_is_not_kept(conn, monkeypatch):
    monkeypatch.setattr(wire, "STATEMENT_CHARS_MAX", 20)
    short, long = "select 7 as " + "a" * 8, "select 7 as " + "a" * 9
    for sql in (short, long, long, short):
        assert await rows(conn, Step("a", sql)) == [[b"7"]]
    assert await prepared(conn) == {short}


async def test_a_long_statement_takes_values_and_undoes_what_it_did(conn, monkeypatch, place):
    monkeypatch.setattr(wire, "STATEMENT_CHARS_MAX", 10)
    insert = Step("authenticated", INSERT, (b"7", None))
    broken = await fault(conn, context(), insert, insert)
    assert (broken.sqlstate, broken.step) == ("23505", 2)
    await conn.run([context(), insert])
    assert await place.owner.fetchval(COUNT) == 4


async def test_what_is_kept_is_bounded_in_all(conn, monkeypatch):
    monkeypatch.setattr(wire, "STATEMENTS_CHARS_MAX", 2 * len("select 1"))
    for number in (1, 2, 1, 3):
        assert await rows(conn, Step("a", f"select {number}")) == [[b"%d" % number]]
    await conn.run([WHO])
    assert await prepared(conn) == {"select 1", "select 3"}


async def test_what_is_kept_is_counted_right_whatever_happens(conn):
    async def check():
        await conn.run([WHO])
        kept = sum(len(sql) for _, sql in conn._statements)
        assert conn._chars == kept

    await fault(conn, Step("a", "select 1 / 0"), Step("a", "select 7"))
    await check()
    await fault(conn, Step("a", "select from from"), Step("a", "select 7"))
    await check()
    with pytest.raises(ValueError, match="NUL"):
        await conn.run([Step("a", "select 8"), Step("a", "select 9\0")])
    await check()
    conn.forget()
    await check()
    await conn.run([Step("a", "select 7"), Step("b", "select 7")])
    await check()


async def test_a_pipeline_longer_than_the_cache_runs(conn, monkeypatch):
    monkeypatch.setattr(wire, "STATEMENTS_MAX", 2)
    steps = [Step("a", f"select {number}") for number in range(9)]
    for _ in range(2):
        done = await conn.run(steps)
        assert [result.rows for result in done] == [[[b"%d" % n]] for n in range(9)]


async def test_what_an_error_kept_from_being_prepared_is_prepared_later(conn):
    broken, after = Step("a", "select 1 / 0"), Step("a", "select 7")
    for _ in range(2):
        assert (await fault(conn, broken, after)).sqlstate == "22012"
    assert await rows(conn, after) == [[b"7"]]
    assert (await fault(conn, Step("a", "select nothing.here()"), after)).sqlstate == "3F000"
    assert await rows(conn, after) == [[b"7"]]


async def test_a_statement_whose_columns_changed_is_prepared_again(conn, place):
    everything = Step("authenticated", "select * from public.wire_rows where id = 1")
    assert await rows(conn, context(), everything) == [[b"1", b"anon", None]]
    await place.owner.execute("alter table public.wire_rows add column extra text default 'new'")
    assert await rows(conn, context(), everything) == [[b"1", b"anon", None, b"new"]]


async def test_in_a_transaction_a_stale_statement_is_an_error(conn, place):
    everything = Step("authenticated", "select * from public.wire_rows where id = 1")
    await conn.run([context(), everything])
    await place.owner.execute("alter table public.wire_rows add column extra text")
    await conn.begin()
    assert (await fault(conn, context(), everything)).sqlstate == "0A000"
    await conn.rollback()
    assert await rows(conn, context(), everything) == [[b"1", b"anon", None, None]]


async def test_statements_that_the_server_forgot_are_prepared_again(conn, place):
    insert = Step("authenticated", INSERT, (b"7", None))
    await conn.run([context(), Step("a", "select 41")])
    await conn.run([context(), insert], rollback=True)
    await conn.run([Step(None, "deallocate all")])
    await conn.run([context(), insert])
    assert await place.owner.fetchval(COUNT) == 4


async def test_forgotten_statements_take_new_types(conn, place):
    query = Step("authenticated", "select id from public.wire_rows where reader = $1", (b"anon",))
    assert len(await rows(conn, context(), query)) == 2
    await conn.run([WHO])
    conn.forget()
    await conn.run([WHO])
    assert await prepared(conn) == set()
    assert len(await rows(conn, context(), query)) == 2


# Values and bounds.


async def test_values_come_back_as_they_went(conn):
    values = (b"", b"it's \\ $1 \xe2\x82\xac", None, b"x" * 100_000)
    echo = Step("a", "select $1::text, $2::text, $3::text, $4::text", values)
    assert await rows(conn, echo) == [list(values)]


async def test_a_value_cannot_leave_its_place(conn):
    hostile = b"'; drop table public.wire_rows; --"
    count = Step("anon", COUNT + " where reader = $1", (hostile,))
    assert await rows(conn, context("anon"), count) == [[b"0"]]
    broken = await fault(conn, Step("a", "select $1::text", (b"a\0b",)))
    assert broken.sqlstate == "22021"


async def test_what_cannot_be_sent_is_not_sent_in_part(conn):
    with pytest.raises(ValueError, match="NUL"):
        await conn.run([Step("a", "select 5"), Step("a", "select 6\0")])
    with pytest.raises(ValueError, match="65535"):
        await conn.run([Step("a", "select 8", (b"1",) * 70_000)])
    for number in (5, 8):
        assert await rows(conn, Step("a", f"select {number}")) == [[b"%d" % number]]


async def test_an_answer_too_large_is_refused(conn, monkeypatch):
    monkeypatch.setattr(wire_answers, "RESPONSE_BYTES_MAX", 1_000_000)
    assert len((await rows(conn, Step("a", "select repeat('x', 900000)")))[0][0]) == 900_000
    with pytest.raises(Refused) as caught:
        await conn.run([Step("a", "select repeat('x', 1000) from generate_series(1, 2000)")])
    assert (caught.value.refusal.code, caught.value.refusal.status) == ("response_too_large", 413)
    assert conn.closed


async def test_copy_is_not_spoken_here(conn):
    with pytest.raises(wire_answers.ProtocolBroken):
        await conn.run([Step(None, "copy (select 1) to stdout")])
    assert conn.closed


async def test_notices_and_notifications_are_passed_over(conn):
    await conn.run([Step(None, "listen wire"), Step(None, "notify wire, 'x'")])
    notice = Step(None, "do $$ begin raise warning 'hear this'; end $$")
    assert await rows(conn, notice, WHO) == NOBODY
    assert [result.tag for result in await conn.run([Step(None, "")])] == [b""]


async def test_an_error_says_all_that_postgres_says(conn):
    raising = """do $$ begin raise sqlstate 'PT409' using message = 'No.', detail = 'taken',
      hint = 'Wait.', column = 'c', constraint = 'k', table = 't', schema = 's'; end $$"""
    said = await fault(conn, Step(None, raising))
    assert (said.sqlstate, said.message, said.detail, said.hint) == (
        "PT409", "No.", "taken", "Wait.",
    )  # fmt: skip
    assert (said.column, said.constraint, said.table, said.schema) == ("c", "k", "t", "s")
    assert re.match("PL/pgSQL", said.where)
    assert (await fault(conn, Step(None, "select nothing"))).position == "8"


async def test_a_session_begins_with_its_settings(place):
    async with connected(place, application_name="wire test", timezone="Asia/Tokyo") as conn:
        shown = Step(
            None, "select current_setting('application_name'), current_setting('timezone')"
        )
        assert await rows(conn, shown) == [[b"wire test", b"Asia/Tokyo"]]


async def test_a_killed_session_is_a_clean_error(conn, place):
    ((pid,),) = await rows(conn, Step(None, "select pg_backend_pid()"))
    task = asyncio.create_task(conn.run([context(), Step("a", "select pg_sleep(60)")]))
    await asyncio.sleep(0.05)
    async with connected(place) as other:
        killing = Step(None, "select pg_terminate_backend($1::int)", (pid,))
        assert await rows(other, killing) == [[b"t"]]
    with pytest.raises(PostgresError) as caught:
        await task
    assert caught.value.fault.sqlstate == "57P01"
    assert conn.closed
    with pytest.raises(wire.ConnectionLost):
        await conn.run([WHO])


def test_a_message_is_built_as_the_protocol_has_it():
    assert wire_messages.parse(b"s1", "select 1") == b"P\0\0\0\x12s1\0select 1\0\0\0"
    assert wire_messages.bind_and_execute(b"s1", (b"ab", None)) == (
        b"B\0\0\0\x18\0s1\0\0\0\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\0E\0\0\0\t\0\0\0\0\0"
    )
