"""Fields, filters and orders in SQL. Every value becomes a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agon.rest.ask import Form, Param
from agon.rest.catalogue import Column, Table
from agon.rest.quoting import identifier, literal
from agon.rest.tree import Condition, Field, Logic, Order, Slot

JSON_TYPES = ("json", "jsonb")
TEXT_SEARCH_TYPE = "tsvector"

OPERATORS = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
    "isdistinct": "is distinct from",
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
    "sl": "<<",
    "sr": ">>",
    "nxr": "&<",
    "nxl": "&>",
    "adj": "-|-",
}
TEXT_SEARCHES = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}
PATTERNS = ("like", "ilike")


@dataclass(slots=True)
class Params:
    """The parameters of a statement, numbered as they are bound."""

    bound: list[Param] = field(default_factory=list)

    def bind(self, param: Param) -> str:
        self.bound.append(param)
        return f"${len(self.bound)}"

    def slot(self, slot: Slot, form: Form = "text") -> str:
        return self.bind(Param(form=form, slot=slot.index))


def expression(alias: str, table: Table | None, wanted: Field, *, compared: bool = False) -> str:
    """A field of the rows that are called `alias`. compared: as jsonb where it is json, which has
    no comparison."""
    sql = f"{identifier(alias)}.{identifier(wanted.name)}"
    if not wanted.path:
        return sql
    column = _column(table, wanted.name)
    base = column.base if column else ""
    if base not in JSON_TYPES or (compared and base == "json"):
        sql = f"to_jsonb({sql})"
    for step in wanted.path:
        key = str(step.key) if isinstance(step.key, int) else literal(step.key)
        sql += f" {'->>' if step.as_text else '->'} {key}"
    return f"({sql})"


def filter_sql(
    part: Condition | Logic, one: Callable[[Condition], str], *, outermost: bool = True
) -> str:
    """A tree of conditions. one: what a single condition becomes."""
    if isinstance(part, Condition):
        return one(part)
    inner = f" {part.operator} ".join(filter_sql(each, one, outermost=False) for each in part.parts)
    if part.negated:
        return f"not ({inner})"
    return inner if outermost and part.operator == "and" else f"({inner})"


def condition_sql(params: Params, alias: str, table: Table | None, wanted: Condition) -> str:
    """One filter on a column of `alias`."""
    left = expression(alias, table, wanted.field, compared=True)
    column = _column(table, wanted.field.name)
    if isinstance(wanted.value, str):
        sql = f"{left} is {wanted.value.replace('_', ' ')}"
    elif wanted.operator in TEXT_SEARCHES:
        sql = _text_search(params, left, column, wanted, wanted.value)
    else:
        sql = _comparison(params, left, column, wanted, wanted.value)
    return f"not ({sql})" if wanted.negated else sql


def order_sql(term: Order, left: str) -> str:
    """One term of an order, of an expression."""
    way = {None: "", True: " desc", False: " asc"}[term.descending]
    return left + way + (f" nulls {term.nulls}" if term.nulls else "")


def _column(table: Table | None, name: str) -> Column | None:
    """The stored column; None for a computed one, or where no relation describes the rows."""
    return table.columns.get(name) if table else None


def _comparison(
    params: Params, left: str, column: Column | None, wanted: Condition, value: Slot
) -> str:
    form: Form = "pattern" if wanted.operator in PATTERNS else "text"
    reader = column.representation.from_text if column and column.representation else None
    if wanted.field.path:
        reader = None
    if wanted.operator == "in":
        right = params.slot(value, "list")
        if reader:
            return f"{left} = any(select {reader}(v) from unnest({right}::text[]) as v)"
        return f"{left} = any({right})"
    operator = OPERATORS[wanted.operator]
    right = params.slot(value, form)
    if wanted.quantifier:
        return f"{left} {operator} {wanted.quantifier}({right})"
    return f"{left} {operator} {reader}({right})" if reader else f"{left} {operator} {right}"


def _text_search(
    params: Params, left: str, column: Column | None, wanted: Condition, value: Slot
) -> str:
    language = f"{literal(wanted.language)}, " if wanted.language else ""
    is_vector = column is not None and column.base == TEXT_SEARCH_TYPE and not wanted.field.path
    vector = left if is_vector else f"to_tsvector({language}{left})"
    return f"{vector} @@ {TEXT_SEARCHES[wanted.operator]}({language}{params.slot(value)})"
