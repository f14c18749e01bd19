"""A tree and its values as a query string again: the inverse of `grammar.read`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agon.rest.tree import (
    Condition,
    Embed,
    Field,
    Logic,
    Order,
    Path,
    Pick,
    Query,
    Slot,
)

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_VALUE = re.compile(r"[\w.:*%@+-]+")
_KEYWORDS = frozenset(
    (
        "select",
        "columns",
        "on_conflict",
        "order",
        "limit",
        "offset",
        "and",
        "or",
        "not",
        "count",
        "inner",
        "left",
    )
)

Pair = tuple[str, str]


def print_query(query: Query, values: Sequence[str]) -> list[Pair]:
    """Decoded pairs for which `read` answers with the same tree and values.

    Of slots, each has to be used once, in their order; so they are in what `read` made.
    """
    pairs: list[Pair] = []
    if query.select != Query().select:
        pairs.append(("select", ",".join(map(_item, query.select))))
    if query.columns is not None:
        pairs.append(("columns", ",".join(map(_name, query.columns))))
    if query.on_conflict is not None:
        pairs.append(("on_conflict", ",".join(map(_name, query.on_conflict))))
    for path, terms in query.orders:
        pairs.append((_key(path, "order"), ",".join(map(_term, terms))))
    return pairs + _print_slotted(query, values)


def _print_slotted(query: Query, values: Sequence[str]) -> list[Pair]:
    """What holds values, in the order of the slots; a filter without one follows the filter before
    it."""
    placed: list[tuple[int, Pair]] = []
    last = -1
    for path, condition in query.filters:
        last = max([last, *_slots(condition)])
        placed.append((last, _filter(path, condition, values)))
    for word, bounds in (("limit", query.limits), ("offset", query.offsets)):
        placed += [(slot.index, (_key(path, word), values[slot.index])) for path, slot in bounds]
    placed += [(slot.index, (_name(name), values[slot.index])) for name, slot in query.arguments]
    return [pair for _, pair in sorted(placed, key=lambda each: each[0])]


def _slots(condition: Condition | Logic) -> Iterator[int]:
    if isinstance(condition, Logic):
        for part in condition.parts:
            yield from _slots(part)
    elif isinstance(condition.value, Slot):
        yield condition.value.index


def _filter(path: Path, condition: Condition | Logic, values: Sequence[str]) -> Pair:
    if isinstance(condition, Condition):
        key = ".".join([*map(_name, path), _field(condition.field)])
        return key, _operation(condition, _value(condition, values))
    operator = ("not." if condition.negated else "") + condition.operator
    return _key(path, operator), _parts(condition, values)


def _parts(logic: Logic, values: Sequence[str]) -> str:
    return "(" + ",".join(_part(part, values) for part in logic.parts) + ")"


def _part(part: Condition | Logic, values: Sequence[str]) -> str:
    if isinstance(part, Logic):
        return ("not." if part.negated else "") + part.operator + _parts(part, values)
    value = _value(part, values)
    if part.operator not in ("in", "is") and not _PLAIN_VALUE.fullmatch(value):
        value = _quoted(value)
    return _field(part.field) + "." + _operation(part, value)


def _value(condition: Condition, values: Sequence[str]) -> str:
    value = condition.value
    return values[value.index] if isinstance(value, Slot) else value


def _operation(condition: Condition, value: str) -> str:
    option = condition.quantifier or condition.language
    return (
        ("not." if condition.negated else "")
        + condition.operator
        + (f"({option})" if option else "")
        + f".{value}"
    )


def _item(item: Pick | Embed) -> str:
    alias = f"{_name(item.alias)}:" if item.alias else ""
    if isinstance(item, Pick):
        return alias + _pick(item)
    hint = f"!{_name(item.hint)}" if item.hint else ""
    join = f"!{item.join}" if item.join else ""
    items = ",".join(map(_item, item.select))
    return f"{'...' if item.spread else alias}{_name(item.target)}{hint}{join}({items})"


def _pick(pick: Pick) -> str:
    aggregate_cast = f"::{pick.aggregate_cast}" if pick.aggregate_cast else ""
    if pick.field is None:
        return "count()" + aggregate_cast
    if pick.field == Field("*"):
        return "*"
    cast = f"::{pick.cast}" if pick.cast else ""
    aggregate = f".{pick.aggregate}()" if pick.aggregate else ""
    return _field(pick.field) + cast + aggregate + aggregate_cast


def _term(term: Order) -> str:
    field = _field(term.field)
    direction = {None: "", True: ".desc", False: ".asc"}[term.descending]
    nulls = f".nulls{term.nulls}" if term.nulls else ""
    return (f"{_name(term.relation)}({field})" if term.relation else field) + direction + nulls


def _key(path: Path, word: str) -> str:
    return ".".join([*map(_name, path), word])


def _field(field: Field) -> str:
    steps = (("->>" if step.as_text else "->") + _step(step.key) for step in field.path)
    return _name(field.name) + "".join(steps)


def _step(key: str | int) -> str:
    return str(key) if isinstance(key, int) or _PLAIN.fullmatch(key) else _quoted(key)


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in _KEYWORDS else _quoted(name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
