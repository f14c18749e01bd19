"""Jobs: enqueued in the transaction that made them necessary, done, retried, held."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from agon.kernel import clock, commands, database, jobs, work_commands
from agon.kernel.database import Actor
from agon.kernel.manifest import Host, Job, Schedule, Subscription, System, load
from agon.systems import SYSTEMS

SEEN: list[tuple[str, object]] = []


async def note(_work: jobs.Work, payload: dict) -> None:
    SEEN.append(("note", payload["n"]))


async def stumble(_work: jobs.Work, payload: dict) -> None:
    SEEN.append(("stumble", payload["n"]))
    raise ValueError("not this time")


async def hear(_conn: object, event: object) -> None:
    SEEN.append(("heard", event.key))  # type: ignore[attr-defined]


async def attend(_work: jobs.Work, stop: asyncio.Event) -> None:
    SEEN.append(("attend", None))
    if len([each for each in SEEN if each[0] == "attend"]) == 1:
        raise ValueError("not the first time")
    await stop.wait()


EXAMPLE = System(
    name="example",
    package="tests.kernel",
    jobs=(
        Job(name="example.note", run="tests.kernel.test_jobs:note"),
        Job(
            name="example.count",
            run="agon.count_example",
            settings=("session_days", "collect_every_minutes"),
        ),
        Job(name="example.stumble", run="tests.kernel.test_jobs:stumble", attempts_max=0),
    ),
    schedules=(Schedule(job="example.count", cron="* * * * *"),),
    hosts=(Host(name="example.attend", run="tests.kernel.test_jobs:attend"),),
    subscriptions=(
        Subscription(name="example.hear", topic="example.said", run="tests.kernel.test_jobs:hear"),
    ),
)


@pytest.fixture
def work(place):
    SEEN.clear()
    process = replace(place.runtime, systems=(EXAMPLE,))
    process.__dict__["urls"] = place.runtime.urls
    return jobs.Work(database=place.database, runtime=process)


async def enqueue(place, job: str, n: int, key: str | None = None) -> int | None:
    return await place.owner.fetchval("select agon.enqueue($1, $2, $3)", job, {"n": n}, key)


async def seen(item: tuple[str, object], times: int = 1) -> None:
    """Wait until the work is done."""
    async with asyncio.timeout(15):
        while SEEN.count(item) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_job_is_done_once(place, work):
    await enqueue(place, "example.note", 1)
    await jobs.drain(work)
    await jobs.drain(work)
    assert SEEN == [("note", 1)]
    assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 0


async def test_a_rolled_back_transaction_enqueued_nothing(place, work):
    with pytest.raises(RuntimeError):
        async with place.owner.transaction():
            await enqueue(place, "example.note", 1)
            raise RuntimeError("and back")
    await jobs.drain(work)
    assert SEEN == []


async def test_a_key_keeps_a_job_from_waiting_twice(place, work):
    assert await enqueue(place, "example.note", 1, "one") is not None
    assert await enqueue(place, "example.note", 2, "one") is None
    await jobs.drain(work)
    assert SEEN == [("note", 1)]
    assert await enqueue(place, "example.note", 3, "one") is not None


async def test_a_key_whose_job_runs_queues_one_more_and_no_third(place, work):
    await enqueue(place, "example.note", 1, "one")
    pick = "update agon.pgqueuer set status = 'picked' where dedupe_key = $1"
    await place.owner.execute(pick, "one")
    assert await enqueue(place, "example.note", 2, "one") is not None
    assert await enqueue(place, "example.note", 3, "one") is None
    await place.owner.execute(pick, "one again")
    assert await enqueue(place, "example.note", 4, "one") is not None
    await jobs.drain(work)
    assert SEEN == [("note", 4)]


async def test_a_job_that_stands_for_uncommitted_work_waits_for_its_commit(place):
    await enqueue(place, "example.note", 1, "one")
    free = "select count(*) from (select from agon.pgqueuer for update skip locked) f"
    async with place.owner.transaction():
        assert await enqueue(place, "example.note", 2, "one") is None
        async with place.database.as_worker() as conn:
            assert await conn.fetchval(free) == 0
    async with place.database.as_worker() as conn:
        assert await conn.fetchval(free) == 1


async def test_a_schedule_queues_its_job_once_and_the_job_calls_a_function(place, work):
    await place.owner.execute(
        """
        create table agon.example (days integer, minutes integer);
        create function agon.count_example(days integer, minutes integer) returns void
          language sql security definer as 'insert into agon.example values (days, minutes)';
        """
    )
    turn = jobs._scheduled(work, "example.count")
    for _ in range(2):
        await turn(None)
    assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 1
    await jobs.drain(work)
    assert [tuple(row) for row in await place.owner.fetch("table agon.example")] == [(180, 15)]


async def test_of_a_schedules_failures_the_last_is_kept(place, work):
    for _ in range(3):
        await jobs._scheduled(work, "example.stumble")(None)
        await place.owner.execute("update agon.pgqueuer set status = 'failed'")
    counts = "select status::text, count(*) from agon.pgqueuer group by 1"
    await jobs._scheduled(work, "example.stumble")(None)
    assert dict(await place.owner.fetch(counts)) == {"queued": 1, "failed": 1}


async def test_the_log_of_old_jobs_is_forgotten_but_for_those_that_stand(place, work):
    await enqueue(place, "example.note", 1)
    await enqueue(place, "example.stumble", 1)
    await jobs.drain(work)
    forget = "select agon.forget_job_log()"
    assert await place.owner.fetchval(forget) == 0
    await place.set_clock(clock.now() + timedelta(days=31))
    assert await place.owner.fetchval(forget) > 0
    left = await place.owner.fetch("select distinct entrypoint from agon.pgqueuer_log")
    assert [row[0] for row in left] == ["example.stumble"]


async def test_schedules_name_jobs_and_jobs_name_what_there_is(place):
    named = {job.name: job for system in SYSTEMS for job in system.jobs}
    assert {each.job for system in SYSTEMS for each in system.schedules} <= named.keys()
    for job in named.values():
        if ":" in job.run:
            assert callable(load(job.run))
            continue
        query = """
            select pronargs - pronargdefaults <= $2 and $2 <= pronargs
              and has_function_privilege('agon_worker', oid, 'execute')
            from pg_proc where oid = $1::regproc
        """
        assert await place.owner.fetchval(query, job.run, len(job.settings)), job.name
        assert all(name in place.runtime.settings.values for name in job.settings)


async def test_a_job_that_fails_for_good_is_held_and_seen(place, work):
    await enqueue(place, "example.stumble", 1)
    await jobs.drain(work)
    counts = await place.owner.fetch("select * from agon.job_counts()")
    assert [(row["job"], row["status"]) for row in counts] == [("example.stumble", "failed")]
    logged = await place.owner.fetchval(
        "select traceback::text from agon.pgqueuer_log where traceback is not null"
    )
    assert "not this time" in logged


async def test_a_failed_job_is_done_again_or_dropped_once(place, work):
    await enqueue(place, "example.stumble", 1, "one")
    await jobs.drain(work)
    async with place.database.as_worker() as conn:
        (failed,) = await conn.fetch("select * from agon.list_failed_jobs()")
        assert (failed["job"], failed["trouble"]) == ("example.stumble", "not this time")
        assert await conn.fetchval("select agon.retry_job($1)", failed["id"])
        assert not await conn.fetchval("select agon.retry_job($1)", failed["id"])
        assert not await conn.fetchval("select agon.drop_job($1)", failed["id"])
    await jobs.drain(work)
    assert SEEN == [("stumble", 1), ("stumble", 1)]
    async with place.database.as_worker() as conn:
        (failed,) = await conn.fetch("select * from agon.list_failed_jobs()")
        # One that waits with its key does the work of both.
        assert await enqueue(place, "example.stumble", 2, "one") is not None
        assert await conn.fetchval("select agon.retry_job($1)", failed["id"])
    assert await place.owner.fetchval("select count(*) from agon.pgqueuer") == 1
    await jobs.drain(work)
    async with place.database.as_worker() as conn:
        (failed,) = await conn.fetch("select * from agon.list_failed_jobs()")
        assert await conn.fetchval("select agon.drop_job($1)", failed["id"])
        assert not await conn.fetchval("select agon.drop_job($1)", failed["id"])


async def test_the_backlog_is_listed_and_worked_off_by_commands(place, work, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: work.runtime)
    monkeypatch.setattr(commands, "run", lambda task: asyncio.run(task))
    await enqueue(place, "example.stumble", 7)
    await jobs.drain(work)

    def by_hand(*arguments: str) -> str:
        group = work_commands.jobs if arguments[0] == "jobs" else work_commands.events
        done = CliRunner().invoke(group, list(arguments[1:]))
        return done.output if done.exception is None else repr(done.exception)

    assert "not this time" in await asyncio.to_thread(by_hand, "jobs")
    assert "job_unknown" in await asyncio.to_thread(by_hand, "jobs", "retry", "999")
    assert "1 jobs" in await asyncio.to_thread(by_hand, "jobs", "retry", "0")
    assert "no job has failed" in await asyncio.to_thread(by_hand, "jobs")
    assert "0 jobs" in await asyncio.to_thread(by_hand, "jobs", "drop", "0")
    assert "no event was set aside" in await asyncio.to_thread(by_hand, "events")
    unknown = await asyncio.to_thread(by_hand, "events", "retry", "example.none", "1")
    assert "subscription_unknown" in unknown
    absent = await asyncio.to_thread(by_hand, "events", "retry", "example.hear", "1")
    assert "event_unknown" in absent


async def test_events_reach_their_subscription(place, work):
    await place.owner.execute("select agon.emit('example.said', 'a')")
    await jobs.drain(work)
    await jobs.drain(work)
    assert SEEN == [("heard", "a")]


async def test_a_running_worker_wakes_for_new_work_and_stops_when_told(place, work):
    stop = asyncio.Event()
    running = asyncio.create_task(jobs.run(work, stop))
    await asyncio.sleep(0.5)
    await enqueue(place, "example.note", 1)
    await seen(("note", 1))
    stop.set()
    async with asyncio.timeout(10):
        await running


async def test_a_worker_survives_the_loss_of_its_connection(place, work):
    stop = asyncio.Event()
    running = asyncio.create_task(jobs.run(work, stop))
    await asyncio.sleep(0.5)
    killer = await database.connect(place.runtime.urls["agon_worker"])
    await killer.execute(
        """
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and usename = 'agon_worker' and pid <> pg_backend_pid()
        """
    )
    await killer.close()
    await enqueue(place, "example.note", 2)
    await seen(("note", 2))
    stop.set()
    async with asyncio.timeout(10):
        await running


async def test_a_host_that_fails_is_started_again_and_stops_with_the_worker(work):
    stop = asyncio.Event()
    running = asyncio.create_task(jobs.run(work, stop))
    await seen(("attend", None), times=2)
    stop.set()
    async with asyncio.timeout(10):
        await running
    assert SEEN.count(("attend", None)) == 2


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_no_client_may_enqueue_or_see_jobs(place, role):
    for statement in ("select agon.enqueue('example.note')", "select * from agon.pgqueuer"):
        with pytest.raises(Exception, match="permission denied"):
            async with place.database.as_caller(Actor(role=role)) as conn:
                await conn.execute(statement)
