"""A query resolved against the schema cache: what each embed is, and where each filter belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agon.rest.catalogue import Relationship, Table
from agon.rest.tree import Condition, Logic, Order, Pick, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One relation of a read. alias: its name in SQL, used once in the statement; table: None for
    rows that no relation describes; items: columns and embeds in the order of the answer."""

    alias: str
    table: Table | None
    items: tuple[Pick | Child, ...]
    where: tuple[Condition | Logic, ...] = ()
    order: tuple[Order, ...] = ()
    limit: Slot | None = None
    offset: Slot | None = None

    @property
    def picks(self) -> tuple[Pick, ...]:
        return tuple(item for item in self.items if isinstance(item, Pick))

    @property
    def children(self) -> tuple[Child, ...]:
        return tuple(item for item in self.items if isinstance(item, Child))

    def child(self, name: str) -> Child | None:
        """The embed that a filter or an order calls so."""
        return next((child for child in self.children if child.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """An embed. name: what it is called in the answer; joined: the alias of what it is joined as;
    inner: rows of the parent without it are left out."""

    name: str
    node: Node
    joined: str
    relationship: Relationship
    inner: bool = False
    spread: bool = False

    @property
    def to_one(self) -> bool:
        return self.relationship.to_one

    @property
    def shown(self) -> bool:
        """Whether the answer has anything of it; `rel()` is there for its filters alone."""
        return bool(self.node.items)


def leaves(node: Node) -> Iterator[Condition]:
    """The single conditions of a node's filters."""
    parts = list(node.where)
    while parts:
        part = parts.pop(0)
        if isinstance(part, Condition):
            yield part
        else:
            parts[:0] = part.parts
