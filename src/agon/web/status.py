"""Health and metrics: /healthz, /readyz, /metrics."""

from __future__ import annotations

import time
from functools import cache

import asyncpg
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agon.kernel import logs, migrate
from agon.kernel.errors import Refused
from agon.kernel.manifest import System
from agon.web.handlers import Pools, Process

router = APIRouter(tags=["status"])
log = logs.get("agon.web")

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "agon_requests", "Requests answered.", ["method", "path", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "agon_request_seconds", "Time to the answer.", ["method", "path"], registry=REGISTRY
)
JOBS = Gauge("agon_jobs", "Jobs that wait or run.", ["job", "status"], registry=REGISTRY)


class Measured:
    """Counts and times every request by the path's pattern, never by its values."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            path = getattr(scope.get("route"), "path", "(unknown)")
            REQUESTS.labels(scope["method"], path, status).inc()
            SECONDS.labels(scope["method"], path).observe(time.perf_counter() - started)


def install(app: FastAPI) -> None:
    """Measure every request, and serve what was measured."""
    app.add_middleware(Measured)
    app.include_router(router)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(process: Process, pools: Pools) -> Response:
    """The database is reachable and holds this release's migrations; the log says what is not."""
    try:
        async with pools.connection("agon_worker") as conn:
            states = await migrate.status(conn, _files(tuple(process.systems)))
    except (Refused, asyncpg.PostgresError) as error:
        log.warning("not_ready", why=str(error))
        return JSONResponse({"status": "no"}, status_code=503)
    waiting = [state.file.path for state in states if state.state != "applied"]
    if waiting:
        log.warning("not_ready", migrations_waiting=waiting)
        return JSONResponse({"status": "no"}, status_code=503)
    return JSONResponse({"status": "ok"})


@cache
def _files(systems: tuple[System, ...]) -> list[migrate.File]:
    return migrate.collect(systems)


@router.get("/metrics")
async def metrics(pools: Pools) -> Response:
    """Prometheus text."""
    async with pools.as_worker() as conn:
        rows = await conn.fetch("select * from agon.job_counts()")
    JOBS.clear()
    for row in rows:
        JOBS.labels(row["job"], row["status"]).set(row["jobs"])
    return Response(render(REGISTRY), media_type=CONTENT_TYPE_LATEST)
