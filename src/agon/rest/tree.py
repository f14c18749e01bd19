"""What a request says, as values: the tree that `grammar` reads and `plan` resolves.

No value of a user stands in a tree. Where one would stand, there is a `Slot`: its number in the
list of values that came with the request. So all requests of one shape share one tree, one plan
and one prepared statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Path = tuple[str, ...]
"""Aliases or names of embeds from the root down; () is the root."""

Quantifier = Literal["any", "all"]
Aggregate = Literal["sum", "avg", "max", "min", "count"]


@dataclass(frozen=True, slots=True)
class Slot:
    """The value number `index` of the request."""

    index: int


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow of a JSON path. as_text: `->>`; key: a member's name, or an array's index."""

    key: str | int
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A column, and a path into it."""

    name: str
    path: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One filter. operator: as written (`eq`, `like`, `in`, `is`, `fts`, …); language: of `fts`
    and its kin; value: a slot, but for `is`, whose word (lower case) is part of the shape."""

    field: Field
    operator: str
    value: Slot | str
    negated: bool = False
    quantifier: Quantifier | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic:
    """Conditions joined by `and` or `or`."""

    operator: Literal["and", "or"]
    parts: tuple[Condition | Logic, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One term of an order. relation: for `rel(col)`, the to-one embed that the field is in."""

    field: Field
    relation: str | None = None
    descending: bool | None = None
    nulls: Literal["first", "last"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A column of the answer. field: name `*` for all columns, and None for a bare `count()`;
    cast: before the aggregate if there is one; aggregate_cast: after it."""

    field: Field | None
    alias: str | None = None
    cast: str | None = None
    aggregate: Aggregate | None = None
    aggregate_cast: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Embed:
    """Rows of another relation inside each row. target, hint: as written; spread: `...rel(…)`."""

    target: str
    select: tuple[Pick | Embed, ...]
    alias: str | None = None
    hint: str | None = None
    join: Literal["inner", "left"] | None = None
    spread: bool = False

    @property
    def name(self) -> str:
        """What paths and the answer call it."""
        return self.alias or self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query string. filters, orders, limits and offsets name the embed that they belong to.

    arguments: of an rpc by GET, in order, a name may come again (VARIADIC); columns, on_conflict:
    None where they were not sent.
    """

    select: tuple[Pick | Embed, ...] = (Pick(field=Field("*")),)
    filters: tuple[tuple[Path, Condition | Logic], ...] = ()
    orders: tuple[tuple[Path, tuple[Order, ...]], ...] = ()
    limits: tuple[tuple[Path, Slot], ...] = ()
    offsets: tuple[tuple[Path, Slot], ...] = ()
    columns: tuple[str, ...] | None = None
    on_conflict: tuple[str, ...] | None = None
    arguments: tuple[tuple[str, Slot], ...] = field(default=())
