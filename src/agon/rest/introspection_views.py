"""Which columns a view shows, read from the query that Postgres stored for it.

A stored query is a text of nested nodes: `({QUERY … :targetList ({TARGETENTRY … :resno 1 … })})`.
Names in it have their brackets escaped with a backslash. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\\.|[({]|[)}]|:(resno|resorigtbl|resorigcol) (\d+)")
ENTRY_DEPTH = 4
"""List of queries, query, list of targets, target."""


def shown_columns(tree: str) -> Iterator[tuple[int, int, int]]:
    """(number of the view's column, oid of the relation it shows, number of that one's column)
    for each column that shows one as it is."""
    depth = 0
    entry: dict[str, int] = {}
    for token in _TOKEN.finditer(tree):
        text = token[0]
        if text in "({":
            depth += 1
        elif text in ")}":
            if depth == ENTRY_DEPTH and entry.get("resorigtbl"):
                yield entry["resno"], entry["resorigtbl"], entry["resorigcol"]
            if depth == ENTRY_DEPTH:
                entry = {}
            depth -= 1
        elif depth == ENTRY_DEPTH and token[1]:
            entry[token[1]] = int(token[2])
