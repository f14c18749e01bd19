"""Health and metrics: /healthz, /readyz, /metrics."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render

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


def install(app: FastAPI) -> None:
    """Count and time every request by the path's pattern, never by its values."""

    @app.middleware("http")
    async def measure(
        request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        response = await proceed(request)
        route = request.scope.get("route")
        path = getattr(route, "path", "(unknown)")
        REQUESTS.labels(request.method, path, response.status_code).inc()
        SECONDS.labels(request.method, path).observe(time.perf_counter() - started)
        return response

    app.include_router(router)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(process: Process, pools: Pools) -> Response:
    """The database is reachable and holds this release's migrations."""
    try:
        async with (await pools.pool("agon_owner")).acquire() as conn:
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
