"""Filters: an operator and its value, alone (`id=eq.5`) or in a tree (`or=(a.eq.1,b.is.null)`).

A text is read twice, by the same patterns: `split_*` takes the values out of it, for every request;
`read_*` makes a tree of what is left, once for all requests of one shape.
"""

from __future__ import annotations

import re

from agon.kernel.errors import Refused
from agon.rest.lexer import FIELD, QUOTED, VALUE, WS, Source, read_field, unescape
from agon.rest.tree import Condition, Field, Logic, Slot

DEPTH_MAX = 32
"""Groups of `and` and `or` inside one another."""

QUANTIFIABLE = ("eq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch")
PLAIN = ("neq", "isdistinct")
SPANNING = ("cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj")
"""Operators of arrays and ranges; inside a tree, their value may be a range as it is: `[1,3)`."""
SEARCHING = ("fts", "plfts", "phfts", "wfts")
WORDS = ("null", "not_null", "true", "false", "unknown")

EXPECTING_OPERATOR = "operator (eq, gt, ...)"
EXPECTING_WORD = "isVal: (null, not_null, true, false, unknown)"
EXPECTING_ITEM = (
    "field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)"
)

_OPERATION = (
    r"(?P<negated>not\.)?(?:"
    rf"(?P<quantifiable>{'|'.join(QUANTIFIABLE)})(?:\((?P<quantifier>any|all)\))?\."
    rf"|(?P<plain>{'|'.join(PLAIN)})\."
    rf"|(?P<spanning>{'|'.join(SPANNING)})\."
    rf"|(?P<searching>{'|'.join(SEARCHING)})(?:\((?P<language> *+[\w$][\w $]*+)\))?\."
    r"|(?P<listed>in)\."
    rf"|is\.(?P<word>(?i:{'|'.join(WORDS)}))"
    r")"
)
OPERATION = re.compile(_OPERATION)
_LEAF = re.compile(rf"{FIELD}\.{_OPERATION}", re.DOTALL)
_MARK = re.compile(rf"{WS}(?:(?:not\.)?(?:and|or){WS}\(|[(),]|not\.){WS}")
_GROUP = re.compile(rf"{WS}(not\.)?(and|or){WS}\({WS}")
_NOT = re.compile(rf"{WS}not\.")
_DOT = re.compile(r"\.")
_SPACE = re.compile(WS)
_ELEMENT = rf'(?:{WS}"(?:[^"\\]|\\.)*+"{WS}(?=[,)])|[^,)]*+)'
_LIST = re.compile(rf"{WS}\({WS}{_ELEMENT}(?:,{_ELEMENT})*+\)", re.DOTALL)
_RANGE = re.compile(r'[\[(][^][(){}",]*+,[^][(){}",]*+[\])]')
_VALUE = re.compile(
    rf"({QUOTED})(?={WS}(?:[,)]|\Z))|(\{{[^{{}}\0]*+\}}|[^,)\0]*+)",
    re.DOTALL,
)


def split_operation(text: str) -> tuple[str, str | None] | None:
    """`not.eq.5` -> (`not.eq.␀`, `5`); `is.null` -> (`is.null`, None), as its word is part of the
    shape; None where the text is no operation."""
    match = OPERATION.match(text)
    if match is None:
        return None
    end = match.end()
    kind = match.lastgroup
    if kind == "word":
        return (text, None) if end == len(text) else None
    value = text[end:]
    if kind == "listed" and not (value.strip(" \t")[:1] == "(" and value.rstrip(" \t")[-1] == ")"):
        return None
    return text[:end] + VALUE, value


def split_tree(text: str, values: list[str]) -> str:
    """The template of a tree; its values go to the end of `values`. From where the text is no tree
    it is left as it is, and `read_tree` says what is wrong with it."""
    parts: list[str] = []
    at, size = 0, len(text)
    while at < size:
        if leaf := _LEAF.match(text, at):
            end = leaf.end()
            parts.append(text[at:end])
            if leaf.lastgroup != "word":
                found = _value_at(leaf, end)
                if found is None:
                    at = end
                    break
                value, end = found
                values.append(value)
                parts.append(VALUE)
            at = end
        elif mark := _MARK.match(text, at):
            parts.append(mark.group())
            at = mark.end()
        else:
            break
    parts.append(text[at:])
    return "".join(parts)


def _value_at(leaf: re.Match[str], at: int) -> tuple[str, int] | None:
    """The value after a leaf's operator, and where it ends; None where a list is malformed."""
    text = leaf.string
    if leaf.lastgroup == "listed":
        match = _LIST.match(text, at)
        return (match.group(), match.end()) if match else None
    if leaf.lastgroup == "spanning" and (match := _RANGE.match(text, at)):
        return match.group(), match.end()
    match = _VALUE.match(text, at)
    assert match is not None  # the pattern takes nothing, too
    quoted, plain = match.groups()
    return (unescape(quoted) if plain is None else plain), match.end()


def read_operation(source: Source, field: Field) -> Condition:
    """`[not.]op.value`, to the end of the text. Raises Refused (PGRST100)."""
    match = source.take(OPERATION)
    if match is None or (match.lastgroup == "word" and not source.ended()):
        source.at = 0
        raise _operation_fault(source)
    if match.lastgroup == "word":
        return _condition(field, match, match["word"].lower())
    if source.templated:
        if source.text[source.at :] != VALUE:
            raise _operation_fault(source)
    elif split_operation(source.text) is None:
        raise _list_fault(source)
    return _condition(field, match, source.tally.next_slot())


def read_tree(source: Source, *, operator: str, negated: bool) -> Logic:
    """`(a.eq.1,and(…))`, to the end of the text. Raises Refused (PGRST100)."""
    source.take(_SPACE)
    if not source.skip("("):
        raise source.fail('"("')
    tree = _read_group(source, operator, negated, 1)
    if not source.ended():
        raise source.fail("end of input")
    return tree


def _read_group(source: Source, operator: str, negated: bool, depth: int) -> Logic:
    """The items of a group whose bracket is open, and the bracket that closes it."""
    if depth > DEPTH_MAX:
        raise source.refuse(f"and/or stand inside one another more than {DEPTH_MAX} deep")
    source.count()
    parts: list[Condition | Logic] = []
    while True:
        parts.append(_read_item(source, depth))
        source.take(_SPACE)
        if source.skip(","):
            continue
        if source.skip(")"):
            source.take(_SPACE)
            return Logic(operator=operator, parts=tuple(parts), negated=negated)  # type: ignore[arg-type]
        raise source.fail('"," or ")"')


def _read_item(source: Source, depth: int) -> Condition | Logic:
    start = source.at
    if _LEAF.match(source.text, start):
        return _read_leaf(source, negated=False)
    if group := source.take(_GROUP):
        return _read_group(source, group[2], group[1] is not None, depth + 1)
    if source.take(_NOT):
        if _LEAF.match(source.text, source.at):
            return _read_leaf(source, negated=True)
        raise source.fail("logic operator (and, or)")
    raise _item_fault(source)


def _read_leaf(source: Source, *, negated: bool) -> Condition:
    """A leaf that the pattern has recognised. negated: by a `not.` before its field, which we take
    where PostgREST takes it only after the field."""
    source.count()
    field = read_field(source)
    source.take(_DOT)
    match = source.take(OPERATION)
    assert match is not None  # part of _LEAF
    if match.lastgroup == "word":
        value: Slot | str = match["word"].lower()
    else:
        _skip_value(source, match)
        value = source.tally.next_slot()
    return _condition(field, match, value, negated=negated)


def _skip_value(source: Source, leaf: re.Match[str]) -> None:
    if source.templated and source.skip(VALUE):
        return
    found = None if source.templated else _value_at(leaf, source.at)
    if found is None:
        raise _list_fault(source) if leaf.lastgroup == "listed" else source.fail("a value")
    source.at = found[1]


def _condition(
    field: Field, match: re.Match[str], value: Slot | str, *, negated: bool = False
) -> Condition:
    found = match.groupdict()
    language = found["language"]
    return Condition(
        field=field,
        operator=_operator(found),
        value=value,
        negated=negated != (found["negated"] is not None),
        quantifier=found["quantifier"],  # type: ignore[arg-type]
        language=language.strip(" ") if language else None,
    )


def _operator(found: dict[str, str | None]) -> str:
    for kind in ("quantifiable", "plain", "spanning", "searching", "listed"):
        if operator := found[kind]:
            return operator
    return "is"


def _operation_fault(source: Source) -> Refused:
    """The error for a text that begins no operation, at the place where it stops being one."""
    negated = source.skip("not.")
    if source.skip("is."):
        return source.fail(EXPECTING_WORD)
    if source.skip("in."):
        return _list_fault(source)
    return source.fail(EXPECTING_OPERATOR if negated else f'"not" or {EXPECTING_OPERATOR}')


def _list_fault(source: Source) -> Refused:
    """The error for a list that does not begin here, or does not end."""
    source.take(_SPACE)
    if not source.skip("("):
        return source.fail('"("')
    source.at = len(source.text)
    return source.fail('"," or ")"')


def _item_fault(source: Source) -> Refused:
    """The error for what is neither a leaf nor a group: after its field, if it has one."""
    if source.ended() or source.text[source.at] in "(),":
        return source.fail(EXPECTING_ITEM)
    read_field(source)
    if not source.skip("."):
        return source.fail("delimiter (.)")
    return _operation_fault(source)
