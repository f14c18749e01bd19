"""What clients send: bodies and queries, read into values, or refused."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request

from agon.auth.refusals import validation_failed
from agon.web.handlers import json_object

TEXT_CHARS_MAX = 4096
METADATA_BYTES_MAX = 16 * 1024
"""With every sign escaped; the table takes 4096 bytes, since it stands in every access token."""
DURATION_S_MAX = 100 * 365 * 24 * 3600

_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(h|ms|us|ns|m|s)")

Fields = dict[str, Any]


async def fields_of(request: Request) -> Fields:
    """The body as a JSON object of storable text; {} where there is none.

    Raises Refused `validation_failed`, `body_malformed`, `body_too_large`.
    """
    if request.headers.get("content-length", "") == "0" or (
        "content-length" not in request.headers and "transfer-encoding" not in request.headers
    ):
        return {}
    body = await json_object(request)
    require_text(json.dumps(body, ensure_ascii=False))
    return body


Body = Annotated[Fields, Depends(fields_of)]


TEXT = {"type": ["string", "null"]}
OBJECT = {"type": ["object", "null"]}
FLAG = {"type": ["boolean", "null"]}
CHALLENGE = ("code_challenge", "code_challenge_method")


def described(*texts: str, **others: dict[str, Any]) -> dict[str, Any]:
    """A body in OpenAPI, by its fields. None is required by form: which ones are, depends on the
    others; and clients send more than we read."""
    schema = {"type": "object", "properties": {name: TEXT for name in texts} | others}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def require_text(text: str) -> None:
    """Refuses what Postgres cannot store: half a surrogate pair, or a null character."""
    if any("\ud800" <= char <= "\udfff" for char in text) or "\x00" in text or "\\u0000" in text:
        raise validation_failed("Text may not hold null characters or halves of surrogate pairs")


def text(fields: Mapping[str, Any], name: str) -> str | None:
    """A text, or None where it is missing, null or empty."""
    value = fields.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or len(value) > TEXT_CHARS_MAX:
        raise validation_failed(f"{name} must be a text of at most {TEXT_CHARS_MAX} characters")
    return value


def wanted(fields: Mapping[str, Any], name: str) -> str:
    """A text that must be there."""
    value = text(fields, name)
    if value is None:
        raise validation_failed(f"{name} is required")
    return value


def flag(fields: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """true or false."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise validation_failed(f"{name} must be true or false")
    return value


def metadata(fields: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """An object of the client's own; None where it is missing."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, dict) or len(json.dumps(value)) > METADATA_BYTES_MAX:
        raise validation_failed(f"{name} must be an object of at most {METADATA_BYTES_MAX} bytes")
    return value


def identifier(value: str, name: str) -> uuid.UUID:
    """A UUID."""
    try:
        return uuid.UUID(value)
    except ValueError as error:
        raise validation_failed(f"{name} must be an UUID") from error


def number(value: str, name: str, most: int) -> int:
    """A whole number of a query; 0 where it is empty."""
    if not value:
        return 0
    if not (value.isascii() and value.isdigit() and len(value) < 12 and int(value) <= most):
        raise validation_failed(f"{name} must be a number of at most {most}")
    return int(value)


def refuse_phone(fields: Mapping[str, Any]) -> None:
    """We send no messages to phones."""
    if text(fields, "phone") is not None:
        raise validation_failed("Unsupported phone provider")


def seconds_of(duration: str) -> float:
    """A duration as Go writes it: 24h, 1h30m, 300ms. Raises Refused `validation_failed`."""
    parts = _PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise validation_failed("ban_duration must be a duration such as 24h, or none")
    return min(DURATION_S_MAX, sum(float(number) * _UNITS_S[unit] for number, unit in parts))
