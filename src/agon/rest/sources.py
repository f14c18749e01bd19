"""Reading from rows that a part of the statement has made already: what a change returns, what a
function gave, or the page of a table whose embeds are then looked up for that page alone."""

from __future__ import annotations

from dataclasses import replace

from agon.rest.quoting import identifier, qualified
from agon.rest.reading import Reading, tests_embed
from agon.rest.resolved import Node, leaves
from agon.rest.tree import Field, Pick

SOURCE = "agon_source"
"""What a `with` of a statement is called."""
WHOLE = "agon_whole"
"""The column of made rows with the whole row, for computed relationships."""


def columns(node: Node, *, filtered: bool = False) -> str:
    """What made rows must have so that a node can be read from them: what is picked, ordered by
    and joined on. For `select` and `returning`. filtered: the node's filters are applied later,
    so their columns are needed, too."""
    names = [pick.field.name for pick in node.picks if pick.field is not None]
    if filtered:
        asked = (leaf.field.name for leaf in leaves(node))
        names += [name for name in asked if node.child(name) is None]
    names += [term.field.name for term in node.order if term.relation is None]
    for child in node.children:
        junction = child.relationship.junction
        pairs = junction.source_columns if junction else child.relationship.columns
        names += [here for here, _ in pairs]
    alias = identifier(node.alias)
    made = []
    if "*" in names:
        stored = node.table.columns if node.table else {}
        names = [name for name in names if name != "*" and name not in stored]
        made.append(f"{alias}.*")
    made += [f"{alias}.{identifier(name)} as {identifier(name)}" for name in dict.fromkeys(names)]
    if _needs_whole(node) and node.table is not None:
        row_type = qualified((node.table.schema, node.table.name))
        made.append(f"row({alias}.*)::{row_type} as {WHOLE}")
    return ", ".join(made) or "1 as nothing"


def read(reading: Reading, node: Node, source: str) -> str:
    """A node read from made rows. source: their name, or a select in brackets."""
    alias = identifier(node.alias)
    if _needs_whole(node):
        # The whole row is there for the join, not for the answer.
        reading.rows[node.alias] = f"{alias}.{WHOLE}"
        node = replace(
            node, items=tuple(each for item in node.items for each in _named(node, item))
        )
    return reading.select(node, f"{source} as {alias}")


def page_first(reading: Reading, node: Node, source: str) -> str:
    """A whole read, its page included. Where no embed decides which rows there are, the page is
    taken first, so that embeds are looked up for its rows and no others."""
    if not _pages_first(node):
        return reading.select(node, source) + reading.page(node, cap=True)
    bare = replace(node, items=())
    page = reading.select(bare, source, columns=columns(node)) + reading.page(node, cap=True)
    return read(reading, replace(node, where=(), limit=None, offset=None), f"({page})")


def _pages_first(node: Node) -> bool:
    if not node.children or any(child.inner for child in node.children):
        return False
    if any(pick.aggregate for pick in node.picks) or any(child.spread for child in node.children):
        return False
    return not tests_embed(node) and all(term.relation is None for term in node.order)


def _needs_whole(node: Node) -> bool:
    return any(child.relationship.function for child in node.children)


def _named(node: Node, item: object) -> tuple:
    if isinstance(item, Pick) and item.field is not None and item.field.name == "*":
        names = node.table.columns if node.table else ()
        return tuple(Pick(field=Field(name)) for name in names)
    return (item,)
