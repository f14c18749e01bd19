"""The access matrix, by trying: every table, role and command, on rows of every kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from agon.kernel.database import Actor, claims_text
from tests.access.seeds import KINDS
from tests.places import Place

DENIED = "42501"
UNREAD = "rows that it cannot read"
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
        lines += [f"## {table}", "", f"| role | {' | '.join(COMMANDS)} |", "| --- " * 5 + "|"]
        for role, actor in actors.items():
            found = await cells(place, actor, role, table)
            lines.append(f"| {role} | {' | '.join(found)} |")
        lines.append("")
    return "\n".join(lines + await _functions(place.owner, list(actors)))


async def cells(place: Place, actor: Actor, role: str, table: str) -> list[str]:
    """What a role reaches in a table, command by command."""
    columns = await _columns(place.owner, table)
    return [await _cell(place, actor, role, table, command, columns) for command in COMMANDS]


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


async def _generated(owner: asyncpg.Connection, table: str) -> set[str]:
    """Columns that nobody writes: that is refused before the right is asked."""
    rows = await owner.fetch(
        "select attname from pg_attribute "
        "where attrelid = $1::text::regclass and attgenerated <> ''",
        table,
    )
    return {row["attname"] for row in rows}


async def _cell(
    place: Place, actor: Actor, role: str, table: str, command: str, columns: Sequence[str]
) -> str:
    if command == "insert":
        return await _try_insert(place, actor, role, table, columns)
    if command == "delete":
        seen = await _reached(place, actor, role, table, f"delete from {table}")
        return _kinds_text(seen, KINDS[table])
    act = (
        f"select {{}} from {table}" if command == "select" else f"update {table} set {{}} = default"
    )
    reached = {
        column: await _reached(place, actor, role, table, act.format(column)) for column in columns
    }
    seen = {kind for kinds in reached.values() for kind in kinds}
    missing = [column for column in columns if not reached[column]]
    text = _kinds_text(seen, KINDS[table])
    return text + (f", without {', '.join(missing)}" if text and missing else "")


async def _reached(
    place: Place, actor: Actor, role: str, table: str, statement: str
) -> Collection[str]:
    """The kinds of rows that a statement without WHERE reaches.

    Who may not read what tells rows apart cannot be asked kind by kind, though the statement
    reaches them: then UNREAD, or every kind, if none of the rows is spared.
    """
    count = await _attempt(place, actor, role, statement)
    if count is None:
        return ()
    kinds = KINDS[table]
    seen = [
        kind
        for kind, predicate in kinds.items()
        if await _attempt(place, actor, role, f"{statement} where {predicate}")
    ]
    if seen or not count:
        return seen
    everything = await place.owner.fetchval(f"select count(*) from {table}")
    return kinds if count == everything else (UNREAD,)


def _kinds_text(seen: Collection[str], kinds: Mapping[str, str]) -> str:
    if seen and set(kinds) <= set(seen):
        return "all"
    return ", ".join(kind for kind in (*kinds, UNREAD) if kind in seen)


async def _try_insert(
    place: Place, actor: Actor, role: str, table: str, columns: Sequence[str]
) -> str:
    """A copy of the caller's own row: whole, or of the columns that the role may write."""
    generated = await _generated(place.owner, table)
    if table not in ("public.models", "public.challenge_templates"):
        generated.add("id")
    whole = [column for column in columns if column not in generated]
    predicate = next(iter(KINDS[table].values()))
    values = await place.owner.fetchval(
        f"select row_to_json(t)::text from (select * from {table} where {predicate} limit 1) t"
    )

    async def inserted(names: Sequence[str]) -> int | None:
        listed = ", ".join(names)
        return await _attempt(
            place, actor, role,
            f"insert into {table} ({listed}) select {listed} "
            f"from json_populate_record(null::{table}, $json${values}$json$)",
        )  # fmt: skip

    if await inserted(whole):
        return "yes"
    # Without a column named, the right to write any of them is enough.
    if await _attempt(place, actor, role, f"insert into {table} default values") is None:
        return ""
    allowed = [column for column in whole if await inserted([column]) is not None]
    if not allowed or not await inserted(allowed):
        return ""
    missing = [column for column in whole if column not in allowed]
    return f"yes, without {', '.join(missing)}" if missing else ""


async def _attempt(place: Place, actor: Actor, role: str, statement: str) -> int | None:
    """Rows touched; None if refused, 0 if a policy refused a row. Always rolled back."""
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
            if error.sqlstate == DENIED and "row-level security" in str(error):
                return 0
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
