"""Names and types in SQL. Values never stand there: they are bound."""

from __future__ import annotations

import re

from agon.kernel.errors import refuse
from agon.rest.catalogue import Name

AGGREGATES = "sum|avg|max|min|count"
_WORD = r"[A-Za-z_][A-Za-z0-9_]*+"
TYPE = (
    # Types of several words are named one by one, so that no SQL can be written as a type.
    r"(?:(?i:double precision|character varying|bit varying"
    r"|(?:timestamp|time)(?:\([0-9]\))?+ with(?:out)?+ time zone"
    rf"|{_WORD}(?:\.(?!(?:{AGGREGATES})\(\)){_WORD})?+)"
    r"(?:\([0-9]{1,4}+(?:, ?-?[0-9]{1,4}+)?+\))?+"
    r"(?:\[[0-9]{0,4}+\]){0,6}+)"
)
"""A type's name in a cast, as a pattern: the grammar reads it, and SQL takes nothing else."""
_TYPE = re.compile(TYPE)
PSEUDO_TYPES = frozenset(
    ("any", "anyarray", "anyelement", "cstring", "internal", "record", "unknown")
)
"""Nothing can be cast to these; for some of them Postgres has no better word than a bug."""


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(name: Name) -> str:
    """A quoted identifier with its schema."""
    return f"{identifier(name[0])}.{identifier(name[1])}"


def literal(text: str) -> str:
    """A quoted literal, for what is part of a request's shape, such as the keys of a JSON path."""
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def type_name(text: str) -> str:
    """The type of a cast, as it was written. Raises Refused PGRST100 for what is no type's name."""
    name = text.strip()
    if not _TYPE.fullmatch(name) or name.partition("[")[0].lower() in PSEUDO_TYPES:
        raise refuse(
            "PGRST100",
            f'"failed to parse select parameter (::{text[:60]})" (line 1, column 1)',
            details="unexpected cast: a type's name is expected",
        )
    return name
