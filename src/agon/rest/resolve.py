"""Resolving a query: each embed to its relationship, each filter, order and limit to its embed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from agon.kernel.errors import refuse
from agon.rest import nearest, relations
from agon.rest.catalogue import Catalogue, Table
from agon.rest.resolved import Child, Node, leaves
from agon.rest.tree import Embed, Order, Path, Pick, Query, Slot

UNDEFINED_COLUMN = "42703"
ROW_FUNCTIONS = ("count",)
"""`select=count` is a habit of clients; it reveals no more than a count that they may ask for."""
EMBEDS_MAX = 64
"""Postgres takes time to plan joins: hundreds of them take seconds."""
NAME_BYTES_MAX = 63
"""Postgres's identifiers; longer aliases would be cut, and could then be equal."""


@dataclass(slots=True, kw_only=True)
class _Resolving:
    catalogue: Catalogue
    query: Query
    aggregates: bool
    schema: str
    columns: Collection[str]
    taken: set[str] = field(default_factory=set)
    paths: set[Path] = field(default_factory=lambda: {()})

    def alias(self, wanted: str) -> str:
        """A name that nothing in the statement has yet."""
        name, number = wanted, 0
        while name in self.taken:
            number += 1
            name = f"{wanted.encode()[: NAME_BYTES_MAX - 8].decode(errors='ignore')}_{number}"
        self.taken.add(name)
        return name


def table_of(catalogue: Catalogue, schema: str, name: str) -> Table:
    """A relation of the schema. Raises Refused PGRST205 (404)."""
    table = catalogue.tables.get((schema, name))
    if table is None:
        raise refuse(
            "PGRST205",
            f"Could not find the table '{schema}.{name}' in the schema cache",
            hint=nearest.table_hint(catalogue, schema, name),
            status=404,
        )
    return table


def resolve(
    catalogue: Catalogue,
    query: Query,
    *,
    schema: str,
    root: str,
    table: Table | None,
    aggregates: bool,
    columns: Collection[str] = (),
) -> Node:
    """The tree of relations that a query reads, from the root down.

    root: the alias of the root; table: what describes its rows; columns: theirs, where table is
    None. Raises Refused PGRST108, 118, 123, 127, 200, 201, and 42703 for what is no column.
    """
    work = _Resolving(
        catalogue=catalogue, query=query, aggregates=aggregates, schema=schema, columns=columns
    )
    # An empty `select=` is no wish for rows without columns.
    node = _node(work, table, root, query.select or Query().select, ())
    for part in (query.filters, query.orders, query.limits, query.offsets):
        for path, _ in part:
            if path not in work.paths:
                raise _not_embedded(path)
    return node


def _node(
    work: _Resolving, table: Table | None, wanted: str, select: Iterable[Pick | Embed], path: Path
) -> Node:
    alias = work.alias(wanted)
    items: list[Pick | Child] = []
    for item in select:
        if isinstance(item, Embed):
            items.append(_child(work, table, item, path))
        else:
            if item.aggregate and not work.aggregates:
                raise refuse("PGRST123", "Use of aggregate functions is not allowed", status=400)
            items.append(item)
    node = Node(
        alias=alias,
        table=table,
        items=tuple(items),
        where=tuple(_of(work.query.filters, path)),
        order=_joined(_of(work.query.orders, path)),
        limit=_last(_of(work.query.limits, path)),
        offset=_last(_of(work.query.offsets, path)),
    )
    for term in node.order:
        _check_related(work, node, term)
    _check_names(work, node)
    return node


def _check_names(work: _Resolving, node: Node) -> None:
    names = [pick.field.name for pick in node.picks if pick.field is not None]
    names += [term.field.name for term in node.order if term.relation is None]
    names += [leaf.field.name for leaf in leaves(node) if node.child(leaf.field.name) is None]
    for name in names:
        if name != "*":
            _check_name(work, node.alias, node.table, name)


def _check_name(work: _Resolving, alias: str, table: Table | None, name: str) -> None:
    """Postgres takes any function for a column of the rows that it can be called with, aggregates
    too; a request may only name those that were made for it."""
    known: Collection[str] = table.columns if table else work.columns
    computed = work.catalogue.computed.get((table.schema, table.name), ()) if table else ()
    if name in known or name in computed or (table is not None and name in ROW_FUNCTIONS):
        return
    near = nearest.nearest(name, known)
    shown = table.name if table else alias
    raise refuse(
        UNDEFINED_COLUMN,
        f"column {shown}.{name} does not exist",
        hint=f'Perhaps you meant to reference the column "{shown}.{near}".' if near else None,
        status=400,
    )


def _child(work: _Resolving, table: Table | None, embed: Embed, path: Path) -> Child:
    if table is None:
        raise refuse(
            "PGRST200",
            f"Could not find a relationship between the result and '{embed.target}' in the schema"
            " cache",
            details="Only rows of a table or view have relationships.",
            status=400,
        )
    if len(work.taken) > 2 * EMBEDS_MAX:  # each has two aliases
        raise refuse(
            "PGRST100",
            f"A request has at most {EMBEDS_MAX} embeds.",
            hint="Ask for the rest in a request of its own.",
        )
    source = (table.schema, table.name)
    relationship = relations.find(work.catalogue, source, embed.target, embed.hint)
    inside = (*path, embed.name)
    work.paths.add(inside)
    target = work.catalogue.tables.get(relationship.target)
    joined = work.alias(f"{table.name}_{embed.name}"[:40])
    node = _node(work, target, relationship.target[1], embed.select, inside)
    if embed.spread and not relationship.to_one and any(pick.aggregate for pick in node.picks):
        raise refuse(
            "PGRST127",
            "Feature not implemented",
            details="Aggregates are not implemented for one-to-many or many-to-many spreads.",
            status=400,
        )
    return Child(
        name=embed.name,
        node=node,
        joined=joined,
        relationship=relationship,
        inner=embed.join == "inner",
        spread=embed.spread,
    )


def _check_related(work: _Resolving, node: Node, term: Order) -> None:
    if term.relation is None:
        return
    child = node.child(term.relation)
    if child is None:
        raise _not_embedded((term.relation,))
    if not child.to_one:
        source, target = child.relationship.source[1], child.name
        raise refuse(
            "PGRST118",
            f"A related order on '{target}' is not possible",
            details=f"'{source}' and '{target}' do not form a many-to-one or one-to-one"
            " relationship",
            status=400,
        )
    _check_name(work, child.node.alias, child.node.table, term.field.name)


def _of(parts: Iterable[tuple[Path, Any]], path: Path) -> list[Any]:
    return [part for where, part in parts if where == path]


def _joined(parts: Iterable[tuple[Order, ...]]) -> tuple[Order, ...]:
    return tuple(term for part in parts for term in part)


def _last(parts: list[Slot]) -> Slot | None:
    return parts[-1] if parts else None


def _not_embedded(path: Path) -> Exception:
    name = path[-1]
    return refuse(
        "PGRST108",
        f"'{name}' is not an embedded resource in this request",
        hint=f"Verify that '{name}' is included in the 'select' query parameter.",
        status=400,
    )
