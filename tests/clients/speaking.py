"""The shared cases in the words of supabase-py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SEARCHES = {"plain": "plain", "phrase": "phrase", "websearch": "web_search"}

PLAIN = ("eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "contains", "contained_by",
         "overlaps", "filter", "match")  # fmt: skip
JOINED = {
    "like_all": "like_all_of",
    "like_any": "like_any_of",
    "ilike_all": "ilike_all_of",
    "ilike_any": "ilike_any_of",
}
RANGES = ("range_lt", "range_gt", "range_gte", "range_lte", "range_adjacent")
BY_HAND = {"regex": "match", "iregex": "imatch", "distinct": "isdistinct"}
"""Operators that the client has no method for."""


def say(builder: Any, steps: Sequence[Sequence[Any]]) -> Any:
    """The builder after all steps of a case."""
    for name, *given in steps:
        builder = _step(builder, name, given)
    return builder


def _step(builder: Any, name: str, given: list[Any]) -> Any:
    if name in PLAIN:
        return getattr(builder, name)(*given)
    if name in JOINED:
        return getattr(builder, JOINED[name])(given[0], ",".join(given[1]))
    if name in RANGES:
        return getattr(builder, name)(given[0], tuple(given[1]))
    if name in BY_HAND:
        return builder.filter(given[0], BY_HAND[name], str(given[1]))
    return WORDS[name](builder, *given)


def _search(builder: Any, column: str, text: str, kind: str | None, language: str | None) -> Any:
    options = {"type": SEARCHES.get(kind or ""), "config": language}
    return builder.text_search(column, text, options)


def _not(builder: Any, column: str, operator: str, value: Any) -> Any:
    said = "null" if value is None else str(value)
    return builder.not_.filter(column, operator, said)


def _order(builder: Any, column: str, options: Mapping[str, Any]) -> Any:
    return builder.order(
        column,
        desc=options.get("descending", False),
        nullsfirst=options.get("nulls_first"),
        foreign_table=options.get("in"),
    )


WORDS = {
    "in": lambda builder, column, values: builder.in_(column, values),
    "not_in": lambda builder, column, values: builder.not_.in_(column, values),
    "is": lambda builder, column, value: builder.is_(column, value),
    "or": lambda builder, tree, inside=None: builder.or_(tree, reference_table=inside),
    "limit": lambda builder, size, inside=None: builder.limit(size, foreign_table=inside),
    "range": lambda builder, first, last, inside=None: builder.range(first, last, inside),
    "not": _not,
    "order": _order,
    "search": _search,
}
