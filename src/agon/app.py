"""Composition: the server that all systems share."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from agon import __version__
from agon.kernel import jobs, logs
from agon.kernel.manifest import load
from agon.kernel.processes import Processes
from agon.kernel.runtime import Runtime
from agon.web import doors, errors, results, status
from agon.web.callers import Callers
from agon.web.gate import Gate
from agon.web.limits import rates_of

READER_PROCESSES = 2
STOP_S_MAX = 20

log = logs.get("agon.app")


def serve(runtime: Runtime, *, work: bool = True) -> FastAPI:
    """The ASGI application. work: do the queue's jobs in this process, too."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with Processes(READER_PROCESSES) as processes:
            async with runtime.database() as database:
                app.state.database, app.state.processes = database, processes
                async with opened(app), _worker(runtime, app, enabled=work):
                    yield

    app = FastAPI(
        title="Agon",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url="/docs",
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.runtime = runtime
    callers = Callers(runtime, lambda: app.state.database)
    app.state.gate = Gate(callers, rates_of(runtime.settings))
    app.state.doors = doors.closed(runtime.systems)
    errors.install(app)
    status.install(app)
    app.include_router(results.router)
    app.add_middleware(doors.Entrance, doors=app.state.doors)
    for system in runtime.systems:
        for router in system.routes:
            app.include_router(load(router))
    return app


def opened(app: FastAPI) -> AbstractAsyncContextManager[None]:
    """Its doors, open for the length of the block; the lifespan does so by itself."""
    state = app.state
    server = doors.Server(runtime=state.runtime, database=state.database, gate=state.gate)
    return doors.opened(server, state.doors)


@asynccontextmanager
async def _worker(runtime: Runtime, app: FastAPI, *, enabled: bool) -> AsyncIterator[None]:
    if not enabled:
        yield
        return
    stop, state = asyncio.Event(), app.state
    work = jobs.Work(database=state.database, runtime=runtime, processes=state.processes)
    task = asyncio.create_task(jobs.run(work, stop))
    task.add_done_callback(_end_without_worker)
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, STOP_S_MAX)


def _end_without_worker(task: asyncio.Task[None]) -> None:
    """A server whose worker has died must not go on as if it worked."""
    if not task.cancelled() and (error := task.exception()):
        log.critical("worker.died", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)
