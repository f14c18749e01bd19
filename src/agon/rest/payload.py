"""The payload of a request: its shape, and the bytes that Postgres is sent."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from agon.kernel.errors import Refused, refuse
from agon.rest.ask import Body

FORM_FIELDS_MAX = 1000

JSON = "application/json"
CSV = "text/csv"
FORM = "application/x-www-form-urlencoded"
RAW = {"text/plain": "text", "text/xml": "xml", "application/octet-stream": "binary"}
"""What only a function takes, by its one parameter without a name."""

NULL = "NULL"
"""Stands for null in CSV."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _pause(found: dict) -> dict:
    """Called for each object, so that other threads have their turn: the reader gives none."""
    return found


DECODER = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_refuse_constant, object_hook=_pause
)
"""JSON, and nothing that Python takes beyond it. Numbers are left as text: nobody reads them here,
and theirs may be too long for a number."""


def read(
    content_type: str | None, body: bytes, *, columns: tuple[str, ...] | None, call: bool
) -> tuple[Body, bytes]:
    """The shape of a payload, and the JSON to bind: as it came, or made from CSV or a form.

    columns: of the request, if it named them; then keys are not part of the shape, and the objects
    of an array may differ in them.
    call: for a function; an empty payload is `{}`, and JSON of every form is taken. Bytes of an
    octet-stream come back as Postgres writes `bytea`. Raises Refused (PGRST102, 400).
    """
    shape, bound = _read(content_type, body, columns is None, call)
    return (shape if columns is None else replace(shape, keys=())), bound


def _read(content_type: str | None, body: bytes, uniform: bool, call: bool) -> tuple[Body, bytes]:
    name = (content_type or JSON).partition(";")[0].strip().lower()
    if name == JSON:
        return _read_json(body, uniform, call)
    if name == CSV:
        return _read_csv(body)
    if name == FORM:
        return _read_form(body, call)
    if call and name in RAW:
        raw = RAW[name]
        bound = b"\\x" + body.hex().encode() if raw == "binary" else body
        return Body(raw=raw), bound  # type: ignore[arg-type]
    raise _malformed(f"Content-Type not acceptable: {name[:100]}")


def _read_json(body: bytes, uniform: bool, call: bool) -> tuple[Body, bytes]:
    if call and not body:
        return Body(), b"{}"
    found = _decode(body)
    if isinstance(found, dict):
        return Body(keys=_keys_of(found)), body
    if isinstance(found, list):
        return _read_rows(found, uniform, call), body
    if call:
        return Body(), body
    raise _malformed("Empty or invalid json", "Rows are a JSON object, or an array of them.")


def _read_rows(rows: list[Any], uniform: bool, call: bool) -> Body:
    if not rows:
        return Body(is_array=True, empty_array=True)
    first = rows[0]
    objects = all(type(row) is dict for row in rows)
    alike = objects and all(row.keys() == first.keys() for row in rows)
    if objects and (alike or not uniform):
        return Body(keys=_keys_of(first), is_array=True)
    if call:
        return Body(is_array=True)
    raise _malformed("All object keys must match")


def _decode(body: bytes) -> Any:
    try:
        return DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        # RecursionError: arrays nested deeper than the reader goes.
        raise _malformed("Empty or invalid json") from error


def _keys_of(row: dict[str, Any]) -> tuple[str, ...]:
    """The keys of an object, in their order."""
    keys = tuple(row)
    try:
        "".join(keys).encode()
    except UnicodeEncodeError as error:
        raise _malformed("Empty or invalid json", "A key is no valid Unicode text.") from error
    return keys


def _read_csv(body: bytes) -> tuple[Body, bytes]:
    """A field may have as many characters as Python's csv takes, 131,072."""
    try:
        text = body.decode().removeprefix("\ufeff")
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _malformed("Empty or invalid csv", str(error)) from error
    if not lines:
        raise _malformed("Empty or invalid csv", "The first line names the columns.")
    header, *rows = lines
    if any(len(row) != len(header) for row in rows):
        raise _malformed("All lines must have same number of fields")
    if not rows:
        return Body(is_array=True, empty_array=True), b"[]"
    objects = [
        {name: None if field == NULL else field for name, field in zip(header, row, strict=True)}
        for row in rows
    ]
    return Body(keys=tuple(dict.fromkeys(header)), is_array=True), json.dumps(objects).encode()


def _read_form(body: bytes, call: bool) -> tuple[Body, bytes]:
    """A form as a JSON object. A field that comes again is an array for a function, whose parameter
    may be VARIADIC; for a table the last one counts."""
    try:
        fields = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except ValueError as error:
        raise _malformed("Empty or invalid form", str(error)) from error
    found: dict[str, str | list[str]] = {}
    for name, value in fields:
        before = found.get(name)
        if before is None or not call:
            found[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            found[name] = [before, value]
    return Body(keys=tuple(found)), json.dumps(found).encode()


def _malformed(message: str, details: str | None = None) -> Refused:
    return refuse("PGRST102", message, details=details)
