"""A request as it came over HTTP: its parts taken out of path, query string and headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

from agon.kernel.errors import Refused, refuse
from agon.rest.ask import Action
from agon.rest.grammar import Pair
from agon.web.headers import Headers

ACTION_BY_METHOD: dict[str, Action] = {
    "GET": "read",
    "HEAD": "read",
    "POST": "insert",
    "PATCH": "update",
    "DELETE": "delete",
    "PUT": "put",
}
CALL_METHODS = ("GET", "HEAD", "POST")
BY_GET = ("GET", "HEAD")
WITH_BODY = ("POST", "PATCH", "PUT")
PAIRS_REMEMBERED = 2048
PAIR_CHARS_REMEMBERED_MAX = 512

_RPC = "rpc/"
_RANGE = re.compile(rb"([0-9]{1,18})-([0-9]{0,18})")
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class Request(NamedTuple):
    """One request to a table or function. path: below the door; query: as it was sent; accept,
    prefer, content_type: the headers' texts, '' without. A tuple, since that is made fastest."""

    action: Action
    method: str
    target: str
    path: str
    schema: str
    pairs: Sequence[Pair]
    query: bytes
    headers: Headers
    accept: str
    prefer: str
    content_type: str
    body: bytes


def read(
    method: str, path: str, query: bytes, headers: Headers, schemas: tuple[str, ...], body: bytes
) -> Request:
    """path: below the door, `/films` or `/rpc/add`. Raises Refused PGRST100 (not UTF-8), PGRST101,
    PGRST103, PGRST106, PGRST117, PGRST125."""
    target, call = target_of(path)
    action = ACTION_BY_METHOD.get(method)
    if call:
        if method not in CALL_METHODS:
            raise refuse("PGRST101", f"Cannot use the {method[:20]} method on RPC", status=405)
        action = "call"
    if action is None:
        raise unsupported(method)
    pairs: Sequence[Pair] = pairs_of(query) if query else ()
    if method == "GET" and b"range" in headers:
        pairs = ranged(pairs, headers[b"range"])
    return Request(
        action=action,
        method=method,
        target=target,
        path=path,
        schema=schema_of(method, headers, schemas),
        pairs=pairs,
        query=query,
        headers=headers,
        accept=headers.get(b"accept", b"").decode("latin-1"),
        prefer=headers.get(b"prefer", b"").decode("latin-1"),
        content_type=headers.get(b"content-type", b"").decode("latin-1"),
        body=body,
    )


def target_of(path: str) -> tuple[str, bool]:
    """The name of what a path means, and whether that is a function. Raises Refused PGRST125."""
    target = path[1:]
    call = target.startswith(_RPC)
    if call:
        target = target[len(_RPC) :]
    if not target or "/" in target:
        raise refuse("PGRST125", "Invalid path specified in request URL", status=404)
    return target, call


def unsupported(method: str) -> Refused:
    """What a method that no path takes is told."""
    return refuse("PGRST117", f"Unsupported HTTP method: {method[:20]}", status=405)


def pairs_of(query: bytes) -> list[Pair]:
    """A query string's pairs, decoded: `+` is a space, `%XX` a byte of UTF-8.

    Raises Refused PGRST100.
    """
    try:
        return [pair for pair in map(_pair_of, query.decode().split("&")) if pair[0]]
    except UnicodeDecodeError as error:
        raise refuse("PGRST100", "The query string is not UTF-8.") from error


def _pair_of(part: str) -> Pair:
    if "%" not in part and "+" not in part:
        key, _, value = part.partition("=")
        return key, value
    # A client writes the same `select` again and again.
    return _unquote(part) if len(part) <= PAIR_CHARS_REMEMBERED_MAX else _unquote.__wrapped__(part)


@lru_cache(PAIRS_REMEMBERED)
def _unquote(part: str) -> Pair:
    key, _, value = part.partition("=")
    return unquote_plus(key, errors="strict"), unquote_plus(value, errors="strict")


def schema_of(method: str, headers: Headers, schemas: tuple[str, ...]) -> str:
    """The schema that a request chooses; the first without a choice. Raises Refused PGRST106."""
    chosen = headers.get(b"accept-profile" if method in BY_GET else b"content-profile")
    if chosen is None:
        return schemas[0]
    name = chosen.decode("latin-1")
    if name not in schemas:
        raise refuse(
            "PGRST106",
            f"Invalid schema: {name}",
            hint=f"Only the following schemas are exposed: {', '.join(schemas)}",
            status=406,
        )
    return name


def ranged(pairs: Sequence[Pair], header: bytes) -> list[Pair]:
    """The pairs with `limit` and `offset` narrowed to a `Range` header, such as `0-9` or `10-`.

    Anything else in the header counts as no range. Raises Refused PGRST103.
    """
    match = _RANGE.fullmatch(header.strip())
    given = {key: value for key, value in pairs if key in ("limit", "offset")}
    if match is None or not all(map(_NUMBER.fullmatch, given.values())):
        return list(pairs)
    first, last = int(match[1]), int(match[2]) if match[2] else None
    if last is not None and last < first:
        raise _not_satisfiable(
            "The lower boundary must be lower than or equal to the upper boundary in the Range "
            "header."
        )
    offset = int(given.get("offset", 0))
    ends = [offset + int(given["limit"])] if "limit" in given else []
    ends += [] if last is None else [last + 1]
    start = max(first, offset)
    rest = [pair for pair in pairs if pair[0] not in given]
    rest.append(("offset", str(start)))
    if ends:
        if min(ends) <= start and given.get("limit") != "0":
            raise _not_satisfiable("The Range header and limit and offset have no row in common.")
        rest.append(("limit", str(max(0, min(ends) - start))))
    return rest


def _not_satisfiable(details: str) -> Refused:
    return refuse("PGRST103", "Requested range not satisfiable", details=details, status=416)
