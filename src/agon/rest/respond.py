"""Answers: what a statement brought, as PostgREST presents it.

Pure. `frame` is made once for all requests of one plan; `respond` for each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from agon.kernel.errors import Refusal, Refused, refuse
from agon.rest import preferences, refusals
from agon.rest.ask import Action, Answer, Ask, Headers, Row, Statement
from agon.rest.catalogue import Table
from agon.rest.wire_messages import Result

CONTENT_LOCATION_BYTES_MAX = 4096
"""A longer query is not repeated: Node's fetch takes no more than 16 KiB of headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the answers of one plan have in common.

    path: of the target; shown: rows were asked for; body: and they are sent, not by HEAD; single:
    it must be one row; counted: the client asked how many; merged: an upsert that counts the new.
    """

    action: Action
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    shown: bool
    body: bool
    single: bool
    counted: bool
    merged: bool


def frame(ask: Ask, statement: Statement, *, schemas: int) -> Frame:
    """schemas: how many are exposed; among several, an answer names its own."""
    wished = ask.preferences
    shown = {
        "read": True,
        "call": not statement.void and wished.returns != "minimal",
    }.get(ask.action, wished.returns == "representation")
    headers: Headers = []
    if shown or statement.explain:
        headers.append((b"content-type", ask.media.content_type.encode()))
        if schemas > 1:
            headers.append((b"content-profile", quote(ask.schema).encode()))
    if applied := preferences.applied(wished, ask.action):
        headers.append((b"preference-applied", applied.encode()))
    return Frame(
        action=ask.action,
        path=b"/" + quote(ask.target, safe="").encode(),
        headers=tuple(headers),
        shown=shown,
        body=shown and not ask.head,
        single=ask.media.kind == "object" and ask.action == "read",
        counted=wished.count is not None,
        merged=wished.resolution == "merge-duplicates",
    )


def answer(
    frame: Frame,
    statement: Statement,
    results: Sequence[Result],
    *,
    rows_max: int,
    offset: int = 0,
    query: bytes = b"",
) -> Answer:
    """The answer that the results of a statement, and of its count if it has one, make.

    rows_max: where an estimated count stops counting. Else, and what is raised, as `respond`.
    """
    if statement.explain:
        return explained(frame, [line[0] or b"" for line in results[0].rows])
    row = Row.read(results[0].rows[0])
    if statement.count_sql is not None:
        row = estimated(row, rows_planned(results[1].rows[0][0] or b""), rows_max)
    return respond(frame, row, offset=offset, query=query)


def respond(frame: Frame, row: Row, *, offset: int = 0, query: bytes = b"") -> Answer:
    """The answer that a row makes.

    offset: of the first row that was asked for; query: the query string as it was sent.
    Raises Refused `PGRST116` (not a single row), `PGRST111`, `PGRST112` (what a function put into
    `response.headers` and `response.status`).
    """
    headers = list(frame.headers)
    if frame.action in ("read", "call"):
        if frame.single and row.page != 1:
            raise _not_single(row.page)
        upper, total = offset + row.page - 1, row.total
        headers.append((b"content-range", content_range(offset, upper, total)))
        status = 204 if not frame.shown else 200
        if total is not None and frame.shown:
            if offset > total:
                return refusals.answer(_beyond(offset, total), headers[-1:])
            status = 206 if row.page < total else 200
        if frame.action == "read" and len(query) <= CONTENT_LOCATION_BYTES_MAX:
            headers.append((b"content-location", frame.path + (query and b"?" + query)))
    else:
        status = _written(frame, row)
        if frame.action != "put":
            upper = row.page - 1 if frame.action == "update" else -1
            total = row.page if frame.counted else None
            headers.append((b"content-range", content_range(0, upper, total)))
        if row.location:
            headers.append((b"location", _location(frame.path, row.location)))
    if row.status is not None or row.headers is not None:
        status, headers = _overridden(row, status, headers)
    return Answer(status=status, headers=headers, body=(row.body or b"") if frame.body else b"")


def explained(frame: Frame, lines: Sequence[bytes]) -> Answer:
    """The answer that tells Postgres's plan."""
    return Answer(status=200, headers=list(frame.headers), body=b"\n".join(lines))


def allowing(methods: str) -> Answer:
    """The answer to OPTIONS."""
    return Answer(status=200, headers=[(b"allow", methods.encode())])


def methods_of(table: Table) -> str:
    """What can be done with a table or view, as `Allow` says it."""
    methods = ["OPTIONS", "GET", "HEAD"]
    if table.insertable:
        methods.append("POST")
    if table.insertable and table.updatable and table.primary_key:
        methods.append("PUT")
    if table.updatable:
        methods.append("PATCH")
    if table.deletable:
        methods.append("DELETE")
    return ",".join(methods)


def rows_planned(plan: bytes) -> int:
    """How many rows EXPLAIN (FORMAT JSON) expects."""
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"])


def estimated(row: Row, planned: int, rows_max: int) -> Row:
    """With the planned count where nobody counted, or where the count ended at its bound."""
    if row.total is None:
        return replace(row, total=planned)
    return replace(row, total=max(row.total, planned)) if row.total > rows_max else row


def content_range(lower: int, upper: int, total: int | None) -> bytes:
    """`0-9/100`; `*` for no rows, and for a total that nobody counted."""
    rows = b"*" if total == 0 or lower > upper else b"%d-%d" % (lower, upper)
    return rows + (b"/*" if total is None else b"/%d" % total)


def _written(frame: Frame, row: Row) -> int:
    if frame.action == "insert":
        return 200 if frame.merged and row.inserted == 0 else 201
    if not frame.shown:
        return 204
    return 201 if frame.action == "put" and row.inserted else 200


def _location(path: bytes, location: str) -> bytes:
    """Where the new row is: filters of its primary key."""
    keys = {name: f"eq.{_text(value)}" for name, value in json.loads(location).items()}
    return path + b"?" + urlencode(keys).encode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _overridden(row: Row, status: int, headers: Headers) -> tuple[int, Headers]:
    """What functions set for themselves counts more than what we would say."""
    if row.status:
        chosen = refusals.status_said(row.status)
        if chosen is None:
            raise refuse("PGRST112", "response.status guc must be a valid status code", status=500)
        status = chosen
    if row.headers:
        own = _own_headers(row.headers)
        names = {name for name, _ in own}
        headers = [pair for pair in headers if pair[0] not in names] + own
    return status, headers


def _own_headers(text: str) -> Headers:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _headers_unfit() from error
    if not isinstance(listed, list):
        raise _headers_unfit()
    own: Headers = []
    for each in listed:
        pair = refusals.headers_said(each)
        if pair is None or len(pair) != 1:
            raise _headers_unfit()
        own += pair
    return own


def _headers_unfit() -> Refused:
    return refuse(
        "PGRST111",
        "response.headers guc must be a JSON array composed of objects with a single key and a "
        "string value",
        status=500,
    )


def _not_single(rows: int) -> Refused:
    return refuse(
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        details=f"The result contains {rows} rows",
        status=406,
    )


def _beyond(offset: int, total: int) -> Refusal:
    return Refusal(
        code="PGRST103",
        message="Requested range not satisfiable",
        details=f"An offset of {offset} was requested, but there are only {total} rows.",
        status=416,
    )
