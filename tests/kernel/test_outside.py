"""Work outside: one worker asks, a receipt ends it, and what is given up is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from agon.kernel import clock, jobs, outside
from agon.kernel.database import Actor
from agon.kernel.errors import refuse
from agon.kernel.manifest import Job, System
from agon.kernel.outside import Errand

ASKED: list[str] = []
ANSWERS: list[object] = []
"""What the party does next; it answers "yes" where nothing is ordered."""

EXAMPLE = System(
    name="example",
    package="tests.kernel",
    jobs=(Job(name="example.ask", run="tests.kernel.test_outside:carry"),),
)

# The domain: a row of a key, and what became of it.
DOMAIN = """
create table agon.example (key text primary key, said text);
grant select, update on agon.example to agon_worker;
insert into agon.example values ('one');
create function agon.load_example(key text) returns setof agon.example language sql
  as 'select * from agon.example e where e.key = $1 and e.said is null';
create function agon.give_up_example(key text, why text) returns void language sql
  as 'update agon.example e set said = $2 where e.key = $1';
select agon.mean_outside('example.ask', 'one');
"""


async def act(_work: jobs.Work, row: outside.Row) -> object:
    ASKED.append(row["key"])
    answer = ANSWERS.pop(0) if ANSWERS else "yes"
    if isinstance(answer, Exception):
        raise answer
    return await answer() if callable(answer) else answer


async def receipt(_work: jobs.Work, conn, row: outside.Row, answer: str) -> None:
    await conn.execute("update agon.example set said = $2 where key = $1", row["key"], answer)


ERRAND = Errand(
    job="example.ask",
    load="agon.load_example",
    act=act,
    receipt=receipt,
    gave_up="agon.give_up_example",
    attempt_s=20,
    attempts_max=3,
    final=("party_declines",),
)


async def carry(work: jobs.Work, payload: dict) -> jobs.Later | None:
    return await outside.carry(work, ERRAND, payload["key"])


@pytest.fixture
async def work(place):
    ASKED.clear()
    ANSWERS.clear()
    await place.owner.execute("set check_function_bodies to off")
    await place.owner.execute(DOMAIN)
    process = replace(place.runtime, systems=(EXAMPLE,))
    process.__dict__["urls"] = place.runtime.urls
    return jobs.Work(database=place.database, runtime=process)


async def said(place) -> str | None:
    return await place.owner.fetchval("select said from agon.example")


async def waiting(place) -> list[tuple]:
    """Attempts, whether in hand, and the trouble of what waits."""
    query = "select attempts, held_until is not null, trouble from agon.outside_work"
    return [tuple(row) for row in await place.owner.fetch(query)]


async def test_work_is_done_once_and_leaves_nothing_behind(place, work):
    await place.owner.execute("select agon.mean_outside('example.ask', 'one')")
    await jobs.drain(work)
    assert await carry(work, {"key": "one"}) is None
    assert (ASKED, await said(place), await waiting(place)) == (["one"], "yes", [])


async def test_two_workers_at_once_ask_the_party_once(place, work):
    other: list[jobs.Later | None] = []

    async def meanwhile() -> str:
        other.append(await carry(work, {"key": "one"}))
        return "yes"

    ANSWERS.append(meanwhile)
    assert await carry(work, {"key": "one"}) is None
    assert ASKED == ["one"]
    assert other[0] is not None
    assert 1 <= other[0].seconds < 2
    ANSWERS.append("again")
    await jobs.drain(work)
    assert await said(place) == "yes"


async def test_who_died_in_hand_is_followed_and_one_who_was_slow_puts_nothing_off(place, work):
    async def be_overtaken() -> jobs.Later:
        later = clock.now() + timedelta(seconds=ERRAND.attempt_s + outside.HOLD_MARGIN_S + 1)
        await place.set_clock(later)

        async def ask_again() -> str:
            await place.set_clock(None)
            ended = await outside._put_off(work, ERRAND, "one", 1, jobs.Later(), is_final=True)
            assert ended is None
            assert (await waiting(place))[0][:2] == (2, True)
            return "yes"

        ANSWERS.append(ask_again)
        assert await carry(work, {"key": "one"}) is None
        return jobs.Later(why="slow")

    ANSWERS.append(be_overtaken)
    assert await carry(work, {"key": "one"}) is None
    assert (ASKED, await said(place)) == (["one", "one"], "yes")


@pytest.mark.parametrize(
    ("answer", "least_s", "most_s", "why"),
    [
        (refuse("party_busy", "Not now."), 0, 2, "[party_busy] Not now."),
        (refuse("rate_limited", "Slowly.", details="retry_after_s=500"), 490, 501, "rate_limited"),
        (refuse("rate_limited", "No.", details="retry_after_s=9999999"), 86_000, 86_401, "No."),
        (jobs.Later(seconds=77, why="at work"), 70, 78, "at work"),
        (refuse("party_odd", "It says \0\ud800."), 0, 2, "[party_odd] It says ?."),
        (OSError("it hung up"), 0, 2, "OSError: it hung up"),
        (ValueError("a mistake of ours"), 0, 2, "ValueError: a mistake of ours"),
    ],
)
async def test_what_is_put_off_comes_back_when_the_party_says(
    place, work, answer, least_s, most_s, why
):
    ANSWERS.append(answer)
    later = await carry(work, {"key": "one"})
    assert later is not None
    assert least_s < later.seconds < most_s
    ((attempts, is_held, trouble),) = await waiting(place)
    assert (attempts, is_held, why in trouble) == (1, False, True)
    assert await said(place) is None


async def test_the_queue_brings_work_back_after_the_wait_and_never_gives_it_up(place, work):
    ANSWERS.append(jobs.Later(seconds=300, why="at work"))
    await place.owner.execute("update agon.pgqueuer set attempts = 99")
    query = "select status::text, execute_after - now() from agon.pgqueuer"
    running = asyncio.create_task(jobs.drain(work))
    for _ in range(500):
        status, wait = await place.owner.fetchrow(query)
        if wait.total_seconds() > 1:
            break
        await asyncio.sleep(0.02)
    running.cancel()
    assert (status, ASKED) == ("queued", ["one"])
    assert 290 < wait.total_seconds() < 301


async def test_a_row_that_is_given_up_is_told_why(place, work):
    ANSWERS.append(refuse("party_declines", "Never."))
    assert await carry(work, {"key": "one"}) is None
    assert (await said(place), await waiting(place)) == ("[party_declines] Never.", [])

    await place.owner.execute("update agon.example set said = null")
    await place.owner.execute("select agon.mean_outside('example.ask', 'one')")
    for number in range(ERRAND.attempts_max):
        ANSWERS.append(refuse("party_busy", f"Not now {number}."))
        assert (await carry(work, {"key": "one"}) is None) == (number == 2)
    assert (await said(place), await waiting(place)) == ("[party_busy] Not now 2.", [])


async def test_a_party_that_hangs_is_left_before_another_worker_may_begin(place, work):
    async def hang() -> None:
        await asyncio.sleep(60)

    ANSWERS.append(hang)
    later = await outside.carry(work, replace(ERRAND, attempt_s=0), "one")
    assert later is not None
    assert "TimeoutError" in later.why


async def test_a_receipt_that_fails_leaves_the_work_to_do(place, work):
    ANSWERS.append("no\0text")
    assert await carry(work, {"key": "one"}) is not None
    assert len(await waiting(place)) == 1
    assert await carry(work, {"key": "one"}) is None
    assert await said(place) == "yes"


async def test_work_whose_row_is_gone_ends(place, work):
    await place.owner.execute("delete from agon.example")
    await jobs.drain(work)
    assert (ASKED, await waiting(place)) == ([], [])


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
async def test_no_client_may_mean_hold_or_end_work(place, role):
    for call in (
        "agon.mean_outside('a', 'b')",
        "agon.hold_outside('a', 'b', '1 s')",
        "agon.put_off_outside('a', 'b', 1, 'c', true, 1)",
        "agon.end_outside('a', 'b')",
        "agon.outside_trouble('a', 'b')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(Actor(role=role)) as conn:
                await conn.execute(f"select {call}")
