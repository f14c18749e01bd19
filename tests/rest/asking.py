"""The stages of the data door without HTTP: parse, plan, bind, run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from agon.rest import binding, grammar, media, payload, plan, preferences, wire
from agon.rest.ask import Ask, Bounds, Row, Statement
from agon.rest.catalogue import Catalogue
from agon.rest.wire_messages import Step

ACTIONS = {
    "GET": "read",
    "HEAD": "read",
    "POST": "insert",
    "PATCH": "update",
    "DELETE": "delete",
    "PUT": "put",
}
CONTEXT = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request after its parsing: what `plan` takes, and the values to bind."""

    ask: Ask
    values: list[str]
    body: bytes | None


def parsed(
    method: str, url: str, *, body: str | None = None, prefer: str = "", accept: str | None = None
) -> Asked:
    """The request as the door would understand it."""
    parts = urlsplit(url)
    call = parts.path.startswith("/rpc/")
    by_get = method in ("GET", "HEAD")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    shape, values = grammar.split(pairs, call=call and by_get)
    query = grammar.parse(shape, call=call and by_get)
    shape_of_body, bound = None, None
    if body is not None:
        shape_of_body, bound = payload.read(
            "application/json", body.encode(), columns=query.columns, call=call
        )
    action: Any = "call" if call else ACTIONS[method]
    ask = Ask(
        action=action,
        schema="public",
        target=parts.path.rpartition("/")[2],
        query=query,
        preferences=preferences.read([prefer] if prefer else []),
        media=media.negotiate(accept, action=action, plans=True),
        body=shape_of_body,
        by_get=by_get,
        head=method == "HEAD",
    )
    return Asked(ask=ask, values=values, body=bound)


async def answered(
    conn: wire.Connection,
    catalogue: Catalogue,
    asked: Asked,
    *,
    role: str = "anon",
    claims: str = "{}",
    bounds: Bounds | None = None,
) -> tuple[Row, Statement]:
    """What Postgres answers to a request. Raises Refused and wire.PostgresError."""
    bounds = bounds or Bounds(aggregates=True, tx_rollback=True)
    statement = plan.plan(asked.ask, catalogue, bounds)
    params = binding.bind(statement.params, asked.values, asked.body, bounds.rows_max)
    context = Step(None, CONTEXT, [role.encode(), claims.encode()])
    results = await conn.run(
        [context, Step(role, statement.sql, params)], rollback=statement.rollback
    )
    row = results[1].rows[0]
    return (Row(total=None, page=0, body=row[0]) if statement.explain else Row.read(row)), statement
