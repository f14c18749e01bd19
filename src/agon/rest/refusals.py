"""No, as PostgREST says it: `{code, details, hint, message}`, with status and headers.

Pure. What Postgres says reaches the caller, except DETAIL where it shows a row's other columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agon.kernel.errors import HINT_BY_SQLSTATE, Refusal, retry_after_s
from agon.rest.ask import Answer, Headers
from agon.rest.wire_messages import PostgresFault
from agon.web.headers import challenge

STATUS_MIN, STATUS_MAX = 200, 599
JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")
FRAMING = frozenset(("connection", "content-length", "transfer-encoding", "upgrade"))
"""Headers that say where an answer ends: nobody else writes those."""

ROW_SHOWN = frozenset(("23502", "23514"))
"""Their DETAIL quotes the whole row that failed, columns included that its writer cannot read."""

STATUS_BY_SQLSTATE = {
    "08": 503, "09": 500, "0L": 403, "0P": 403, "21000": 500, "23503": 409, "23505": 409,
    "25": 500, "25006": 405, "28": 403, "2D": 500, "38": 500, "39": 500, "3B": 500, "40": 500,
    "40P01": 409, "42501": 403, "42883": 404, "42P01": 404, "42P17": 500, "53": 503, "53400": 500,
    "54": 400, "55": 500, "55000": 400, "57": 500, "57P01": 503, "58": 500, "F0": 500, "HV": 500,
    "P0": 500, "P0001": 400, "XX": 500,
}  # fmt: skip
"""By SQLSTATE or its class; 400 where the table has no row. As PostgREST has it, but for what only
the request can be at fault for: more than Postgres's limits (54), writing to a view that cannot be
written to (55000), and crossing another request's locks (40P01)."""

_TWICE_OR_ALL = re.compile("requires a WHERE clause$|^ON CONFLICT DO UPDATE command cannot affect")
"""Of 21000: mistakes of the client, an upsert that names a row twice and, with safeupdate, a change
of every row. PostgREST answers the first with 500."""

SAID_OF_VALUES = ("tsquery stack too small",)
"""What Postgres calls an internal error, and is a value of the request."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_RAISE_MESSAGE_HINT = (
    "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: "
    "'details', 'hint'."
)
_RAISE_DETAIL_HINT = (
    "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: "
    "'status_text'."
)


def answer(refusal: Refusal, headers: Headers | None = None) -> Answer:
    """A refusal of our own. headers: sent besides."""
    sent = [JSON_TYPE, *(headers or ())]
    if _TOKEN.fullmatch(refusal.code):
        sent.append((b"proxy-status", f"PostgREST; error={refusal.code}".encode()))
    if refusal.status == 401 and not any(name == b"www-authenticate" for name, _ in sent):
        sent.append((b"www-authenticate", challenge(refusal).encode()))
    if (wait_s := retry_after_s(refusal)) is not None:
        sent.append((b"retry-after", b"%d" % wait_s))
    body = {
        "code": refusal.code,
        "details": refusal.details,
        "hint": refusal.hint,
        "message": refusal.message,
    }
    return Answer(
        status=refusal.status, headers=sent, body=json.dumps(body, separators=(",", ":")).encode()
    )


def answer_fault(fault: PostgresFault, role: str) -> Answer:
    """What Postgres refused. role: who asked; anon may come back signed in."""
    if fault.sqlstate == "PGRST":
        return _answer_raised(fault)
    refusal = Refusal(
        code=fault.sqlstate,
        message=fault.message,
        details=None if fault.sqlstate in ROW_SHOWN else fault.detail or None,
        hint=HINT_BY_SQLSTATE.get(fault.sqlstate) or fault.hint or None,
        status=status_of(fault, role),
    )
    return answer(refusal)


def status_of(fault: PostgresFault, role: str) -> int:
    """The HTTP status of an error of Postgres."""
    state, said = fault.sqlstate, fault.message
    if state.startswith("PT"):
        return status_said(state[2:]) or 500
    if state == "42501" and role == "anon":
        return 401
    if state == "22023" and said.startswith("role") and said.endswith("does not exist"):
        return 401
    if state == "21000" and _TWICE_OR_ALL.search(said):
        return 400
    if state == "XX000" and said in SAID_OF_VALUES:
        return 400
    if state == "42883" and said.startswith("function xmlagg("):
        return 406
    return STATUS_BY_SQLSTATE.get(state) or STATUS_BY_SQLSTATE.get(state[:2], 400)


def status_said(text: Any) -> int | None:
    """A status that a function chose; None for what is none that ends a request."""
    said = str(text)
    if type(text) is bool or not (said.isascii() and said.isdecimal()) or len(said) != 3:
        return None
    return int(said) if STATUS_MIN <= int(said) <= STATUS_MAX else None


def headers_said(pairs: Any) -> Headers | None:
    """Headers that a function chose, as a mapping; None where one could not be sent."""
    if not isinstance(pairs, Mapping):
        return None
    headers: Headers = []
    for name, value in pairs.items():
        fits = isinstance(value, str) and value.isprintable() and value.isascii()
        if not fits or not _TOKEN.fullmatch(name) or name.lower() in FRAMING:
            return None
        headers.append((name.lower().encode(), value.encode()))
    return headers


def _answer_raised(fault: PostgresFault) -> Answer:
    """`raise sqlstate 'PGRST'`: the function says it all, in JSON."""
    said, shape = _object(fault.message), _object(fault.detail)
    if not _are_texts(said, needed=("code", "message"), other=("details", "hint")):
        return _raised_wrongly(
            f"Invalid JSON value for MESSAGE: '{fault.message}'", _RAISE_MESSAGE_HINT
        )
    if not fault.detail:
        return _raised_wrongly("DETAIL is missing in the RAISE statement", _RAISE_DETAIL_HINT)
    status = status_said(shape.get("status"))
    headers = headers_said(shape.get("headers"))
    if status is None or headers is None:
        return _raised_wrongly(
            f"Invalid JSON value for DETAIL: '{fault.detail}'", _RAISE_DETAIL_HINT
        )
    refusal = Refusal(
        code=said["code"],
        message=said["message"],
        details=said.get("details"),
        hint=said.get("hint"),
        status=status,
    )
    return _overridden(answer(refusal), headers)


def _overridden(plain: Answer, headers: Headers) -> Answer:
    names = {name for name, _ in headers}
    rest = [pair for pair in plain.headers if pair[0] not in names]
    return Answer(status=plain.status, headers=rest + headers, body=plain.body)


def _raised_wrongly(details: str, hint: str) -> Answer:
    return answer(
        Refusal(
            code="PGRST121",
            message="Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error",
            details=details,
            hint=hint,
            status=500,
        )
    )


def _object(text: str) -> dict[str, Any]:
    """A JSON object; an empty one for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _are_texts(said: Mapping[str, Any], *, needed: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return all(isinstance(said.get(name), str) for name in needed) and all(
        isinstance(said.get(name), str | None) for name in other
    )
