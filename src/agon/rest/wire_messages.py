"""Messages of Postgres's protocol 3.0: what is sent, as bytes, and what errors say.

Pure. Formats are text both ways; the reader of answers is `wire_answers`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

PARAMS_MAX = 65_535
"""The protocol counts a statement's parameters in two bytes."""

PROTOCOL = 3 << 16
CANCEL_CODE = 80_877_102
SSL_CODE = 80_877_103

SYNC = b"S\0\0\0\x04"
TERMINATE = b"X\0\0\0\x04"
SSL_REQUEST = struct.pack("!ii", 8, SSL_CODE)
EXECUTE = b"E\0\0\0\x09\0\0\0\0\0"
"""Of the unnamed portal, all rows."""
_NULL = b"\xff\xff\xff\xff"
_NO_PARAMS = b"\0\0\0\0"

_int32 = struct.Struct("!i").pack
_int16 = struct.Struct("!H").pack

FIELDS = {
    "V": "severity", "C": "sqlstate", "M": "message", "D": "detail", "H": "hint",
    "P": "position", "W": "where", "s": "schema", "t": "table", "c": "column",
    "d": "data_type", "n": "constraint", "R": "routine",
}  # fmt: skip


class Step(NamedTuple):
    """One statement of a pipeline.

    key: the prepared statement is kept under (key, sql), so give the role, since plans of tables
    with row level security depend on it; None leaves it unprepared, as a very long text does.
    wanted: rows are read.
    """

    key: str | None
    sql: str
    params: Sequence[bytes | None] = ()
    wanted: bool = True


class Result(NamedTuple):
    """What a step brought: its rows, each a list of columns in text format, and its command tag,
    such as `SELECT 1`."""

    rows: list[list[bytes | None]]
    tag: bytes


@dataclass(frozen=True, kw_only=True)
class PostgresFault:
    """The fields of an ErrorResponse; '' for what it does not say. position: characters into the
    statement, from 1. step: which of the pipeline failed, from 0; its length for the commit."""

    sqlstate: str = "XX000"
    message: str = ""
    severity: str = ""
    detail: str = ""
    hint: str = ""
    position: str = ""
    where: str = ""
    schema: str = ""
    table: str = ""
    column: str = ""
    data_type: str = ""
    constraint: str = ""
    routine: str = ""
    step: int = 0


class PostgresError(Exception):
    """Postgres refused; `fault` says why. The transaction is rolled back, unless it was begun with
    `begin`, when it waits for its rollback."""

    def __init__(self, fault: PostgresFault):
        super().__init__(f"{fault.message} [{fault.sqlstate}]")
        self.fault = fault


def startup(user: str, database: str, settings: Mapping[str, str]) -> bytes:
    """The first message of a session; settings: of the session, such as `statement_timeout`."""
    pairs = {"user": user, "database": database, "client_encoding": "UTF8", **settings}
    body = b"".join(_text(part) for pair in pairs.items() for part in pair) + b"\0"
    return struct.pack("!ii", len(body) + 8, PROTOCOL) + body


def cancel_request(process: int, secret: bytes) -> bytes:
    """What a second connection sends to cancel the statement of the first."""
    return struct.pack("!iii", 12 + len(secret), CANCEL_CODE, process) + secret


def sasl_initial(mechanism: str, first: bytes) -> bytes:
    """The client's first SASL message."""
    return _message(b"p", _text(mechanism) + _int32(len(first)) + first)


def sasl_response(final: bytes) -> bytes:
    """The client's last SASL message."""
    return _message(b"p", final)


def parse(name: bytes, sql: str) -> bytes:
    """Prepare a statement; Postgres infers the parameters' types. Raises ValueError for NUL."""
    return _message(b"P", name + b"\0" + _text(sql) + b"\0\0")


def close(name: bytes) -> bytes:
    """Forget a prepared statement."""
    return _message(b"C", b"S" + name + b"\0")


def bind_and_execute(name: bytes, params: Sequence[bytes | None]) -> bytes:
    """Bind values, all as text, to a prepared statement and run it. Raises ValueError."""
    head = b"\0" + name + b"\0\0\0"
    if not params:
        body = head + _NO_PARAMS
    else:
        if len(params) > PARAMS_MAX:
            raise ValueError(f"a statement takes at most {PARAMS_MAX} parameters")
        parts = [head, _int16(len(params))]
        for value in params:
            if value is None:
                parts.append(_NULL)
            else:
                parts += (_int32(len(value)), value)
        parts.append(b"\0\0")
        body = b"".join(parts)
    return b"B" + _int32(len(body) + 4) + body + EXECUTE


def read_fault(body: bytes, step: int = 0) -> PostgresFault:
    """The fields of an ErrorResponse's body; unknown fields are left out."""
    fields: dict[str, str] = {}
    for part in body.split(b"\0"):
        text = part.decode("utf-8", "replace")
        if text and (name := FIELDS.get(text[0])):
            fields[name] = text[1:]
    return PostgresFault(**fields, step=step)  # type: ignore[arg-type]


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _int32(len(body) + 4) + body


def _text(value: str) -> bytes:
    encoded = value.encode()
    if b"\0" in encoded:
        raise ValueError("Postgres's protocol ends a text at NUL, so a text cannot hold one")
    return encoded + b"\0"
