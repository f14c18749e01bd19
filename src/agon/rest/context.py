"""The first statement of a request: who asks, and under what conditions.

Everything is set for the transaction only. One `select` sets it all, in order: what the login may
set comes before the role. What is the same for many requests stands in the text, so that it is
prepared once; what differs is bound.
"""

from __future__ import annotations

import json
from functools import lru_cache

from agon.rest.quoting import identifier, literal
from agon.web.callers import Caller
from agon.web.headers import Headers

SEARCH_PATH_MORE = ("public", "extensions")
"""Found after the request's own schema, as on Supabase."""
BOUND = (
    "request.jwt.claims",
    "request.method",
    "request.path",
    "request.headers",
    "request.cookies",
)
UNSAID = {
    "response.headers": "",
    "response.status": "",
    "agon.updated": "",
    "timezone": "UTC",
    "row_security": "on",
}
"""What a function may have set for its whole session, and the next request must not find."""
CONTEXTS_MAX = 1024
HEADERS_REMEMBERED = 1024
SECRET_BEARER = b"bearer sb_secret_"
HOISTED = frozenset(("statement_timeout",))
"""Settings of a function that would come too late when it is entered. Postgres sets the others."""


@lru_cache(CONTEXTS_MAX)
def statement(
    role: str,
    schema: str,
    read_only: bool,
    timeout_ms: int,
    settings: tuple[tuple[str, str], ...],
    zoned: bool,
) -> str:
    """The SQL; its parameters are those of `values`. settings: of the function that is called;
    zoned: the request names a time zone."""
    path = ", ".join(identifier(each) for each in dict.fromkeys((schema, *SEARCH_PATH_MORE)))
    fixed = {"search_path": path, "statement_timeout": str(timeout_ms), **UNSAID}
    fixed |= {key: value for key, value in settings if key in HOISTED}
    if read_only:
        fixed["transaction_read_only"] = "on"
    parts = [f"set_config({literal(key)}, {literal(value)}, true)" for key, value in fixed.items()]
    parts.append(f"set_config('role', {literal(role)}, true)")
    bound = [*BOUND, "timezone"] if zoned else BOUND
    parts += [f"set_config({literal(key)}, ${at}, true)" for at, key in enumerate(bound, 1)]
    return "select " + ", ".join(parts)


def values(
    caller: Caller, method: str, path: str, headers: Headers, zone: str | None
) -> list[bytes]:
    """What `statement` binds. path: below the door; headers: of the request."""
    bound = [
        caller.claims_json,
        method.encode(),
        path.encode(),
        _headers_json(tuple(headers.items()), caller.by_secret_key),
        _cookies_json(headers[b"cookie"]) if b"cookie" in headers else b"{}",
    ]
    if zone is not None:
        bound.append(zone.encode())
    return bound


@lru_cache(HEADERS_REMEMBERED)
def _headers_json(pairs: tuple[tuple[bytes, bytes], ...], by_secret_key: bool) -> bytes:
    """A client sends the same headers again and again. The secret key is shown to no function: it
    may come with a user's token, and then runs as that user."""
    hidden = (b"cookie", b"apikey") if by_secret_key else (b"cookie",)
    shown = {
        key.decode("latin-1"): value.decode("latin-1")
        for key, value in pairs
        if key not in hidden and not (by_secret_key and value.lower().startswith(SECRET_BEARER))
    }
    return json.dumps(shown).encode()


def _cookies_json(header: bytes) -> bytes:
    cookies = {}
    for part in header.decode("latin-1").split(";"):
        key, is_pair, value = part.strip().partition("=")
        if is_pair:
            cookies[key] = value
    return json.dumps(cookies).encode()
