"""Which policy hides or refuses which row: `Accept: application/vnd.agon.policies+json`.

A report instead of the request's own answer; nothing is changed. The rows are found as
service_role, which sees them all; then each policy's expression is computed over each row as the
caller, who sees the rows as values and not through the table. For service_role's key alone, since
it names rows that the caller may not see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agon.kernel.errors import Refused, refuse
from agon.rest import media, payload, preferences
from agon.rest.ask import Answer, Ask, Body, Param
from agon.rest.binding import bind
from agon.rest.catalogue import Catalogue, Table
from agon.rest.filters import Params, condition_sql, filter_sql
from agon.rest.grammar import read
from agon.rest.media import POLICIES
from agon.rest.pool import Pool
from agon.rest.quoting import identifier, literal, qualified
from agon.rest.reading import tests_embed
from agon.rest.requests import WITH_BODY, Request
from agon.rest.resolve import resolve, table_of
from agon.rest.resolved import leaves
from agon.rest.tree import Condition, Logic
from agon.rest.writing import column_of, written
from agon.web.callers import Caller

ROWS_MAX = 100

COMMANDS = {"read": "select", "insert": "insert", "update": "update", "delete": "delete"}

SERVICE = "service_role"

Context = tuple[str, list[bytes | None]]
_TERMS = (
    "set_config('search_path', '', true), set_config('statement_timeout', $1, true),"
    " set_config('transaction_read_only', 'on', true)"
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
  or case when $3 <> 'delete' then pg_catalog.has_any_column_privilege($2::name, c.oid, $3) end,
  pg_catalog.has_any_column_privilege($2::name, c.oid, 'select')
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


def asked_for(request: Request) -> bool:
    """Whether a request asks for the report. `plan` refuses it to whoever asks elsewhere."""
    if POLICIES not in request.accept.lower():
        return False
    return media.negotiate(request.accept, action="read").kind == "policies"


async def answer(
    request: Request,
    caller: Caller,
    pools: Mapping[str, Pool],
    timeout_ms: int,
    catalogue: Catalogue,
    _version: int,
) -> Answer:
    """The report. timeout_ms: of each statement, whoever it runs as.

    Raises Refused PGRST107 (a function or a view), 42703, PGRST204, and what parsing raises.
    """
    table, ask, values, bound = _understood(request, catalogue)
    command, role = COMMANDS[ask.action], caller.actor.role
    name = qualified((table.schema, table.name)).encode()
    as_caller, as_service = _as_caller(caller, timeout_ms), _as_service(timeout_ms)
    about = [name, role.encode(), command.encode()]
    listed, facts = await pools[SERVICE].run(
        role=SERVICE,
        context=as_service,
        steps=[(_LISTED, about[:2]), (_TABLE, about)],
    )
    secured, kind, granted, readable = facts.rows[0]
    if kind not in (b"r", b"p"):
        raise _no_policies("A view has no policies; ask about the tables that it reads.")
    policies = [_policy(row) for row in listed.rows]
    params = Params()
    pairs_sql = f"{_pairs_sql(ask, table, catalogue, params)} limit {ROWS_MAX}"
    # What is inserted has the caller's own defaults; what is there, service_role sees whole.
    finder, finding = (role, as_caller) if ask.action == "insert" else (SERVICE, as_service)
    (found,) = await pools[finder].run(
        role=finder,
        context=finding,
        steps=[(pairs_sql, bind(params.bound, values, bound, ROWS_MAX))],
    )
    pairs = [row[0] or b"null" for row in found.rows]
    seen = await _tried(pools[role], role, as_caller, table, policies, pairs, command)
    secured, reads = secured == b"t", _reads(ask)
    report = {
        "table": f"{table.schema}.{table.name}",
        "command": command,
        "role": role,
        "granted": granted == b"t" and (readable == b"t" or not reads),
        "row_security": secured,
        "policies": [
            {"name": each.name, "permissive": each.permissive, "command": each.command,
             "using": each.using, "check": each.check}
            for each in policies
        ],
        "rows": [_row_report(table, policies, command, secured, reads, each) for each in seen],
    }  # fmt: skip
    return Answer(
        status=200,
        headers=[(b"content-type", POLICIES.encode())],
        body=json.dumps(report).encode(),
    )


def judge(policies: Sequence[Policy], command: str, seen: Seen, *, reads: bool = True) -> str:
    """visible | hidden | allowed | refused: what Postgres makes of the row, from its rules.

    One permissive policy must hold and every restrictive one. A row that a command cannot see, or
    may not touch, is passed over; one that it would leave behind unfit is refused. reads: the
    statement reads columns, by its filters or to show the row; then the policies for select hold
    for it, too, before the change and after it.
    """
    asked = ["select"] if command == "select" else [*(["select"] if reads else []), command]
    if command != "insert" and not all(_holds(policies, each, seen.using) for each in asked):
        return "hidden"
    left = command in ("insert", "update")
    if left and not all(_holds(policies, each, seen.check) for each in asked):
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
        action=request.action,
        schema=request.schema,
        target=request.target,
        query=query,
        body=body,
        preferences=preferences.read((request.prefer,)),
    )
    return table, ask, values, bound


def _pairs_sql(ask: Ask, table: Table, catalogue: Catalogue, params: Params) -> str:
    """The rows that the request is about, one JSON object with `before` and `after` each."""
    name, alias = qualified((table.schema, table.name)), identifier(table.name)
    after = "null::jsonb"
    if ask.action in ("insert", "update"):
        for column in written(ask):
            column_of(table, column)
        after = f"{params.bind(Param(form='body'))}::jsonb"
        if ask.action == "update" and ask.body is not None and ask.body.is_array:
            after = f"({after} -> 0)"
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
        for part in _filtered(ask, table, catalogue)
    ]
    where = f" where {' and '.join(tests)}" if tests else ""
    row = f"to_jsonb({alias}.*)"
    pair = f"jsonb_build_object('before', {row}, 'after', {row} || {after})"
    return f"select {pair} from {name} as {alias}{where}"


def _filtered(ask: Ask, table: Table, catalogue: Catalogue) -> Sequence[Condition | Logic]:
    """The filters of the root that name stored columns. The rows are found as service_role, so no
    function of a row is called for them. Those that ask about an embed are left out: the report is
    of this table. Raises Refused 42703."""
    node = resolve(
        catalogue, ask.query, schema=table.schema, root=table.name, table=table, aggregates=True
    )
    parts = [part for part in node.where if not tests_embed(replace(node, where=(part,)))]
    for leaf in leaves(replace(node, where=tuple(parts))):
        if leaf.field.name not in table.columns:
            raise refuse(
                "42703", f"column {table.name}.{leaf.field.name} is not stored", status=400
            )
    return parts


async def _tried(
    pool: Pool,
    role: str,
    as_caller: Context,
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
        role=role,
        context=as_caller,
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


def _as_service(timeout_ms: int) -> Context:
    return f"select {_TERMS}, set_config('role', $2, true)", [b"%d" % timeout_ms, SERVICE.encode()]


def _as_caller(caller: Caller, timeout_ms: int) -> Context:
    sql = (
        f"select {_TERMS}, set_config('request.jwt.claims', $3, true), set_config('role', $2, true)"
    )
    return sql, [b"%d" % timeout_ms, caller.actor.role.encode(), caller.claims_json]


def _reads(ask: Ask) -> bool:
    """Whether the statement would read columns, so that it needs the right to select, too."""
    if ask.action == "read" or any(not path for path, _ in ask.query.filters):
        return True
    wished = ask.preferences
    return wished.returns == "representation" or wished.resolution is not None


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
    table: Table, policies: Sequence[Policy], command: str, secured: bool, reads: bool, seen: Seen
) -> dict[str, Any]:
    shown = seen.before or seen.after or {}
    keys = table.primary_key or tuple(table.columns)
    verdict = "allowed" if command != "select" else "visible"
    return {
        "row": {key: shown.get(key) for key in keys},
        "verdict": judge(policies, command, seen, reads=reads) if secured else verdict,
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
        f"None of these media types are available: {POLICIES}",
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
