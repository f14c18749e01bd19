"""The `Accept` header: in which form the answer goes out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from agon.kernel.errors import refuse
from agon.rest.ask import Action, Media

REMEMBERED_MAX = 512
"""Headers whose reading is kept."""
REMEMBERED_CHARS_MAX = 1000
RANGES_MAX = 100
"""Media types in one header; what comes after them is not looked at."""

JSON = "application/json"
OBJECT = "application/vnd.pgrst.object+json"
ARRAY = "application/vnd.pgrst.array+json"
PLAN = "application/vnd.pgrst.plan"
PLAN_OPTIONS = ("analyze", "verbose", "settings", "buffers", "wal")
POLICIES = "application/vnd.agon.policies+json"
UTF8 = "; charset=utf-8"

_TYPE = re.compile(r"\s*+([^\s;,\"]*+)\s*+")
_PARAMETER = re.compile(r';\s*+(?:([^\s;,="]++)\s*+(?:=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^;,"]*+)))?)?')
_REST = re.compile(r"[^,]*+(?:,|\Z)")
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)

PLAIN_KINDS: dict[str, tuple[Literal["json", "csv", "geojson", "policies"], str]] = {
    "*/*": ("json", JSON),
    "application/*": ("json", JSON),
    JSON: ("json", JSON),
    "text/csv": ("csv", "text/csv"),
    "text/*": ("csv", "text/csv"),
    "application/geo+json": ("geojson", "application/geo+json"),
    POLICIES: ("policies", POLICIES),
}
SCALAR_MEDIA: dict[str, Media] = {
    "text/plain": Media(kind="text", content_type="text/plain" + UTF8),
    "application/octet-stream": Media(kind="binary", content_type="application/octet-stream"),
}
"""What only a function's scalar can be answered as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """One of the media types that a header names. parameters: without `q`; written: as it was."""

    name: str
    parameters: dict[str, str]
    quality: float
    written: str


def negotiate(accept: str | None, *, action: Action = "read", plans: bool = False) -> Media:
    """The first media type that can be answered, in order of `q`, then of position.

    plans: whether EXPLAIN may be answered. Raises Refused (PGRST107, 406) where there is none.
    """
    text = accept or "*/*"
    if len(text) <= REMEMBERED_CHARS_MAX:
        return _remembered(text, action == "call", plans)
    return _negotiate(text, action == "call", plans)


def _negotiate(accept: str, call: bool, plans: bool) -> Media:
    ranges = sorted(_read_ranges(accept), key=lambda each: -each.quality)
    for each in ranges:
        if each.quality > 0 and (media := _media_of(each, call, plans)):
            return media
    wanted = ", ".join(each.written for each in ranges)
    raise refuse("PGRST107", f"None of these media types are available: {wanted}", status=406)


_remembered = lru_cache(REMEMBERED_MAX)(_negotiate)


def _media_of(wanted: _Range, call: bool, plans: bool) -> Media | None:
    name = wanted.name
    if plain := PLAIN_KINDS.get(name):
        kind, content_type = plain
        return Media(kind=kind, content_type=content_type + UTF8)
    if name in (OBJECT, OBJECT.removesuffix("+json"), ARRAY, ARRAY.removesuffix("+json")):
        return _vendored(wanted)
    if plans and name in (PLAN, PLAN + "+text", PLAN + "+json"):
        return _plan(wanted)
    return SCALAR_MEDIA.get(name) if call else None


def _vendored(wanted: _Range) -> Media:
    """PostgREST's own types of an array and of a single object, with or without their nulls."""
    single = "object" in wanted.name
    strip = wanted.parameters.get("nulls") == "stripped"
    name = OBJECT if single else ARRAY if strip else JSON
    return Media(
        kind="object" if single else "json",
        content_type=name + (";nulls=stripped" if strip else "") + UTF8,
        strip_nulls=strip,
    )


def _plan(wanted: _Range) -> Media | None:
    """EXPLAIN of the answer that `for` names, an array by default."""
    (inner,) = _read_ranges(wanted.parameters.get("for") or JSON)[:1] or [None]
    answer = _media_of(inner, False, False) if inner else None
    if answer is None or answer.kind not in ("json", "object", "csv"):
        return None
    asked = wanted.parameters.get("options", "").split("|")
    options = tuple(option for option in PLAN_OPTIONS if option in asked)
    form: Literal["text", "json"] = "json" if wanted.name.endswith("+json") else "text"
    described = f'{PLAN}+{form}; for="{answer.content_type.removesuffix(UTF8)}"'
    if options:
        described += "; options=" + "|".join(options)
    return Media(
        kind="plan",
        content_type=described + UTF8,
        strip_nulls=answer.strip_nulls,
        plan_of=answer.kind,  # type: ignore[arg-type]
        plan_format=form,
        options=options,
    )


def _read_ranges(header: str) -> list[_Range]:
    """The media types of a header as far as it has their form; the rest of a malformed one is
    passed over."""
    ranges: list[_Range] = []
    at = 0
    while at < len(header) and len(ranges) < RANGES_MAX:
        start = at
        name = _TYPE.match(header, at)
        assert name is not None  # the pattern takes nothing, too
        at = name.end()
        parameters: dict[str, str] = {}
        while match := _PARAMETER.match(header, at):
            key, quoted, token = match.groups()
            if key:
                value = (token or "").strip() if quoted is None else quoted
                parameters.setdefault(key.lower(), value)
            at = match.end()
        written = header[start:at].strip().rstrip("; ")
        rest = _REST.match(header, at)
        assert rest is not None
        at = rest.end()
        quality = parameters.pop("q", "1")
        if name[1] and rest.group() in (",", ""):
            ranges.append(
                _Range(
                    name=name[1].lower(),
                    parameters=parameters,
                    quality=float(quality) if _QUALITY.fullmatch(quality) else 1.0,
                    written=written,
                )
            )
    return ranges
