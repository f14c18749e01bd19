"""A request and its statement: the values that pass between the stages of the door.

parse (grammar, preferences, media, payload) -> Ask
plan  (plan, and the modules of SQL)         -> Statement
Postgres answers with one row                -> Row
respond                                      -> Answer
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agon.rest.tree import Query

JSON_TYPE = "application/json; charset=utf-8"

Action = Literal["read", "insert", "update", "delete", "put", "call"]
Form = Literal["text", "pattern", "list", "limit", "offset", "body", "constant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What `Prefer` asks for, after PostgREST's rules (first occurrence wins); None where it is
    silent. applied: nothing is decided here; `respond` says what was applied. unknown: tokens that
    are no preferences, refused under strict handling (PGRST122)."""

    returns: Literal["minimal", "headers-only", "representation"] | None = None
    count: Literal["exact", "planned", "estimated"] | None = None
    resolution: Literal["merge-duplicates", "ignore-duplicates"] | None = None
    missing: Literal["default", "null"] | None = None
    tx: Literal["commit", "rollback"] | None = None
    handling: Literal["strict", "lenient"] | None = None
    max_affected: int | None = None
    timezone: str | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What `Accept` asks for. kind: `json` is an array; `object` a single one; `plan` is EXPLAIN of
    what `plan_of` would answer; options: of EXPLAIN; content_type: the header of the answer."""

    kind: Literal["json", "object", "csv", "plan", "binary", "text", "geojson", "policies"]
    content_type: str
    strip_nulls: bool = False
    plan_of: Literal["json", "object", "csv"] = "json"
    plan_format: Literal["text", "json"] = "text"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The shape of a payload. keys: of the object, or of the first object of an array (all have
    the same), in their order, and none where `columns` was sent; empty_array: `[]`; raw: not JSON,
    for an rpc with one unnamed parameter."""

    keys: tuple[str, ...] = ()
    is_array: bool = False
    empty_array: bool = False
    raw: Literal["text", "xml", "binary"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request as it was understood. target: a table's or function's name; body: None without."""

    action: Action
    schema: str
    target: str
    query: Query = Query()  # noqa: RUF009, the value is frozen
    preferences: Preferences = Preferences()
    media: Media = Media(kind="json", content_type=JSON_TYPE)
    body: Body | None = None
    by_get: bool = False
    head: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """Where a bound value comes from. form: `text` the slot's value as it is; `pattern` with `*` as
    `%`; `list` from `(a,"b")` to an array; `limit` a number, at most max_rows, and max_rows where
    slot is None; `offset` a number; `body` the payload; `constant` the text in `value`."""

    form: Form = "text"
    slot: int | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What Postgres is asked, once for all requests of one shape.

    sql answers with one row of text columns: see Row (EXPLAIN answers with rows of lines);
    count_sql: EXPLAIN for planned counts, with `count_params`; settings: of the function that is
    called, local to the transaction; rollback: by `tx=rollback`.
    """

    sql: str
    params: tuple[Param, ...] = ()
    read_only: bool = False
    rollback: bool = False
    explain: bool = False
    count_sql: str | None = None
    count_params: tuple[Param, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The columns of a statement's one row, in this order.

    total: rows without limit and offset, None where not counted; page: rows in body; body: bytes as
    they go to the socket, None where none were asked for; headers, status: of `response.headers`
    and `response.status`; inserted: new rows of an upsert; location: JSON object of the primary key
    of the one row inserted (for `Location`).
    """

    total: int | None
    page: int
    body: bytes | None
    headers: str | None = None
    status: str | None = None
    inserted: int | None = None
    location: str | None = None

    @classmethod
    def read(cls, columns: Sequence[bytes | None]) -> Row:
        """From the wire. Shape: seven columns, text format."""
        total, page, body, headers, status, inserted, location = columns
        return cls(
            total=None if total is None else int(total),
            page=int(page or 0),
            body=body,
            headers=headers.decode() if headers else None,
            status=status.decode() if status else None,
            inserted=None if inserted is None else int(inserted),
            location=location.decode() if location else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the configuration allows. rows_max: per response and embed level, of reads and rpc."""

    rows_max: int = 1000
    aggregates: bool = False
    explain: bool = False
    tx_rollback: bool = False


Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response. body: as it goes to the socket; empty for HEAD and 204."""

    status: int
    headers: Headers
    body: bytes = b""


Json = dict[str, Any]
