"""`agon doctor`: what is configured, reachable and missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import asyncpg

from agon.kernel import database, migrate
from agon.kernel import jwt as tokens
from agon.kernel.errors import Refusal, Refused
from agon.kernel.manifest import load
from agon.kernel.runtime import JWKS_BYTES_MAX, LOGINS, Runtime

POSTGRES_MIN = 150000
"""As `server_version_num` writes it."""
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
                finding = _wrong(refused.refusal)
            except OSError as error:
                finding = Finding(state="wrong", text=str(error))
            found.append((f"{system.name}: {check.name}", finding))
    return found


def _wrong(refusal: Refusal) -> Finding:
    cause = f" ({refusal.details})" if refusal.details else ""
    return Finding(state="wrong", text=f"{refusal.message}{cause}", hint=refusal.hint or "")


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


async def check_service_role(runtime: Runtime) -> Finding:
    """`service_role` sees every row, as Supabase's does."""
    conn = await database.connect(runtime.urls["agon_owner"])
    try:
        bypasses = await conn.fetchval(
            "select rolbypassrls from pg_roles where rolname = 'service_role'"
        )
    finally:
        await conn.close()
    if not bypasses:
        return Finding(
            state="wrong",
            text="service_role does not see the rows of tables whose policies do not name it",
            hint="As a superuser: alter role service_role bypassrls;",
        )
    return Finding(state="ok", text="service_role sees every row")


async def check_jobs(runtime: Runtime) -> Finding:
    """Nothing waits for long, nothing has failed for good."""
    conn = await database.connect(runtime.urls["agon_worker"])
    try:
        rows = await conn.fetch("select *, now() - oldest as late from agon.job_counts()")
    except asyncpg.PostgresError as error:
        return Finding(state="wrong", text=str(error), hint="Run `agon migrate`.")
    finally:
        await conn.close()
    failed = sum(row["jobs"] for row in rows if row["status"] == "failed")
    waiting = [row for row in rows if row["status"] == "queued"]
    late = [row["job"] for row in waiting if row["late"].total_seconds() > JOB_LATE_S]
    if failed:
        return Finding(
            state="wrong",
            text=f"{failed} jobs have failed for good",
            hint="`agon jobs` lists them with their reasons, and does them again.",
        )
    if late:
        return Finding(
            state="wrong",
            text=f"jobs wait for more than {JOB_LATE_S} s: {', '.join(sorted(set(late)))}",
            hint="Run `agon work`, or `agon serve`, which works as well.",
        )
    return Finding(state="ok", text=f"{sum(row['jobs'] for row in waiting)} jobs wait")


async def check_events(runtime: Runtime) -> Finding:
    """Each subscription keeps up, and none has set an event aside."""
    subscriptions = [each for system in runtime.systems for each in system.subscriptions]
    conn = await database.connect(runtime.urls["agon_worker"])
    try:
        parked = await conn.fetch("select * from agon.list_parked_events()")
        lags = {
            each.name: await conn.fetchval("select agon.event_lag($1, $2)", each.name, each.topic)
            for each in subscriptions
        }
    except asyncpg.PostgresError as error:
        return Finding(state="wrong", text=str(error), hint="Run `agon migrate`.")
    finally:
        await conn.close()
    if parked:
        return Finding(
            state="wrong",
            text=f"{len(parked)} events were set aside",
            hint="`agon events` lists them with their reasons, and hands them over again.",
        )
    late = sorted(name for name, lag in lags.items() if lag.total_seconds() > JOB_LATE_S)
    if late:
        return Finding(
            state="wrong",
            text=f"events wait for more than {JOB_LATE_S} s: {', '.join(late)}",
            hint="Run `agon work`; its log names an event that fails.",
        )
    return Finding(state="ok", text=f"{len(subscriptions)} subscriptions keep up")


async def check_signing_key(runtime: Runtime) -> Finding:
    """There is a key that signs access tokens."""
    try:
        keys = runtime.jwt_keys
    except ValueError as error:
        return Finding(state="wrong", text=f"the kept key is not JSON: {error}")
    place = _place_of(runtime, "jwt_secret")
    return Finding(state="ok", text=f"{len(keys)} for access tokens ({place})")


async def check_sealing_key(runtime: Runtime) -> Finding:
    """There is a key that opens sealed secrets."""
    place = _place_of(runtime, "sealing_key")
    return Finding(state="ok", text=f"{len(runtime.sealing_keys)} for sealed secrets ({place})")


async def check_jwks(runtime: Runtime) -> Finding:
    """The other issuer's keys can be fetched, if there is one."""
    url = runtime.settings["jwks_url"]
    if url is None:
        return Finding(state="note", text="AGON_JWKS_URL is not set: only our own tokens hold")
    async with runtime.outbound() as client:
        answer = await client.request("GET", url, limit_bytes=JWKS_BYTES_MAX, retries=0)
    if answer.status != 200:
        return Finding(
            state="wrong", text=f"{url} answers {answer.status}", hint="Correct AGON_JWKS_URL."
        )
    return Finding(state="ok", text=f"{len(tokens.read_jwks(answer.json()))} keys at {url}")


def _place_of(runtime: Runtime, name: str) -> str:
    return f"AGON_{name.upper()}" if runtime.settings[name] else f"kept in {runtime.home}/secrets"
