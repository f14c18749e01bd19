"""Health and metrics: /healthz, /readyz, /metrics."""

from __future__ import annotations

import time

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agon.kernel import migrate
from agon.kernel.errors import Refused
from agon.web.handlers import Pools, Process

router = APIRouter(tags=["status"])

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
    """The database is reachable and holds this release's migrations."""
    try:
        async with pools.connection("agon_owner") as conn:
            states = await migrate.status(conn, migrate.collect(process.systems))
    except Refused as refused:
        return JSONResponse({"status": "no", "why": refused.refusal.as_json()}, status_code=503)
    waiting = [state.file.path for state in states if state.state != "applied"]
    status = 503 if waiting else 200
    body = {"status": "no" if waiting else "ok", "migrations_waiting": waiting}
    return JSONResponse(body, status_code=status)


@router.get("/metrics")
async def metrics(pools: Pools) -> Response:
    """Prometheus text."""
    rows = await (await pools.pool("agon_worker")).fetch("select * from agon.job_counts()")
    JOBS.clear()
    for row in rows:
        JOBS.labels(row["job"], row["status"]).set(row["jobs"])
    return Response(render(REGISTRY), media_type=CONTENT_TYPE_LATEST)
