"""The query string: what varies in it taken out, and what is left of it read into a tree.

    split  pairs -> (shape, values)   for every request
    parse  shape -> Query             once for all requests of one shape
    read   pairs -> (Query, values)   both; its errors quote what the user wrote

Where a key comes again: filters are joined by `and`; of `select`, `order`, `columns` and
`on_conflict` the first counts, of `limit` and `offset` the last, as in PostgREST.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agon.kernel.errors import Refused, refuse
from agon.rest.conditions import read_operation, read_tree, split_operation, split_tree
from agon.rest.lexer import (
    VALUE,
    Source,
    Tally,
    read_name_as_written,
    read_path,
)
from agon.rest.selection import read_names, read_order, read_select
from agon.rest.tree import (
    Condition,
    Field,
    Logic,
    Order,
    Path,
    Query,
    Slot,
)

Pair = tuple[str, str]
Shape = tuple[Pair, ...]
"""The pairs of a query string, VALUE in place of each value of the user."""

ARGUMENT = "=" + VALUE
"""The template of an argument of an rpc by GET. No filter's begins with `=`."""

_KINDS = {
    "select": "select",
    "columns": "columns",
    "on_conflict": "on_conflict",
    "order": "order",
    "limit": "limit",
    "offset": "offset",
    "and": "tree",
    "or": "tree",
}
_EMBEDDABLE = frozenset(("order", "limit", "offset", "tree"))


def split(pairs: Sequence[Pair], *, call: bool = False) -> tuple[Shape, list[str]]:
    """Takes the values out of the decoded pairs of a query string.

    `("id", "in.(1,2)")` becomes `("id", "in.␀")` and the value `(1,2)`. What does not parse is left
    as it is, for `parse` to refuse. call: of an rpc by GET; a pair that is no filter is an
    argument, `("a", "=␀")`. Raises Refused (PGRST100) for a NUL, which Postgres cannot hold.
    """
    shape: list[Pair] = []
    values: list[str] = []
    for key, text in pairs:
        if VALUE in text or VALUE in key:
            raise refuse("PGRST100", "A query string cannot hold the character U+0000.")
        kind = _KINDS.get(key) or (_kind_of(key) if "." in key else None)
        if kind is None:
            if found := split_operation(text):
                text, value = found
                if value is not None:
                    values.append(value)
            elif call:
                values.append(text)
                text = ARGUMENT
        elif kind == "limit" or kind == "offset":
            values.append(text)
            text = VALUE
        elif kind == "tree":
            text = split_tree(text, values)
        shape.append((key, text))
    return tuple(shape), values


def _kind_of(key: str) -> str | None:
    """Of a key with dots. Only what may stand in an embed keeps its meaning there."""
    kind = _KINDS.get(key.rpartition(".")[2])
    return kind if kind in _EMBEDDABLE else None


def parse(shape: Shape, *, call: bool = False) -> Query:
    """The tree of a shape; slots are numbered in the order of VALUE in it.

    Raises Refused (PGRST100). Its message quotes the template; `read` quotes the text.
    """
    return _Reading(call=call, templated=True).read(shape)


def read(pairs: Sequence[Pair], *, call: bool = False) -> tuple[Query, list[str]]:
    """`split` and `parse`. Raises Refused (PGRST100), in PostgREST's words."""
    shape, values = split(pairs, call=call)
    try:
        return parse(shape, call=call), values
    except Refused:
        _Reading(call=call, templated=False).read(pairs)
        raise


class _Reading:
    """A query in the making. templated: of a shape, not of what the user wrote."""

    def __init__(self, *, call: bool, templated: bool):
        self.call = call
        self.templated = templated
        self.tally = Tally()
        self.lists: dict[str, Any] = {}
        self.filters: list[tuple[Path, Condition | Logic]] = []
        self.orders: dict[Path, tuple[Order, ...]] = {}
        self.bounds: dict[str, dict[Path, Slot]] = {"limit": {}, "offset": {}}
        self.arguments: list[tuple[str, Slot]] = []

    def read(self, pairs: Sequence[Pair]) -> Query:
        for key, text in pairs:
            kind = _KINDS.get(key) or (_kind_of(key) if "." in key else None)
            if kind is None:
                self._read_filter(key, text)
            elif kind == "tree":
                self._read_tree(key, text)
            elif kind in _LISTS:
                found = _LISTS[kind](self._source(f"{kind} parameter", text))
                self.lists.setdefault(kind, found)
            elif kind == "order":
                terms = read_order(self._source("order", text))
                self.orders.setdefault(self._read_path(key), terms)
            else:
                self.bounds[kind][self._read_path(key)] = self.tally.next_slot()
        return Query(
            select=self.lists.get("select", Query().select),
            filters=tuple(self.filters),
            orders=tuple(self.orders.items()),
            limits=tuple(self.bounds["limit"].items()),
            offsets=tuple(self.bounds["offset"].items()),
            columns=self.lists.get("columns"),
            on_conflict=self.lists.get("on_conflict"),
            arguments=tuple(self.arguments),
        )

    def _source(self, claim: str, text: str, lead: int = 0) -> Source:
        return Source(f"failed to parse {claim}", text, self.tally, self.templated, lead)

    def _read_filter(self, key: str, text: str) -> None:
        source = self._source("tree path", key)
        source.count()
        names = _read_names(source)
        path = read_path(source)
        if not source.ended():
            raise source.fail('"->>", "->", delimiter (.) or end of input')
        *embeds, (name, _) = names
        if self.call and self._is_argument(text):
            if embeds or path:
                raise source.refuse("An argument's name has neither dots nor arrows")
            self.arguments.append((name, self.tally.next_slot()))
            return
        condition = read_operation(self._source("filter", text), Field(name, path))
        self.filters.append((tuple(embed for embed, _ in embeds), condition))

    def _is_argument(self, text: str) -> bool:
        return text == ARGUMENT if self.templated else split_operation(text) is None

    def _read_tree(self, key: str, text: str) -> None:
        names = _read_names(source := self._source("logic path", key))
        if not source.ended():
            raise source.fail("delimiter (.) or end of input")
        *embeds, (operator, _) = names
        path = tuple(name for name, quoted in embeds if quoted or name != "not")
        negated = len(path) < len(embeds)
        # PostgREST counts columns from the operator on.
        lead = len(operator) + (len("not.") if negated else 0)
        source = self._source("logic tree", text, lead)
        self.filters.append((path, read_tree(source, operator=operator, negated=negated)))

    def _read_path(self, key: str) -> Path:
        """The embeds that a key such as `a.b.limit` names."""
        if "." not in key:
            return ()
        names = _read_names(source := self._source("tree path", key))
        if not source.ended():
            raise source.fail("delimiter (.) or end of input")
        return tuple(name for name, _ in names[:-1])


_LISTS: dict[str, Callable[[Source], Any]] = {
    "select": read_select,
    "columns": read_names,
    "on_conflict": read_names,
}


def _read_names(source: Source) -> list[tuple[str, bool]]:
    """Names with dots between them, each with whether it was quoted."""
    names = [read_name_as_written(source)]
    while source.skip("."):
        names.append(read_name_as_written(source))
        source.count()
    return names
