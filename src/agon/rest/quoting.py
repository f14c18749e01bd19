"""Names and types in SQL. Values never stand there: they are bound."""

from __future__ import annotations

import re

from agon.kernel.errors import refuse
from agon.rest.catalogue import Name

_TYPE = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]*(?: [A-Za-z_][A-Za-z0-9_]*){0,3}"
    r"(?:\.[A-Za-z_][A-Za-z0-9_]*)?(?:\(\d{1,5}(?:,\d{1,5})?\))?(?: [a-z ]{1,20})?(?:\[\]){0,6}"
)


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
    if not _TYPE.fullmatch(name):
        raise refuse(
            "PGRST100",
            f'"failed to parse select parameter (::{text[:60]})" (line 1, column 1)',
            details="unexpected cast: a type's name is expected",
        )
    return name
