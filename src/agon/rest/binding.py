"""From the values of a request to the bytes that Postgres is sent, in its text format."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agon.kernel.errors import Refused, refuse
from agon.rest.ask import Param

BIGINT_MAX = 2**63 - 1
"""What a larger offset is taken for; no table reaches it."""
BIGINT_DIGITS = 19

_WHOLE = re.compile(r"\s*([+-]?)([0-9]+)\s*", re.ASCII)
_ELEMENT = re.compile(
    # A quote that does not end the element belongs to it.
    r'(?:[ \t]*+"((?:[^"\\]|\\.)*+)"[ \t]*+(?=,|\Z)|([^,)]*+))(,|\Z)',
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def bind(
    params: Sequence[Param], values: Sequence[str], body: bytes | None, rows_max: int
) -> list[bytes | None]:
    """The parameters of a statement, in order. rows_max: the most rows that a `limit` may ask for.

    Raises Refused: PGRST100 (400) for a malformed list or number, PGRST103 (416) for a negative
    one.
    """
    bound: list[bytes | None] = []
    try:
        for param in params:
            form, slot = param.form, param.slot
            if form == "text":
                bound.append(None if slot is None else values[slot].encode())
            elif form == "pattern":
                bound.append(values[slot].replace("*", "%").encode())  # type: ignore[index]
            elif form == "list":
                bound.append(array_literal(values[slot]).encode())  # type: ignore[index]
            elif form == "limit":
                limit = rows_max if slot is None else whole_number(values[slot], "limit")
                bound.append(b"%d" % min(limit, rows_max))
            elif form == "offset":
                offset = 0 if slot is None else whole_number(values[slot], "offset")
                bound.append(b"%d" % min(offset, BIGINT_MAX))
            elif form == "body":
                bound.append(body)
            else:
                bound.append(None if param.value is None else param.value.encode())
    except UnicodeEncodeError as error:
        raise refuse("PGRST100", "A value is no valid UTF-8 text.") from error
    return bound


def whole_number(text: str, name: str) -> int:
    """A `limit` or `offset`; more digits than a bigint has are taken for BIGINT_MAX.

    Raises Refused: PGRST100 (400) where it is no number, PGRST103 (416) where it is negative.
    """
    if text.isascii() and text.isdigit() and len(text) < BIGINT_DIGITS:
        return int(text)
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise refuse(
            "PGRST100",
            f'"failed to parse {name} ({text[:100]})" (line 1, column 1)',
            details="expecting a whole number",
        )
    sign, digits = match.groups()
    digits = digits.lstrip("0") or "0"
    if sign == "-" and digits != "0":
        raise refuse(
            "PGRST103",
            "Requested range not satisfiable",
            details=f"{name.capitalize()} should be greater than or equal to zero.",
            status=416,
        )
    return min(int(digits), BIGINT_MAX) if len(digits) <= BIGINT_DIGITS else BIGINT_MAX


def array_literal(text: str) -> str:
    """`(1,"b,c")` as Postgres writes an array: `{"1","b,c"}`; `()` is `{}`.

    Raises Refused (PGRST100) where the text is no such list.
    """
    outer = text.strip(" \t")
    inner = outer[1:-1].lstrip(" \t")
    if len(outer) < 2 or outer[0] != "(" or outer[-1] != ")":
        raise _list_malformed(text)
    if not inner:
        return "{}"
    if '"' not in inner and "\\" not in inner:
        if ")" in inner:
            raise _list_malformed(text)
        return '{"' + inner.replace(",", '","') + '"}'
    return '{"' + '","'.join(map(_escape, _elements(text, inner))) + '"}'


def _elements(text: str, inner: str) -> list[str]:
    elements, at = [], 0
    while True:
        match = _ELEMENT.match(inner, at)
        if match is None:
            raise _list_malformed(text)
        quoted, bare, comma = match.groups()
        elements.append(bare if quoted is None else _ESCAPED.sub(r"\1", quoted))
        at = match.end()
        if not comma:
            return elements


def _escape(element: str) -> str:
    return element.replace("\\", "\\\\").replace('"', '\\"')


def _list_malformed(text: str) -> Refused:
    return refuse(
        "PGRST100",
        f'"failed to parse filter (in.{text[:100]})" (line 1, column 4)',
        details='expecting a list such as (1,"two, three")',
    )
