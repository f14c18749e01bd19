"""Which policy hides or refuses which row: `Accept: application/vnd.agon.policies+json`.

A report instead of the request's own answer; nothing is changed. The rows are found as
service_role, which sees them all; then each policy's expression is computed over each row as the
caller, who sees the rows as values and not through the table. For service_role's key alone, since
it names rows that the caller may not see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agon.kernel.errors import Refused, refuse
from agon.rest import payload
from agon.rest.ask import Answer, Ask, Body, Param
from agon.rest.binding import bind
from agon.rest.catalogue import Catalogue, Table
from agon.rest.filters import Params, condition_sql, filter_sql
from agon.rest.grammar import read
from agon.rest.pool import Pool
from agon.rest.quoting import identifier, literal, qualified
from agon.rest.requests import WITH_BODY, Request
from agon.rest.resolve import resolve, table_of
from agon.rest.tree import Field, Pick, Query
from agon.web.callers import Caller

POLICIES_TYPE = "application/vnd.agon.policies+json"
ROWS_MAX = 100

COMMANDS = {"read": "select", "insert": "insert", "update": "update", "delete": "delete"}

SERVICE = "service_role"
_AS_SERVICE = (
    "select set_config('role', 'service_role', true),"
    " set_config('transaction_read_only', 'on', true)",
    [],
)
_AS_CALLER = (
    "select set_config('search_path', '', true), set_config('transaction_read_only', 'on', true),"
    " set_config('request.jwt.claims', $1, true), set_config('role', $2, true)"
)

_LISTED = """
select polname, polpermissive,
  case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
    when 'd' then 'delete' else 'all' end,
  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
from pg_catalog.pg_policy
where polrelid = $1::regclass and exists (
  select from unnest(polroles) as role(id)
  where role.id = 0 or pg_catalog.pg_has_role($2::name, role.id, 'usage'))
order by polname
"""
_TABLE = """
select relrowsecurity and not r.rolbypassrls, c.relkind,
  pg_catalog.has_table_privilege($2::name, c.oid, $3)
  or case when $3 <> 'delete' then pg_catalog.has_any_column_privilege($2::name, c.oid, $3) end
from pg_catalog.pg_class c, pg_catalog.pg_roles r
where c.oid = $1::regclass and r.rolname = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy that applies to the caller's role. using, check: as Postgres prints them."""

    name: str
    permissive: bool
    command: str
    using: str | None
    check: str | None

    def covers(self, command: str) -> bool:
        return self.command in ("all", command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One row and what the policies say of it, by name. before: the row as it stands, None of an
    insert; after: as it would be, None of a read or a delete."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    using: Mapping[str, bool | None]
    check: Mapping[str, bool | None]


async def answer(
    request: Request, caller: Caller, catalogue: Catalogue, pools: Mapping[str, Pool]
) -> Answer:
    """The report. Raises Refused PGRST107 (a function or a view), and what parsing raises."""
    table, ask, values, bound = _understood(request, catalogue)
    command, role = COMMANDS[ask.action], caller.actor.role
    name = qualified((table.schema, table.name)).encode()
    about = [name, role.encode(), command.encode()]
    listed, facts = await pools[SERVICE].run(
        role=SERVICE,
        context=("select set_config('search_path', '', true)", []),
        steps=[(_LISTED, about[:2]), (_TABLE, about)],
    )
    secured, kind, granted = facts.rows[0]
    if kind not in (b"r", b"p"):
        raise _no_policies("A view has no policies; ask about the tables that it reads.")
    policies = [_policy(row) for row in listed.rows]
    params = Params()
    pairs_sql = f"{_pairs_sql(ask, table, params)} limit {ROWS_MAX}"
    # What is inserted has the caller's own defaults; what is there, service_role sees whole.
    finder, finding = (role, _as(caller)) if ask.action == "insert" else (SERVICE, _AS_SERVICE)
    (found,) = await pools[finder].run(
        role=finder,
        context=finding,
        steps=[(pairs_sql, bind(params.bound, values, bound, ROWS_MAX))],
    )
    pairs = [row[0] or b"null" for row in found.rows]
    seen = await _tried(pools[role], caller, table, policies, pairs, command)
    report = {
        "table": f"{table.schema}.{table.name}",
        "command": command,
        "role": role,
        "granted": granted == b"t",
        "row_security": secured == b"t",
        "policies": [
            {"name": each.name, "permissive": each.permissive, "command": each.command,
             "using": each.using, "check": each.check}
            for each in policies
        ],
        "rows": [_row_report(table, policies, command, secured == b"t", each) for each in seen],
    }  # fmt: skip
    return Answer(
        status=200,
        headers=[(b"content-type", POLICIES_TYPE.encode())],
        body=json.dumps(report).encode(),
    )


def judge(policies: Sequence[Policy], command: str, seen: Seen) -> str:
    """visible | hidden | allowed | refused: what Postgres makes of the row, from its rules.

    One permissive policy must hold and every restrictive one. A row that a command cannot see, or
    may not touch, is passed over; one that it would leave behind unfit is refused.
    """
    commands = ["select"] if command == "select" else ["select", command]
    if command != "insert" and not all(_holds(policies, each, seen.using) for each in commands):
        return "hidden"
    if command in ("insert", "update") and not _holds(policies, command, seen.check):
        return "refused"
    return "visible" if command == "select" else "allowed"


def _holds(policies: Sequence[Policy], command: str, said: Mapping[str, bool | None]) -> bool:
    asked = [each for each in policies if each.covers(command)]
    permitted = any(said.get(each.name) is True for each in asked if each.permissive)
    return permitted and all(said.get(each.name) is True for each in asked if not each.permissive)


def _understood(
    request: Request, catalogue: Catalogue
) -> tuple[Table, Ask, list[str], bytes | None]:
    if request.action not in COMMANDS:
        raise _no_policies("Policies belong to tables; this is a function, or a PUT.")
    query, values = read(request.pairs)
    body: Body | None = None
    bound = None
    if request.method in WITH_BODY:
        body, bound = payload.read(
            request.content_type or None, request.body, columns=query.columns, call=False
        )
    table = table_of(catalogue, request.schema, request.target)
    ask = Ask(
        action=request.action, schema=request.schema, target=request.target, query=query, body=body
    )
    return table, ask, values, bound


def _pairs_sql(ask: Ask, table: Table, params: Params) -> str:
    """The rows that the request is about, one JSON object with `before` and `after` each."""
    name, alias = qualified((table.schema, table.name)), identifier(table.name)
    after = "null::jsonb"
    if ask.action in ("insert", "update"):
        after = f"{params.bind(Param(form='body'))}::jsonb"
    if ask.action == "insert":
        # Sequences are left alone: a report takes no number.
        defaults = ", ".join(
            f"{literal(key)}, {column.default}"
            for key, column in table.columns.items()
            if column.default is not None and "nextval(" not in column.default
        )
        many = f"case jsonb_typeof({after}) when 'array' then {after}"
        many += f" else jsonb_build_array({after}) end"
        row = f"jsonb_populate_record(null::{name}, jsonb_build_object({defaults}) || doc)"
        pair = f"jsonb_build_object('before', null, 'after', to_jsonb({row}))"
        return f"select {pair} from jsonb_array_elements({many}) as doc"
    tests = [
        filter_sql(part, lambda one: condition_sql(params, table.name, table, one))
        for part in _filtered(ask, table)
    ]
    where = f" where {' and '.join(tests)}" if tests else ""
    row = f"to_jsonb({alias}.*)"
    pair = f"jsonb_build_object('before', {row}, 'after', {row} || {after})"
    return f"select {pair} from {name} as {alias}{where}"


def _filtered(ask: Ask, table: Table) -> Sequence[Any]:
    """The filters of the root; those of embeds hide no row of it."""
    bare = Query(select=(Pick(field=Field("*")),), filters=tuple(
        each for each in ask.query.filters if not each[0]
    ))  # fmt: skip
    empty = Catalogue(schemas=(), tables={})
    return resolve(
        empty, bare, schema=table.schema, root=table.name, table=table, aggregates=False
    ).where


async def _tried(
    pool: Pool,
    caller: Caller,
    table: Table,
    policies: Sequence[Policy],
    pairs: list[bytes],
    command: str,
) -> list[Seen]:
    """Each policy's expressions, computed over each row as the caller."""
    document = b"[" + b",".join(pairs) + b"]"
    used = [each for each in policies if each.covers("select") or each.covers(command)]
    using = [each.using for each in used]
    check = [each.check or each.using for each in used]
    first, second = await pool.run(
        role=caller.actor.role,
        context=_as(caller),
        steps=[
            (_trial(table, using, "before"), [document]),
            (_trial(table, check, "after"), [document]),
        ],
    )
    names = [each.name for each in used]
    return [
        Seen(
            before=pair["before"],
            after=pair["after"],
            using=_said(names, one, pair["before"]),
            check=_said(names, other, pair["after"]),
        )
        for pair, one, other in zip(map(json.loads, pairs), first.rows, second.rows, strict=True)
    ]


def _as(caller: Caller) -> tuple[str, list[bytes | None]]:
    return _AS_CALLER, [caller.claims_json, caller.actor.role.encode()]


def _trial(table: Table, expressions: Sequence[str | None], which: str) -> str:
    """One row of answers for each row of the document, in its order."""
    columns = ", ".join(expression or "true" for expression in expressions) or "null"
    return (
        f"select {columns} from pg_catalog.jsonb_array_elements($1::jsonb) with ordinality"
        f" as agon_each(agon_doc, agon_at), lateral pg_catalog.jsonb_populate_record("
        f"null::{qualified((table.schema, table.name))},"
        f" nullif(agon_each.agon_doc -> '{which}', 'null')) as {identifier(table.name)}"
        " order by agon_each.agon_at"
    )


def _said(
    names: Sequence[str], row: Sequence[bytes | None], subject: object
) -> dict[str, bool | None]:
    if subject is None:
        return {}
    return {
        name: None if said is None else said == b"t" for name, said in zip(names, row, strict=False)
    }


def _row_report(
    table: Table, policies: Sequence[Policy], command: str, secured: bool, seen: Seen
) -> dict[str, Any]:
    shown = seen.before or seen.after or {}
    keys = table.primary_key or tuple(table.columns)
    verdict = "allowed" if command != "select" else "visible"
    return {
        "row": {key: shown.get(key) for key in keys},
        "verdict": judge(policies, command, seen) if secured else verdict,
        "using": dict(seen.using),
        "check": dict(seen.check) if command in ("insert", "update") else {},
    }


def _policy(row: Sequence[bytes | None]) -> Policy:
    name, permissive, command, using, check = row
    return Policy(
        name=(name or b"").decode(),
        permissive=permissive == b"t",
        command=(command or b"").decode(),
        using=using.decode() if using else None,
        check=check.decode() if check else None,
    )


def _no_policies(details: str) -> Refused:
    return refuse(
        "PGRST107",
        f"None of these media types are available: {POLICIES_TYPE}",
        details=details,
        status=406,
    )


def forbidden() -> Refused:
    """What other callers are told."""
    return refuse(
        "policies_closed",
        "Only the service role may ask which policies apply.",
        hint="Send the secret key as apikey, and the user's token as Authorization; or set"
        " AGON_REST_POLICIES=anyone while developing.",
        status=403,
    )
