"""Commands of the kernel: db, migrate, doctor, verify."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import ContextVar
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import typer
import tzdata
import uvloop
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from agon.kernel import cid as cids
from agon.kernel import (
    database,
    doctor,
    embedded,
    keys,
    migrate,
    migrate_export,
    results,
    runtime,
)
from agon.kernel.database import Conn
from agon.kernel.errors import Refused, refuse
from agon.kernel.manifest import System
from agon.kernel.runtime import Runtime

Answer = TypeVar("Answer")

WIDTH_MIN = 120
"""Columns of output that no terminal shows: nothing there is cut."""

out = Console(highlight=False, soft_wrap=True)
if not out.is_terminal:
    out.width = max(out.width, WIDTH_MIN)

db = typer.Typer(help="The embedded server.", no_args_is_help=True)
migrations = typer.Typer(help="Bring the database up to this release.", invoke_without_command=True)


_systems: ContextVar[Sequence[System]] = ContextVar("systems")


def compose(systems: Sequence[System]) -> None:
    """Say which systems the commands work with; the command line does so once."""
    _systems.set(systems)


def begin() -> Runtime:
    """This process, from the environment and the systems that the command line is made of."""
    return runtime.begin(_systems.get())


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end."""
    return uvloop.run(work)


def act(fn: Callable[[Conn], Awaitable[Answer]]) -> Answer:
    """What it answers, in a transaction of the engine."""

    async def within() -> Answer:
        async with begin().database() as pools, pools.as_worker() as conn:
            return await fn(conn)

    return run(within())


def ask(query: str, *given: object) -> Any:
    """The value of one call of the engine."""
    return act(lambda conn: conn.fetchval(query, *given))


@db.command("url")
def db_url(login: str = typer.Option("agon_owner", help="One of the four logins.")) -> None:
    """Print where a login connects."""
    urls = begin().urls
    if login not in urls:
        raise refuse("unknown_login", f"There is no login {login}.", hint=", ".join(urls))
    print(urls[login])


@db.command("psql", context_settings={"ignore_unknown_options": True})
def db_psql(arguments: list[str] = typer.Argument(None)) -> None:
    """Open psql as the owner; further arguments are psql's."""
    url, password = database.without_password(begin().urls["agon_owner"])
    program = str(embedded.program("psql"))
    # Arguments show in `ps`, the environment does not.
    environ = {**os.environ, "PGPASSWORD": password}
    os.execve(program, [program, url, *(arguments or [])], environ)


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded server; everything committed stays."""
    process = begin()
    if process.settings["database_url"]:
        raise refuse(
            "not_embedded",
            "AGON_DATABASE_URL is set, so the embedded server is not used.",
            hint="Stop that Postgres where it runs, or unset AGON_DATABASE_URL.",
        )
    out.print("stopped" if embedded.stop(process.home) else "was not running")
    out.print("A running `agon serve` or `agon work` starts it again.", style="dim")


@db.command("status")
def db_status() -> None:
    """What the embedded server does."""
    out.print(embedded.status(begin().home))


@migrations.callback()
def migrate_up(context: typer.Context) -> None:
    """Apply what is pending."""
    if context.invoked_subcommand is None:
        process = begin()
        applied = run(migrate_all(process))
        out.print(f"{len(applied)} files applied")


@migrations.command("status")
def migrate_status() -> None:
    """List the files and whether they are applied."""
    process = begin()
    table = Table(Column("file", overflow="fold"), "state", box=None)
    states = run(_migration_states(process))
    for state in states:
        table.add_row(state.file.path, state.state)
    out.print(table, soft_wrap=False)
    if any(state.state != "applied" for state in states):
        raise typer.Exit(1)


@migrations.command("export")
def migrate_export_files(folder: Path) -> None:
    """Write plain SQL files for the Supabase CLI's `db push`, or psql."""
    paths = migrate_export.export(migrate.collect(begin().systems), folder)
    out.print(f"{len(paths)} files written to {folder}")


async def migrate_all(process: Runtime) -> list[migrate.State]:
    """Apply what is pending. Elsewhere than in our own server, set the logins' passwords; in our
    own, publish the key to seal to, whose other half lies in the same home: of another Postgres
    nobody but its worker knows that it has the key that opens."""
    conn = await database.connect(process.urls["agon_owner"])
    try:
        applied = await migrate.run(
            conn,
            migrate.collect(process.systems),
            progress=lambda state: out.print(f"  {state.file.path}", style="dim"),
        )
        if process.settings["database_url"]:
            await database.set_passwords(conn, process.settings["database_login_secret"])
        else:
            await keys.publish_sealing_key(conn, process.sealing_keys)
    finally:
        await conn.close()
    return applied


async def _migration_states(process: Runtime) -> list[migrate.State]:
    conn = await database.connect(process.urls["agon_owner"])
    try:
        return await migrate.status(conn, migrate.collect(process.systems))
    finally:
        await conn.close()


def doctor_command() -> None:
    """Say what is configured, reachable and missing."""
    process = begin()
    for name, value in process.settings.printable().items():
        out.print(f"  {name} = {value}  ({process.settings.origins[name]})", style="dim")
    marks = {"ok": "[green]ok   [/]", "note": "[yellow]note [/]", "wrong": "[red]wrong[/]"}
    findings = run(doctor.examine(process))
    for name, finding in findings:
        out.print(f"{marks[finding.state]} {name}: {escape(finding.text)}")
        if finding.hint:
            out.print(f"      {finding.hint}", style="dim", markup=False)
    if any(finding.state == "wrong" for _, finding in findings):
        raise typer.Exit(1)


def verify(
    result: str = typer.Argument(help="A file, a CID, or a URL."),
    token: str = typer.Option(None, help="Access token, sent to the URL as Bearer."),
) -> None:
    """Recompute a result and say what differs."""
    process = begin()
    data, expected, attachments = run(_fetch_all(process, result, token))
    found = results.verify(data, process.result_kinds(), expected, attachments)
    name = f"{found.kind} {found.version}"
    zones = results.load(data)["inputs"].get("timezone_data", tzdata.IANA_VERSION)
    if zones != tzdata.IANA_VERSION:
        out.print(f"  note: decided with time zones {zones}, recomputed with {tzdata.IANA_VERSION}")
    if found.ok:
        out.print(f"[green]same[/]  {name}  {found.cid}")
        return
    out.print(f"[red]differs[/]  {name}  {found.cid}")
    if expected not in (None, found.cid):
        out.print(f"  the bytes are not those of {expected}")
    for difference in found.differences:
        out.print(
            f"  {difference.pointer or '/'}: stored {difference.stored}, "
            f"recomputed {difference.recomputed}",
            markup=False,
        )
    raise typer.Exit(1)


async def _fetch_all(
    process: Runtime, result: str, token: str | None
) -> tuple[bytes, str | None, dict[str, bytes]]:
    """As `_fetch`, with the files that are attached: they lie beside the result."""
    data, expected = await _fetch(process, result, token)
    names = results.attached_to(results.load(data))
    return data, expected, {
        name: (await _fetch(process, _beside(result, name), token))[0] for name in names
    }  # fmt: skip


def _beside(result: str, name: str) -> str:
    """Where an attached file is: beside a result's file or URL, else in our database."""
    if not cids.is_cid(name):
        raise refuse("attachment_malformed", f"{name[:80]!r} is no name of a file.")
    if result.startswith(("http://", "https://")):
        return result.partition("?")[0].rpartition("/")[0] + "/" + name
    path = Path(result).with_name(name)
    return str(path) if path.is_file() else name


async def _fetch(process: Runtime, result: str, token: str | None) -> tuple[bytes, str | None]:
    """The bytes of a result, and the name that they should have, if that is known.

    Raises Refused `result_unknown`.
    """
    if (path := Path(result)).is_file():
        return await asyncio.to_thread(path.read_bytes), None
    if result.startswith(("http://", "https://")):
        return await _download(process, result, token)
    if not cids.is_cid(result):
        raise refuse(
            "result_unknown",
            f"{result}: no such file, CID or URL.",
            hint="Name a file of yours, a CID, or a URL that begins with http:// or https://.",
            status=404,
        )
    return await _stored(process, result), result


async def _download(process: Runtime, url: str, token: str | None) -> tuple[bytes, str | None]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with _caller(process, url) as client:
        answer = await client.request(
            "GET", url, headers=headers, limit_bytes=results.BUNDLE_BYTES_MAX
        )
    if answer.status != 200:
        raise refuse(
            "result_unknown",
            f"{url} answers {answer.status}.",
            hint="Some results are for participants: name an access token with --token."
            if answer.status in (401, 403, 404)
            else None,
            status=answer.status,
        )
    tail = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return answer.body, tail if cids.is_cid(tail) else None


def _caller(process: Runtime, url: str) -> Any:
    """A client for this URL. The user named it, so it may lie on this machine, in plain HTTP."""
    from agon.kernel import outbound  # its library takes long to import

    try:
        place = outbound.URL(url)
    except ValueError:
        return process.outbound()  # which refuses it
    host = place.raw_host or ""
    is_local = host == "localhost" or (outbound.is_address(host) and ip_address(host).is_loopback)
    if not is_local or place.port is None:
        return process.outbound()
    return outbound.client(outbound.Settings(exempt=frozenset({(host, place.port)})))


async def _stored(process: Runtime, cid: str) -> bytes:
    """A bundle of our database. No server is started for it: a new one would hold nothing."""
    settings = process.settings
    if not settings["database_url"] and embedded.status(process.home) in ("absent", "stopped"):
        raise _not_here(cid, "the embedded server does not run")
    conn = await database.connect(process.urls["agon_owner"])
    try:
        data = await conn.fetchval("select bundle from agon.results where cid = $1", cid)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise _not_here(cid, "the database is not migrated") from error
    finally:
        await conn.close()
    if data is None:
        raise refuse(
            "result_unknown",
            f"No result {cid} is stored here.",
            hint="Name a file or a URL.",
            status=404,
        )
    return data


def _not_here(cid: str, why: str) -> Refused:
    return refuse(
        "result_unknown",
        f"Result {cid} cannot be looked up: {why}.",
        hint="Name a file or a URL, or run `agon serve` in the home that holds the result.",
        status=503,
    )
