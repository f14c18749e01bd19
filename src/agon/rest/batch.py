"""Several requests in one transaction, all or nothing: `POST /rest/v1/` with BATCH_TYPE.

The payload is `[{"method", "path", "headers", "body"}, …]`, as the requests would be sent one by
one; the answer `[{"status", "headers", "body"}, …]`. If one is refused, its refusal is the answer,
`agon-batch-request` says which it was (counted from 0), and nothing was done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Protocol

from agon.kernel.errors import Refused, refuse
from agon.rest import refusals
from agon.rest.ask import Answer
from agon.rest.plans import Planned
from agon.rest.pool import Pool
from agon.rest.requests import Request, read
from agon.rest.wire import Connection
from agon.rest.wire_messages import PostgresError, Result, Step
from agon.web.callers import Caller, Headers

BATCH_TYPE = "application/vnd.agon.batch+json"
REQUESTS_MAX = 100
SAID = frozenset(("accept", "accept-profile", "content-profile", "prefer"))
"""What a request of a batch may say in headers; its body is JSON."""
INDEX_HEADER = b"agon-batch-request"

# Within one transaction a setting outlives its request, so each starts by taking back what the
# last one may have left.
RESET = (
    "select set_config('response.headers', '', true), set_config('response.status', '', true),"
    " set_config('agon.updated', '', true), set_config('timezone', 'UTC', true)"
)
KEY = "batch"

# What only reads ends where it began: also its being read-only, which a write could not undo.
SAVEPOINT = Step(KEY, "savepoint agon_read", (), False)
BACK = Step(KEY, "rollback to savepoint agon_read", (), False)

# A number with a fraction passes as a marked string: no float stands between client and database.
_MARK = "\x00"
_MARKED = re.compile(r'"\\u0000([-+.0-9eE]+)\\u0000"')


class Asking(Protocol):
    """What a batch needs of the door."""

    async def plan(self, request: Request) -> Planned: ...

    def context(self, request: Request, planned: Planned, caller: Caller) -> tuple[str, list]: ...

    def steps(self, planned: Planned) -> list[tuple[str, list[bytes | None]]]: ...

    def answer(self, request: Request, planned: Planned, results: list[Result]) -> Answer: ...


class _Stopped(Exception):
    """A request of the batch was refused. index: None where the commit was."""

    def __init__(self, index: int | None, answer: Answer):
        super().__init__(index)
        self.index, self.answer = index, answer


def is_batch(method: str, headers: Headers) -> bool:
    """Whether what comes to the door's root is a batch."""
    name = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return method == "POST" and name == BATCH_TYPE.encode()


async def answer(
    door: Asking, pool: Pool, caller: Caller, schemas: tuple[str, ...], body: bytes
) -> Answer:
    """The answer to a batch. Raises Refused `batch_malformed`, `batch_too_large`."""
    requests = _read(body, schemas)
    role = caller.actor.role
    try:
        async with pool.acquire() as conn:
            await conn.begin()
            try:
                answers = [
                    await _one(door, conn, caller, index, request)
                    for index, request in enumerate(requests)
                ]
                await _commit(conn, role)
            except _Stopped:
                await conn.rollback()
                raise
    except _Stopped as stopped:
        if stopped.index is None:
            return stopped.answer
        headers = [*stopped.answer.headers, (INDEX_HEADER, b"%d" % stopped.index)]
        return Answer(status=stopped.answer.status, headers=headers, body=stopped.answer.body)
    kind = [(b"content-type", b"application/json; charset=utf-8")]
    return Answer(status=200, headers=kind, body=_joined(answers))


async def _one(
    door: Asking, conn: Connection, caller: Caller, index: int, request: Request | Refused
) -> Answer:
    try:
        if isinstance(request, Refused):
            raise request
        planned = await door.plan(request)
        statement, role = planned.plan.statement, caller.actor.role
        if statement.rollback:
            raise _malformed("A request of a batch cannot be rolled back alone.")
        context, bound = door.context(request, planned, caller)
        steps = [Step(role, sql, params) for sql, params in door.steps(planned)]
        pipeline = [Step(KEY, RESET, (), False), Step(KEY, context, bound, False), *steps]
        begun = 2
        if statement.read_only:
            pipeline, begun = [SAVEPOINT, *pipeline, BACK], 3
        results = await conn.run(pipeline)
        made = door.answer(request, planned, results[begun : begun + len(steps)])
    except Refused as refused:
        raise _Stopped(index, refusals.answer(refused.refusal)) from refused
    except PostgresError as error:
        fault = refusals.answer_fault(error.fault, caller.actor.role)
        raise _Stopped(index, fault) from error
    if made.status >= 400:
        raise _Stopped(index, made)
    return made


async def _commit(conn: Connection, role: str) -> None:
    try:
        await conn.commit()
    except PostgresError as error:
        raise _Stopped(None, refusals.answer_fault(error.fault, role)) from error


def _read(body: bytes, schemas: tuple[str, ...]) -> list[Request | Refused]:
    try:
        listed = json.loads(body, parse_float=lambda text: f"{_MARK}{text}{_MARK}")
    except (ValueError, RecursionError) as error:
        raise _malformed("A batch is a JSON array of requests.", str(error)[:200]) from error
    if not isinstance(listed, list) or not listed:
        raise _malformed("A batch is a JSON array of requests.")
    if len(listed) > REQUESTS_MAX:
        raise refuse(
            "batch_too_large",
            f"A batch has at most {REQUESTS_MAX} requests.",
            details=f"{len(listed)} requests",
            hint="Send fewer, each with more rows.",
            status=413,
        )
    return [_request(each, schemas) for each in listed]


def _request(item: Any, schemas: tuple[str, ...]) -> Request | Refused:
    """One request; a mistake in it is told with its number."""
    try:
        if not isinstance(item, dict) or not set(item) <= {"method", "path", "headers", "body"}:
            raise _malformed("A request has method, path, headers and body.")
        method, path, given = item.get("method", "GET"), item.get("path"), item.get("headers", {})
        if not isinstance(method, str) or not isinstance(path, str) or not path.startswith("/"):
            raise _malformed("A request's method is a word, and its path begins with /.")
        headers = dict(_headers(given))
        body = b""
        if "body" in item:
            headers[b"content-type"] = b"application/json"
            body = _MARKED.sub(r"\1", json.dumps(item["body"])).encode()
        path, _, query = path.partition("?")
        return read(method.upper(), path, query.encode(), headers, schemas, body)
    except Refused as refused:
        return refused
    except UnicodeEncodeError as error:
        return _malformed("A request's path or header is no valid text.", str(error)[:200])


def _headers(given: Any) -> Iterable[tuple[bytes, bytes]]:
    if not isinstance(given, dict):
        raise _malformed("A request's headers are a JSON object of texts.")
    for name, value in given.items():
        if name.lower() not in SAID or not isinstance(value, str):
            raise _malformed(
                f"A request of a batch has no header {name[:60]}.", ", ".join(sorted(SAID))
            )
        yield name.lower().encode(), value.encode("latin-1")


def _joined(answers: Iterable[Answer]) -> bytes:
    return b"[" + b",\n ".join(map(_shown, answers)) + b"]"


def _shown(one: Answer) -> bytes:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in one.headers}
    if not one.body:
        body = b"null"
    elif "json" in headers.get("content-type", ""):
        body = one.body
    else:
        body = json.dumps(one.body.decode("utf-8", "replace")).encode()
    head = json.dumps({"status": one.status, "headers": headers}).encode()
    return head[:-1] + b', "body": ' + body + b"}"


def _malformed(message: str, details: str | None = None) -> Refused:
    return refuse(
        "batch_malformed",
        message,
        details=details,
        hint='[{"method": "POST", "path": "/table", "headers": {}, "body": {}}]',
    )
