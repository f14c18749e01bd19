"""The access matrix, by trying: every table, role and command, on rows of every kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from agon.kernel.database import Actor, claims_text
from tests.access.seeds import KINDS
from tests.places import Place

DENIED = "42501"
COMMANDS = ("select", "insert", "update", "delete")


async def tried(place: Place, actors: Mapping[str, Actor]) -> str:
    """The whole matrix as Markdown."""
    lines = [
        "# Access",
        "",
        "Written by `tests/access`, which tries each cell on a database with rows of every kind,",
        "as a signed-in user, `ada`. An empty cell is a refusal. Acts go through functions, below.",
        "",
    ]
    for table in KINDS:
        columns = await _columns(place.owner, table)
        lines += [f"## {table}", "", f"| role | {' | '.join(COMMANDS)} |", "| --- " * 5 + "|"]
        for role, actor in actors.items():
            cells = [
                await _cell(place, actor, role, table, command, columns) for command in COMMANDS
            ]
            lines.append(f"| {role} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines + await _functions(place.owner, list(actors)))


async def _columns(owner: asyncpg.Connection, table: str) -> list[str]:
    rows = await owner.fetch(
        """
        select attname from pg_attribute
        where attrelid = $1::text::regclass and attnum > 0 and not attisdropped
        order by attnum
        """,
        table,
    )
    return [row["attname"] for row in rows]


async def _cell(
    place: Place, actor: Actor, role: str, table: str, command: str, columns: Sequence[str]
) -> str:
    async def attempt(statement: str) -> int | None:
        return await _attempt(place, actor, role, statement)

    kinds = KINDS[table]
    if command == "insert":
        return await _try_insert(place, actor, role, table, columns)
    if command == "delete":
        done = {k: await attempt(f"delete from {table} where {p}") for k, p in kinds.items()}
        return _kinds_text([kind for kind, count in done.items() if count], kinds)
    allowed: list[str] = []
    seen: set[str] = set()
    for column in columns:
        # Unqualified first: the right to write a column need not come with the right to read it.
        if command == "update" and await attempt(f"update {table} set {column} = default") is None:
            continue
        for kind, predicate in kinds.items():
            statement = (
                f"select {column} from {table}"
                if command == "select"
                else f"update {table} set {column} = default"
            )
            if await attempt(f"{statement} where {predicate}"):
                seen.add(kind)
                allowed.append(column)
    missing = [column for column in columns if column not in allowed]
    text = _kinds_text([kind for kind in kinds if kind in seen], kinds)
    return text + (f", without {', '.join(missing)}" if text and missing else "")


def _kinds_text(seen: Sequence[str], kinds: Mapping[str, str]) -> str:
    if not seen:
        return ""
    return "all" if len(seen) == len(kinds) else ", ".join(seen)


async def _try_insert(
    place: Place, actor: Actor, role: str, table: str, columns: Sequence[str]
) -> str:
    """A copy of the caller's own row, with and without each column that might be refused."""
    generated = {"id"} if table not in ("public.models", "public.challenge_templates") else set()
    # A value for one of these is refused before any right is looked at.
    computed = await place.owner.fetch(
        "select attname from pg_attribute where attrelid = $1::text::regclass "
        "and (attgenerated <> '' or attidentity = 'a')",
        table,
    )
    generated |= {row["attname"] for row in computed}
    names = ", ".join(column for column in columns if column not in generated)
    predicate = next(iter(KINDS[table].values()))
    values = await place.owner.fetchval(
        f"select row_to_json(t)::text from (select * from {table} where {predicate} limit 1) t"
    )
    statement = (
        f"insert into {table} ({names}) select {names} "
        f"from json_populate_record(null::{table}, $json${values}$json$)"
    )
    return "yes" if await _attempt(place, actor, role, statement) is not None else ""


async def _attempt(place: Place, actor: Actor, role: str, statement: str) -> int | None:
    """Rows touched; None if refused. Always rolled back."""
    login = {"service_role": "agon_service", "agon_worker": "agon_worker"}.get(role, "agon_web")
    pool = await place.database.pool(login)  # type: ignore[arg-type]
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        try:
            if role != "agon_worker":
                await conn.execute("select set_config('role', $1, true)", role)
            await conn.execute(
                "select set_config('request.jwt.claims', $1, true)", claims_text(actor)
            )
            return int((await conn.execute(statement)).split()[-1])
        except asyncpg.PostgresError as error:
            if error.sqlstate == DENIED or (error.sqlstate or "").startswith("PT"):
                return None
            return 1  # past the guards, and stopped by a constraint
        finally:
            await transaction.rollback()


async def _functions(owner: asyncpg.Connection, roles: Sequence[str]) -> list[str]:
    rows = await owner.fetch(
        """
        select p.oid::regprocedure::text as name,
          array(select r from unnest($1::text[]) r
            where has_function_privilege(r, p.oid, 'execute')) as roles
        from pg_proc p
        where p.pronamespace::regnamespace::text in ('public', 'agon')
          and p.prorettype <> 'trigger'::regtype
        order by p.pronamespace::regnamespace::text desc, 1
        """,
        list(roles),
    )
    lines = ["## Functions", "", "| function | roles that may call it |", "| --- | --- |"]
    for row in rows:
        who = ", ".join(row["roles"]) or "other functions only"
        lines.append(f"| `{row['name']}` | {who} |")
    return [*lines, ""]
