"""Migrations: numbered shapes once, rules again whenever their file changes.

Floor by floor, shapes before rules, each file in a transaction of its own, recorded in
`agon.schema_migrations` with its hash. Two runs at once take turns.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import asyncpg

from agon import __version__
from agon.kernel.errors import Refused, refuse
from agon.kernel.manifest import FLOORS, System

LOCK_KEY = 0x61676F6E  # "agon"
LOCK_WAIT_S_MAX = 60
LOCK_POLL_S = 0.05
LOCK_TIMEOUT = "5s"
"""How long a statement of a migration waits for a table that others use."""

CLOSE = "revoke execute on all functions in schema agon from public"
"""After every file: our functions are closed to everyone until a rules file grants them."""

TELL = "notify pgrst, 'reload schema'"
"""After every file: whoever keeps a picture of the schema, as PostgREST does, looks again."""

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$.*?\$\1\$|;""", re.DOTALL
)
_COMMENT = re.compile(r"\A(?:\s+|--[^\n]*\n|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")

LEDGER = """
create schema if not exists agon;
create table if not exists agon.schema_migrations (
  package text not null,
  name text not null,
  kind text not null check (kind in ('shape', 'rules')),
  hash text not null,
  release text not null,
  milliseconds integer not null,
  applied_by text not null default session_user,
  applied_at timestamptz not null default now(),
  primary key (package, name)
);
comment on table agon.schema_migrations is 'Which migration files stand in this database, by hash.';
alter table agon.schema_migrations enable row level security;
"""


@dataclass(frozen=True, kw_only=True)
class File:
    """One migration file of one package."""

    package: str
    name: str
    kind: Literal["shape", "rules"]
    text: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def path(self) -> str:
        return f"{self.package}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a file stands: applied | pending | changed (rules to be re-applied)."""

    file: File
    state: Literal["applied", "pending", "changed"]


def collect(systems: Sequence[System]) -> list[File]:
    """All files of the systems in the order of application."""
    files: list[File] = []
    for floor in FLOORS:
        members = [system for system in systems if system.floor == floor]
        for system in members:
            files += _shapes(system)
        for system in members:
            files += [_file(system, name, "rules") for name in system.rules]
    return files


def _shapes(system: System) -> list[File]:
    folder = system.folder() / "migrations"
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    wrong = [name for name in names if not _NAME.match(name)]
    numbers = [name[:4] for name in names]
    if wrong or len(set(numbers)) != len(numbers):
        raise refuse(
            "migration_misnamed",
            f"{system.package}/migrations has files without a number of their own.",
            details=", ".join(wrong or names),
            hint="Name shapes NNNN_what.sql, each number once.",
        )
    return [_file(system, f"migrations/{name}", "shape") for name in names]


def _file(system: System, name: str, kind: Literal["shape", "rules"]) -> File:
    text = system.folder().joinpath(*name.split("/")).read_text("utf-8")
    return File(package=system.package, name=name, kind=kind, text=text)


async def status(conn: asyncpg.Connection, files: Sequence[File]) -> list[State]:
    """Compare files with the database.

    Raises Refused `migration_frozen` for a changed shape, `migration_missing` for a recorded file
    that is gone, `migration_out_of_order` for a new shape below an applied one.
    """
    recorded = await _recorded(conn)
    _check(files, recorded)
    states = []
    for file in files:
        stored = recorded.get((file.package, file.name))
        if stored is None:
            states.append(State(file=file, state="pending"))
        else:
            same = stored["hash"] == file.hash
            states.append(State(file=file, state="applied" if same else "changed"))
    return states


async def run(
    conn: asyncpg.Connection,
    files: Sequence[File],
    *,
    progress: Callable[[State], None] = lambda state: None,
) -> list[State]:
    """Bring the database up to the files; returns what was applied.

    A failing statement raises Refused `migration_failed` with file, line and cause; the database
    is then as it was before that file.
    """
    async with _turn(conn):
        await conn.execute(LEDGER)
        todo = [state for state in await status(conn, files) if state.state != "applied"]
        for state in todo:
            await _apply(conn, state.file)
            await conn.execute(TELL)
            progress(state)
        return todo


async def _recorded(conn: asyncpg.Connection) -> dict[tuple[str, str], asyncpg.Record]:
    if not await conn.fetchval("select to_regclass('agon.schema_migrations') is not null"):
        return {}
    rows = await conn.fetch("select package, name, kind, hash from agon.schema_migrations")
    return {(row["package"], row["name"]): row for row in rows}


def _check(files: Iterable[File], recorded: dict[tuple[str, str], asyncpg.Record]) -> None:
    by_key = {(file.package, file.name): file for file in files}
    for key, row in recorded.items():
        file = by_key.get(key)
        if row["kind"] == "shape" and file is None:
            raise refuse(
                "migration_missing",
                f"{key[0]}/{key[1]} was applied, but the file is gone.",
                hint="Install the release that has it; applied shapes are never removed.",
            )
        if row["kind"] == "shape" and file is not None and file.hash != row["hash"]:
            raise refuse(
                "migration_frozen",
                f"{file.path} has changed since it was applied.",
                details=f"applied {row['hash'][:12]}, now {file.hash[:12]}",
                hint="Put the file back and write the change as a new numbered file.",
            )
    newest: dict[str, str] = {}
    for package, name in recorded:
        if recorded[package, name]["kind"] == "shape":
            newest[package] = max(newest.get(package, ""), name)
    for key, file in by_key.items():
        late = file.kind == "shape" and key not in recorded and file.name < newest.get(key[0], "")
        if late:
            raise refuse(
                "migration_out_of_order",
                f"{file.path} is new, but {newest[key[0]]} was applied already.",
                hint="Give the new file the next number.",
            )


async def _apply(conn: asyncpg.Connection, file: File) -> None:
    started = time.monotonic()
    try:
        async with conn.transaction():
            await conn.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            for line, statement in statements(file.text):
                try:
                    await conn.execute(statement)
                except asyncpg.PostgresError as error:
                    raise _failure(file, line, statement, error) from error
            await conn.execute(CLOSE)
            await conn.execute(
                """
                insert into agon.schema_migrations
                  (package, name, kind, hash, release, milliseconds)
                values ($1, $2, $3, $4, $5, $6)
                on conflict (package, name) do update set
                  hash = excluded.hash, release = excluded.release,
                  milliseconds = excluded.milliseconds, applied_at = now(),
                  applied_by = excluded.applied_by
                """,
                file.package,
                file.name,
                file.kind,
                file.hash,
                __version__,
                round((time.monotonic() - started) * 1000),
            )
    except asyncpg.PostgresError as error:
        raise _failure(file, 1, file.text, error) from error


def statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a file, each with the line on which it begins."""
    begin = 0
    for token in _TOKEN.finditer(text + ";"):
        if token[0] != ";":
            continue
        statement = text[begin : token.start()]
        bare = _COMMENT.sub("", statement).lstrip()
        if bare:
            first = statement.index(bare.split("\n", 1)[0])
            yield text.count("\n", 0, begin + first) + 1, statement
        begin = token.end()


def _failure(file: File, line: int, statement: str, error: asyncpg.PostgresError) -> Refused:
    if position := getattr(error, "position", None):
        lead = _COMMENT.sub("", statement).lstrip().split("\n", 1)[0]
        line += statement.count("\n", statement.index(lead), int(position) - 1)
    parts = [getattr(error, name, None) for name in ("detail", "context")]
    return refuse(
        "migration_failed",
        f"{file.path}, line {line}: {error}",
        details=" ".join(part for part in parts if part) or None,
        hint="The database is as it was before this file; correct the cause and migrate again.",
        status=500,
    )


@asynccontextmanager
async def _turn(conn: asyncpg.Connection) -> AsyncIterator[None]:
    # Polled: a session blocked in pg_advisory_lock() would deadlock with an index built
    # concurrently by the holder.
    for _ in range(round(LOCK_WAIT_S_MAX / LOCK_POLL_S)):
        if await conn.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY):
            break
        await asyncio.sleep(LOCK_POLL_S)
    else:
        raise refuse(
            "migration_busy",
            f"Another migration has been running for {LOCK_WAIT_S_MAX} s.",
            hint="Wait for it to end, or end its session.",
            status=503,
        )
    try:
        yield
    finally:
        if not conn.is_closed():
            await conn.execute("select pg_advisory_unlock($1)", LOCK_KEY)
