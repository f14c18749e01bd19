"""What a request wants to see: `select`, `order`, `columns` and `on_conflict`."""

from __future__ import annotations

import re

from agon.rest.lexer import (
    WS,
    Source,
    read_field,
    read_name,
    read_name_as_written,
    read_path,
)
from agon.rest.quoting import AGGREGATES, TYPE
from agon.rest.tree import Embed, Field, Order, Pick

DEPTH_MAX = 16
"""Embeds inside one another."""


_SPACE = re.compile(WS)
_STAR = re.compile(rf"\*(?={WS}(?:[,)]|\Z))")
_COUNT = re.compile(rf"count\(\)(?={WS}(?:::|[,)]|\Z))")
_ALIAS = re.compile(r":(?!:)")
_AGGREGATE = re.compile(rf"\.({AGGREGATES})\(\)")
_TYPE = re.compile(rf"::[ ]*+({TYPE})[ ]*+")
_DIRECTION = re.compile(r"\.(asc|desc)(?![^.,)\s])")
_NULLS = re.compile(r"\.nulls(first|last)(?![^.,)\s])")

EXPECTING_REST = '"->", "::", ".", ")", "," or end of input'
EXPECTING_ORDER = '"asc", "desc", "nullsfirst" or "nullslast"'


def read_select(source: Source) -> tuple[Pick | Embed, ...]:
    """The whole text of `select`; empty for an empty one. Raises Refused (PGRST100)."""
    items = _read_items(source, 0)
    if not source.ended():
        raise source.fail('"," or end of input')
    return items


def _read_items(source: Source, depth: int) -> tuple[Pick | Embed, ...]:
    if depth > DEPTH_MAX:
        raise source.refuse(f"Embeds stand inside one another more than {DEPTH_MAX} deep")
    source.take(_SPACE)
    if source.ended() or source.text[source.at] == ")":
        return ()
    items = [_read_item(source, depth)]
    while source.skip(","):
        items.append(_read_item(source, depth))
    return tuple(items)


def _read_item(source: Source, depth: int) -> Pick | Embed:
    source.count()
    source.take(_SPACE)
    if source.skip("..."):
        return _read_embed(source, depth, read_name(source), None, spread=True)
    if source.take(_STAR):
        source.take(_SPACE)
        return Pick(field=Field("*"))
    if source.take(_COUNT):
        return _read_count(source, None)
    start = source.at
    name, quoted = read_name_as_written(source)
    alias = None
    if source.take(_ALIAS):
        alias = name
        source.take(_SPACE)
        if source.take(_COUNT):
            return _read_count(source, alias)
        start = source.at
        name, quoted = read_name_as_written(source)
    if not source.ended() and source.text[source.at] in "!(":
        if name == "count" and not quoted:
            source.at = min(start + len("count()"), len(source.text))
            raise source.refuse("count() takes no argument: write column.count()")
        return _read_embed(source, depth, name, alias, spread=False)
    return _read_pick(source, name, alias, start)


def _read_pick(source: Source, name: str, alias: str | None, start: int) -> Pick:
    """What follows a column's name: path, cast, aggregate, cast of the aggregate."""
    if name == "*":
        source.at = start
        raise source.refuse("* is no column's name")
    path = read_path(source)
    cast = _read_cast(source)
    aggregate = source.take(_AGGREGATE)
    aggregate_cast = _read_cast(source) if aggregate else None
    _end_item(source)
    return Pick(
        field=Field(name, path),
        alias=alias,
        cast=cast,
        aggregate=aggregate[1] if aggregate else None,  # type: ignore[arg-type]
        aggregate_cast=aggregate_cast,
    )


def _read_count(source: Source, alias: str | None) -> Pick:
    cast = _read_cast(source)
    _end_item(source)
    return Pick(field=None, alias=alias, aggregate="count", aggregate_cast=cast)


def _read_cast(source: Source) -> str | None:
    source.take(_SPACE)
    if not source.text.startswith("::", source.at):
        return None
    match = source.take(_TYPE)
    if match is None:
        source.skip("::")
        raise source.fail("a type's name")
    return match[1]


def _end_item(source: Source) -> None:
    source.take(_SPACE)
    if not source.ended() and source.text[source.at] not in ",)":
        raise source.fail(EXPECTING_REST)


def _read_embed(
    source: Source, depth: int, target: str, alias: str | None, *, spread: bool
) -> Embed:
    """What follows an embed's name: `!hint`, `!inner` or `!left` in either order, and its items."""
    hint = join = None
    while source.skip("!"):
        word, quoted = read_name_as_written(source)
        if not quoted and word in ("inner", "left"):
            join = join or word
        else:
            hint = hint or word
    if not source.skip("("):
        raise source.fail('"!" or "("')
    items = _read_items(source, depth + 1)
    if not source.skip(")"):
        raise source.fail('"," or ")"')
    _end_item(source)
    return Embed(
        target=target,
        select=items,
        alias=alias,
        hint=hint,
        join=join,  # type: ignore[arg-type]
        spread=spread,
    )


def read_order(source: Source) -> tuple[Order, ...]:
    """The whole text of an `order`. Raises Refused (PGRST100)."""
    terms = [_read_term(source)]
    while source.skip(","):
        terms.append(_read_term(source))
    if not source.ended():
        raise source.fail('"," or end of input')
    return tuple(terms)


def _read_term(source: Source) -> Order:
    source.count()
    relation = None
    name = read_name(source)
    if source.skip("("):
        relation = name
        field = read_field(source)
        if not source.skip(")"):
            raise source.fail('"->" or ")"')
    else:
        field = Field(name, read_path(source))
    direction = source.take(_DIRECTION)
    nulls = source.take(_NULLS)
    if source.skip("."):
        raise source.fail('"nullsfirst" or "nullslast"' if direction else EXPECTING_ORDER)
    source.take(_SPACE)
    return Order(
        field=field,
        relation=relation,
        descending=direction[1] == "desc" if direction else None,
        nulls=nulls[1] if nulls else None,  # type: ignore[arg-type]
    )


def read_names(source: Source) -> tuple[str, ...]:
    """The whole text of `columns` or `on_conflict`, each name once. Raises Refused (PGRST100)."""
    names = {read_name(source): None}
    source.count()
    while source.skip(","):
        names[read_name(source)] = None
        source.count()
    if not source.ended():
        raise source.fail('"," or end of input')
    return tuple(names)
