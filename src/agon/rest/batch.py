"""Several requests in one transaction, all or nothing: `POST /rest/v1/` with BATCH_TYPE.

The payload is `[{"method", "path", "headers", "body"}, …]`, as the requests would be sent one by
one; the answer `[{"status", "headers", "body"}, …]`. If one is refused, its refusal is the answer,
`agon-batch-request` says which it was (counted from 0), and nothing was done.

Bounds: REQUESTS_MAX requests, each counted by the rate limits; together they take no longer than
one statement of the caller's role may; and batches hold a share of the pool's connections at most
(`Pool.acquire_long`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from agon.kernel.errors import Refusal, Refused, refuse
from agon.rest import refusals
from agon.rest.ask import Answer
from agon.rest.desk import Desk
from agon.rest.payload import DECODER
from agon.rest.requests import Request
from agon.rest.requests import read as read_request
from agon.rest.wire import Connection
from agon.rest.wire_messages import PostgresError, Step
from agon.web.callers import Caller
from agon.web.headers import Headers

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

_SPACE = re.compile(r"[ \t\n\r]+")


class _Stopped(Exception):
    """A request of the batch was refused; or, committing, all of them together."""

    def __init__(self, answer: Answer, *, committing: bool = False):
        super().__init__(answer.status)
        self.answer, self.committing = answer, committing


def is_batch(method: str, headers: Headers) -> bool:
    """Whether what comes to the door's root is a batch."""
    name = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return method == "POST" and name == BATCH_TYPE.encode()


def read(body: bytes, schemas: tuple[str, ...]) -> list[Request | Refused]:
    """The requests of a batch; one with a mistake as its refusal, told when its turn comes.

    schemas: those that are exposed. Raises Refused `batch_malformed`, `batch_too_large`.
    """
    requests = []
    try:
        for item in _items(body.decode()):
            if len(requests) == REQUESTS_MAX:
                raise refuse(
                    "batch_too_large",
                    f"A batch has at most {REQUESTS_MAX} requests.",
                    hint="Send fewer, each with more rows.",
                    status=413,
                )
            requests.append(_request(item, schemas))
    except (ValueError, RecursionError) as error:
        raise _malformed("A batch is a JSON array of requests.", str(error)[:200]) from error
    if not requests:
        raise _malformed("A batch is a JSON array of requests.")
    return requests


async def answer(desk: Desk, caller: Caller, requests: Iterable[Request | Refused]) -> Answer:
    """The answer to a batch. Raises Refused PGRST000, PGRST001, PGRST003."""
    role = caller.actor.role
    answers: list[Answer] = []
    try:
        async with desk.pools[role].acquire_long() as conn:
            await conn.begin()
            try:
                async with asyncio.timeout(desk.rules.timeouts_ms[role] / 1000):
                    for request in requests:
                        answers.append(await _one(desk, conn, caller, request))
            except (_Stopped, TimeoutError):
                await conn.rollback()
                raise
            await _commit(conn, role)
    except _Stopped as stopped:
        return stopped.answer if stopped.committing else _numbered(stopped.answer, len(answers))
    except TimeoutError:
        late = _too_slow(desk.rules.timeouts_ms[role])
        return _numbered(refusals.answer(late), len(answers))
    kind = [(b"content-type", b"application/json; charset=utf-8")]
    return Answer(status=200, headers=kind, body=_joined(answers))


async def _one(desk: Desk, conn: Connection, caller: Caller, request: Request | Refused) -> Answer:
    try:
        if isinstance(request, Refused):
            raise request
        planned = await desk.plan(request)
        statement, role = planned.plan.statement, caller.actor.role
        if statement.rollback:
            raise _malformed("A request of a batch cannot be rolled back alone.")
        context, bound = desk.context(request, planned, caller)
        steps = [Step(role, sql, params) for sql, params in desk.steps(planned)]
        pipeline = [Step(KEY, RESET, (), False), Step(KEY, context, bound, False), *steps]
        begun = 2
        if statement.read_only:
            pipeline, begun = [SAVEPOINT, *pipeline, BACK], 3
        results = await conn.run(pipeline)
        made = desk.answer(request, planned, results[begun : begun + len(steps)])
    except Refused as refused:
        raise _Stopped(refusals.answer(refused.refusal)) from refused
    except PostgresError as error:
        raise _Stopped(refusals.answer_fault(error.fault, caller.actor.role)) from error
    if made.status >= 400:
        raise _Stopped(made)
    return made


async def _commit(conn: Connection, role: str) -> None:
    try:
        await conn.commit()
    except PostgresError as error:
        fault = refusals.answer_fault(error.fault, role)
        raise _Stopped(fault, committing=True) from error


def _items(text: str) -> Iterator[Any]:
    """The elements of a JSON array; of an object, `body` as the text that was sent, since nobody
    here reads it and its numbers keep their digits so. Raises ValueError, RecursionError."""
    at = _after(text, 0, "[")
    ended = text[at : at + 1] == "]"
    if ended:
        at = _after(text, at, "]")
    while not ended:
        item, at = _item(text, at)
        yield item
        ended, at = _ended(text, at, "]")
    if at < len(text):
        raise ValueError(f"more follows the array, at character {at}")


def _item(text: str, at: int) -> tuple[Any, int]:
    """The element that begins there, and where it ends."""
    if text[at : at + 1] != "{":
        return DECODER.raw_decode(text, at)
    found: dict[str, Any] = {}
    at = _after(text, at, "{")
    if text[at : at + 1] == "}":
        return found, at + 1
    ended = False
    while not ended:
        key, at = DECODER.raw_decode(text, at)
        if not isinstance(key, str):
            raise ValueError(f"a key is no string, before character {at}")
        start = _after(text, at, ":")
        value, at = DECODER.raw_decode(text, start)
        found[key] = text[start:at] if key == "body" else value
        ended, at = _ended(text, at, "}")
    return found, at


def _ended(text: str, at: int, end: str) -> tuple[bool, int]:
    """Whether the array or object ends after an element, and where the next token begins."""
    at = _token(text, at)
    ended = text[at : at + 1] == end
    return ended, _after(text, at, end if ended else ",")


def _after(text: str, at: int, mark: str) -> int:
    """Where the token after a mark begins."""
    at = _token(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark} is missing at character {at}")
    return _token(text, at + 1)


def _token(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


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
            body = item["body"].encode()
        path, _, query = path.partition("?")
        return read_request(method.upper(), path, query.encode(), headers, schemas, body)
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


def _numbered(answer: Answer, index: int) -> Answer:
    headers = [*answer.headers, (INDEX_HEADER, b"%d" % index)]
    return Answer(status=answer.status, headers=headers, body=answer.body)


def _joined(answers: Iterable[Answer]) -> bytes:
    return b"[" + b",\n ".join(map(_shown, answers)) + b"]"


def _shown(one: Answer) -> bytes:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in one.headers}
    if not one.body:
        body = b"null"
    elif _is_json(headers.get("content-type", "")):
        body = one.body
    else:
        body = json.dumps(one.body.decode("utf-8", "replace")).encode()
    head = json.dumps({"status": one.status, "headers": headers}).encode()
    return head[:-1] + b', "body": ' + body + b"}"


def _is_json(media_type: str) -> bool:
    """By its name alone: a plan as text says in a parameter that it is one of a JSON answer."""
    return media_type.partition(";")[0].strip().endswith("json")


def _malformed(message: str, details: str | None = None) -> Refused:
    return refuse(
        "batch_malformed",
        message,
        details=details,
        hint='[{"method": "POST", "path": "/table", "headers": {}, "body": {}}]',
    )


def _too_slow(timeout_ms: int) -> Refusal:
    return Refusal(
        code="batch_too_slow",
        message="The batch took longer than one statement may.",
        details=f"All its requests together have {timeout_ms} ms.",
        hint="Send fewer requests in one batch; nothing was done.",
        status=504,
    )
