"""`agon doctor`: what is configured, reachable and missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import asyncpg

from agon.kernel import clock, database, migrate
from agon.kernel.errors import Refused
from agon.kernel.manifest import load
from agon.kernel.runtime import LOGINS, Runtime

POSTGRES_MIN = 150000
JOB_LATE_S = 300


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: ok, something to know, or something to mend."""

    state: Literal["ok", "note", "wrong"]
    text: str
    hint: str = ""


async def examine(runtime: Runtime) -> list[tuple[str, Finding]]:
    """Run every system's checks; a check that is refused is a finding, too."""
    found = []
    for system in runtime.systems:
        for check in system.checks:
            run: Callable[[Runtime], Awaitable[Finding]] = load(check.run)
            try:
                finding = await run(runtime)
            except Refused as refused:
                finding = Finding(
                    state="wrong",
                    text=refused.refusal.message,
                    hint=refused.refusal.hint or "",
                )
            found.append((f"{system.name}: {check.name}", finding))
    return found


async def check_database(runtime: Runtime) -> Finding:
    """Reachable, new enough, and not run as a superuser."""
    conn = await database.connect(runtime.urls["agon_owner"])
    try:
        number = int(await conn.fetchval("show server_version_num"))
        version = await conn.fetchval("show server_version")
        is_superuser = await conn.fetchval("show is_superuser") == "on"
    finally:
        await conn.close()
    if number < POSTGRES_MIN:
        return Finding(state="wrong", text=f"Postgres {version}", hint="Agon needs 15 or newer.")
    if is_superuser:
        return Finding(
            state="note",
            text=f"Postgres {version}; the owner is a superuser",
            hint="An owner needs CREATEROLE only.",
        )
    place = "AGON_DATABASE_URL" if runtime.settings["database_url"] else "embedded"
    return Finding(state="ok", text=f"Postgres {version} ({place})")


async def check_migrations(runtime: Runtime) -> Finding:
    """All files applied, none changed."""
    conn = await database.connect(runtime.urls["agon_owner"])
    try:
        states = await migrate.status(conn, migrate.collect(runtime.systems))
    finally:
        await conn.close()
    waiting = [state for state in states if state.state != "applied"]
    if waiting:
        return Finding(
            state="wrong",
            text=f"{len(waiting)} of {len(states)} files wait to be applied",
            hint="Run `agon migrate`.",
        )
    return Finding(state="ok", text=f"{len(states)} files applied")


async def check_logins(runtime: Runtime) -> Finding:
    """Every login gets in."""
    for login in LOGINS:
        conn = await database.connect(runtime.urls[login])
        await conn.close()
    return Finding(state="ok", text=f"{', '.join(LOGINS)} can connect")


async def check_jobs(runtime: Runtime) -> Finding:
    """Nothing waits for long, nothing has failed for good."""
    conn = await database.connect(runtime.urls["agon_worker"])
    try:
        rows = await conn.fetch("select * from agon.job_counts()")
    except asyncpg.PostgresError as error:
        return Finding(state="wrong", text=str(error), hint="Run `agon migrate`.")
    finally:
        await conn.close()
    failed = sum(row["jobs"] for row in rows if row["status"] == "failed")
    waiting = [row for row in rows if row["status"] == "queued"]
    late = [
        row["job"] for row in waiting if (clock.now() - row["oldest"]).total_seconds() > JOB_LATE_S
    ]
    if failed:
        return Finding(
            state="wrong",
            text=f"{failed} jobs have failed for good",
            hint="Their tracebacks stand in agon.pgqueuer_log.",
        )
    if late:
        return Finding(
            state="wrong",
            text=f"jobs wait for more than {JOB_LATE_S} s: {', '.join(sorted(set(late)))}",
            hint="Run `agon work`, or `agon serve`, which works as well.",
        )
    return Finding(state="ok", text=f"{sum(row['jobs'] for row in waiting)} jobs wait")
