"""The worker: pgqueuer under a small supervisor, with what jobs need at hand.

A lost connection ends pgqueuer's loops, so the supervisor opens a new one and goes on. Delivery is
at least once; every job's effect is guarded in SQL, so a second run changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence import qb
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import QueueExecutionMode

from agon.kernel import database, events, keys, logs
from agon.kernel.errors import Refused
from agon.kernel.manifest import Host, Job, load
from agon.kernel.processes import Processes
from agon.kernel.runtime import Runtime

BATCH_JOBS = 20
"""Jobs that one fetch takes, and the most that wait to be acknowledged together."""
RUNNING_JOBS_MAX = 2 * BATCH_JOBS
QUEUE_POLL_S = 5
DRAIN_POLL_S = 0.02
HEARTBEAT_S_MAX = 10
"""A job whose worker has been silent for so long is picked up by another."""
RETRY_FIRST_S = 1
RETRY_LONGEST_S = 300
RESTART_PAUSE_S = 0.5
HOST_PAUSE_S_MAX = 30
EVENTS_POLL_S = 1.0

# What a lost connection looks like, in asyncpg and in pgqueuer's loops.
LOST = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    RuntimeError,
    FailingListenerError,
)

log = logs.get("agon.jobs")


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a job may use: the open database, the process that it runs in, and other processes for
    pure work that would hold up the loop, whose heartbeat must not stop."""

    database: database.Database
    runtime: Runtime
    processes: Processes = field(default_factory=lambda: Processes(1))


@dataclass(frozen=True, kw_only=True)
class Later:
    """What a job answers that is to be done again, however often that was: after so many seconds,
    and why not now."""

    seconds: float = 0
    why: str = ""


async def run(work: Work, stop: asyncio.Event) -> None:
    """Work until `stop` is set, whatever happens to the connection."""
    hosts = (_host(work, each, stop) for system in work.runtime.systems for each in system.hosts)
    await asyncio.gather(_queue(work, stop), _subscriptions(work, stop), *hosts)


async def drain(work: Work) -> None:
    """Do all work that is due now, and return."""
    conn = await database.connect(work.runtime.urls["agon_worker"])
    try:
        await keys.publish_sealing_key(conn, work.runtime.sealing_keys)
        queue = _compose(work, conn, schedules=False)
        await queue.qm.run(
            batch_size=BATCH_JOBS,
            mode=QueueExecutionMode.drain,
            dequeue_timeout=timedelta(seconds=DRAIN_POLL_S),
            max_concurrent_tasks=RUNNING_JOBS_MAX,
            log_aggregation_interval=timedelta(0),
        )
    finally:
        await conn.close()
    for _ in range(events.EVENTS_PER_BATCH_MAX):
        if not await _pump_all(work):
            break


async def _queue(work: Work, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            conn = await database.connect(work.runtime.urls["agon_worker"])
        except Refused as refused:
            log.warning("worker.waits", why=str(refused), details=refused.refusal.details)
            await _pause(stop, RESTART_PAUSE_S)
            await _revive(work)
            continue
        try:
            await keys.publish_sealing_key(conn, work.runtime.sealing_keys)
            await _until_stopped(_compose(work, conn), stop)
        except LOST as error:
            log.warning("worker.restarts", why=f"{type(error).__name__}: {error}")
            await _pause(stop, RESTART_PAUSE_S)
        finally:
            conn.terminate()


async def _revive(work: Work) -> None:
    try:
        await asyncio.to_thread(work.runtime.revive)
    except Refused as refused:
        log.warning("server.stays_down", why=str(refused))


async def _until_stopped(queue: PgQueuer, stop: asyncio.Event) -> None:
    watcher = asyncio.create_task(stop.wait())
    watcher.add_done_callback(lambda _: queue.shutdown.set())
    try:
        await queue.run(
            batch_size=BATCH_JOBS,
            dequeue_timeout=timedelta(seconds=QUEUE_POLL_S),
            max_concurrent_tasks=RUNNING_JOBS_MAX,
            heartbeat_timeout=timedelta(seconds=HEARTBEAT_S_MAX),
            shutdown_on_listener_failure=True,
        )
    finally:
        watcher.cancel()


def _compose(work: Work, conn: asyncpg.Connection, *, schedules: bool = True) -> PgQueuer:
    driver = AsyncpgDriver(conn)
    names = DBSettings(db_schema="agon")
    queries = Queries(
        driver,
        qbe=qb.QueryBuilderEnvironment(names),
        qbq=qb.QueryQueueBuilder(names),
        qbs=qb.QuerySchedulerBuilder(names),
    )
    queue = PgQueuer(driver, queries=queries, resources={"work": work})
    for system in work.runtime.systems:
        for job in system.jobs:
            _register(queue, work, job)
        for schedule in system.schedules if schedules else ():
            queue.schedule(schedule.job, schedule.cron, accepts_context=False)(
                _scheduled(work, schedule.job)
            )
    return queue


def _register(queue: PgQueuer, work: Work, job: Job) -> None:
    task = load(job.run) if ":" in job.run else _calling(job)

    async def execute(item: Any) -> None:
        answer = await task(work, json.loads(item.payload or b"{}"))
        if isinstance(answer, Later):
            raise RetryRequested(timedelta(seconds=answer.seconds), answer.why)

    queue.entrypoint(
        job.name,
        concurrency_limit=job.concurrency,
        accepts_context=False,
        on_failure="hold",
        executor_factory=lambda parameters: DatabaseRetryEntrypointExecutor(
            parameters=parameters,
            max_attempts=job.attempts_max,
            initial_delay=timedelta(seconds=RETRY_FIRST_S),
            max_delay=timedelta(seconds=RETRY_LONGEST_S),
        ),
    )(execute)


def _calling(job: Job) -> Callable[[Work, object], Awaitable[None]]:
    """The task of a job that names a SQL function."""
    marks = ", ".join(f"${number}" for number in range(1, len(job.settings) + 1))

    async def call(work: Work, _payload: object) -> None:
        given = [work.runtime.settings[name] for name in job.settings]
        async with work.database.as_worker() as conn:
            answer = await conn.fetchval(f"select {job.run}({marks})", *given)
        log.debug("job.called", job=job.name, answer=answer)

    return call


def _scheduled(work: Work, job: str) -> Callable[[Any], Awaitable[None]]:
    async def execute(_schedule: Any) -> None:
        async with work.database.as_worker() as conn:
            await conn.execute("select agon.enqueue_scheduled($1)", job)

    return execute


async def _host(work: Work, host: Host, stop: asyncio.Event) -> None:
    """One that fails is logged and started again, after a pause that grows; it stops no other."""
    run, pause_s, time_s = load(host.run), RESTART_PAUSE_S, asyncio.get_running_loop().time
    while not stop.is_set():
        started_s = time_s()
        try:
            await run(work, stop)
        except Exception as error:
            log.error("host.failed", host=host.name, exc_info=error)
        if time_s() - started_s > HOST_PAUSE_S_MAX:
            pause_s = RESTART_PAUSE_S
        await _pause(stop, pause_s)
        pause_s = min(2 * pause_s, HOST_PAUSE_S_MAX)


async def _subscriptions(work: Work, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if not await _pump_all(work):
            await _pause(stop, EVENTS_POLL_S)


async def _pump_all(work: Work) -> int:
    """One batch for each subscription. One that cannot be read stops no other."""
    read = 0
    for system in work.runtime.systems:
        for each in system.subscriptions:
            try:
                read += await events.pump(work.database, each.name, [each.topic], load(each.run))
            except Exception as error:
                log.error("events.unread", subscription=each.name, exc_info=error)
    return read


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
