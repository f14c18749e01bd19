"""Composition: the server that all systems share."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

from agon import __version__
from agon.kernel import jobs
from agon.kernel.manifest import load
from agon.kernel.runtime import Runtime
from agon.web import errors, status

READER_PROCESSES = 2
STOP_S_MAX = 20


def serve(runtime: Runtime, *, work: bool = True) -> FastAPI:
    """The ASGI application. work: do the queue's jobs in this process, too."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Forked early processes would share sockets; fresh ones start when a large file comes.
        fresh = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(READER_PROCESSES, mp_context=fresh) as processes:
            async with runtime.database() as database:
                app.state.database, app.state.processes = database, processes
                async with _worker(runtime, app, enabled=work):
                    yield

    app = FastAPI(
        title="Agon",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.runtime = runtime
    errors.install(app)
    status.install(app)
    for system in runtime.systems:
        for router in system.routes:
            app.include_router(load(router))
    return app


@asynccontextmanager
async def _worker(runtime: Runtime, app: FastAPI, *, enabled: bool) -> AsyncIterator[None]:
    if not enabled:
        yield
        return
    stop = asyncio.Event()
    task = asyncio.create_task(
        jobs.run(jobs.Work(database=app.state.database, runtime=runtime), stop)
    )
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, STOP_S_MAX)
