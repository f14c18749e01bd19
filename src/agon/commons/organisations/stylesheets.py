"""Style sheets of organisations, made harmless: what is not known to be is left out.

A sheet stands in a page of ours, so it may load nothing, cover nothing, and end no element. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import tinycss2

from agon.kernel.errors import refuse

CSS_BYTES_MAX = 16 * 1024
"""As the table has it."""
NESTED_MAX = 8
"""Brackets within brackets of one value or selector."""
TOLD_MAX = 100
"""Of what was left out."""
TOLD_CHARS_MAX = 60

_PROPERTIES = """
    accent-color background background-color background-image background-position background-repeat
    background-size border border-bottom border-bottom-color border-bottom-left-radius
    border-bottom-right-radius border-bottom-style border-bottom-width border-collapse border-color
    border-left border-left-color border-left-style border-left-width border-radius border-right
    border-right-color border-right-style border-right-width border-spacing border-style border-top
    border-top-color border-top-left-radius border-top-right-radius border-top-style
    border-top-width border-width box-shadow caret-color color column-gap fill font font-family
    font-feature-settings font-size font-stretch font-style font-variant font-weight gap
    letter-spacing line-height list-style-type margin margin-bottom margin-left margin-right
    margin-top max-width opacity outline outline-color outline-offset outline-style outline-width
    padding padding-bottom padding-left padding-right padding-top row-gap stroke stroke-width
    text-align text-decoration text-decoration-color text-decoration-line text-decoration-style
    text-decoration-thickness text-indent text-overflow text-shadow text-transform
    text-underline-offset transition transition-duration transition-property white-space
    word-break word-spacing
"""
_FUNCTIONS = """
    calc clamp color color-mix conic-gradient cubic-bezier hsl hsla hwb lab lch linear-gradient max
    min oklab oklch radial-gradient repeating-conic-gradient repeating-linear-gradient
    repeating-radial-gradient rgb rgba steps var
"""
PROPERTIES, FUNCTIONS = frozenset(_PROPERTIES.split()), frozenset(_FUNCTIONS.split())
PSEUDO = frozenset(
    ("has", "is", "lang", "not", "nth-child", "nth-last-child", "nth-of-type", "where")
)

PLAIN = frozenset(("whitespace", "ident", "number", "percentage", "dimension", "hash", "string"))
BLOCKS = frozenset(("() block", "[] block"))
IN_VALUES = frozenset(",/+-*")
IN_SELECTORS = frozenset((*".,:>+~*|=", "~=", "|=", "^=", "$=", "*="))
IN_MEDIA = frozenset((":", ",", ">", "=", ">="))


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """text: what may stand in a page; left_out: one line each, `line:column what`."""

    text: str
    left_out: list[str]


def sanitise(text: str) -> Sheet:
    """A style sheet with its harmless rules alone; the same again changes nothing.

    Kept are rules and `@media`, of these the declarations of PROPERTIES and of `--names`, whose
    values have no URL, no escape and no functions but FUNCTIONS. Raises Refused `css_too_large`.
    """
    _hold_size(text)
    told: list[str] = []
    nodes = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    sheet = "\n".join(_rules(nodes, told, may_nest=True))
    _hold_size(sheet)
    return Sheet(text=sheet, left_out=told[:TOLD_MAX])


def _hold_size(text: str) -> None:
    if len(text.encode("utf-8", "replace")) > CSS_BYTES_MAX:
        raise refuse(
            "css_too_large",
            f"A style sheet has at most {CSS_BYTES_MAX} bytes.",
            hint="Send a shorter one.",
            status=422,
        )


def _rules(nodes: Iterable[Any], told: list[str], *, may_nest: bool) -> list[str]:
    kept = []
    for node in nodes:
        if node.type == "qualified-rule":
            rule = _rule(node, told)
        elif node.type == "at-rule":
            rule = _media(node, told) if may_nest else _leave_out(node, told)
        else:
            rule = _leave_out(node, told)
        if rule:
            kept.append(rule)
    return kept


def _media(node: Any, told: list[str]) -> str:
    query = _text(node.prelude, IN_MEDIA, frozenset())
    if node.lower_at_keyword != "media" or node.content is None or query is None:
        return _leave_out(node, told)
    inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
    rules = _rules(inner, told, may_nest=False)
    return f"@media {query} {{\n" + "\n".join(rules) + "\n}" if rules else ""


def _rule(node: Any, told: list[str]) -> str:
    selector = _text(node.prelude, IN_SELECTORS, PSEUDO)
    if not selector:
        return _leave_out(node, told)
    listed = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
    lines = []
    for each in listed:
        value = None
        if each.type == "declaration" and _is_known(each):
            value = _text(each.value, IN_VALUES, FUNCTIONS)
        if value:
            important = " !important" if each.important else ""
            lines.append(f"{each.lower_name}: {value}{important}")
        else:
            _leave_out(each, told)
    return f"{selector} {{ {'; '.join(lines)} }}" if lines else ""


def _is_known(declaration: Any) -> bool:
    name = declaration.lower_name
    is_own = name.startswith("--") and name.isascii() and name.replace("-", "").isalnum()
    return is_own or name in PROPERTIES


def _text(tokens: Sequence[Any], marks: frozenset[str], functions: frozenset[str]) -> str | None:
    """The tokens as CSS on one line; None where one of them is not known to be harmless."""
    kept = _plain(tokens, marks, functions, NESTED_MAX)
    if kept is None:
        return None
    text = " ".join(tinycss2.serialize(kept).split())
    # Nothing here needs an escape, and without `<` no element ends.
    return None if "<" in text or "\\" in text or not text.isprintable() else text


def _plain(
    tokens: Sequence[Any], marks: frozenset[str], functions: frozenset[str], deeper: int
) -> list[Any] | None:
    kept = []
    for token in tokens:
        if token.type == "comment":
            continue
        inner: Sequence[Any] = ()
        if token.type == "function" and token.lower_name in functions:
            inner = token.arguments
        elif token.type in BLOCKS:
            inner = token.content
        elif token.type not in PLAIN and not (token.type == "literal" and token.value in marks):
            return None
        if inner:
            if not deeper or (within := _plain(inner, marks, functions, deeper - 1)) is None:
                return None
            inner[:] = within  # type: ignore[index]
        kept.append(token)
    return kept


def _leave_out(node: Any, told: list[str]) -> str:
    what = {
        "at-rule": lambda: f"@{node.at_keyword}",
        "declaration": lambda: node.name,
        "qualified-rule": lambda: "a rule",
        "error": lambda: node.message,
    }.get(node.type, lambda: node.type)()
    told.append(f"{node.source_line}:{node.source_column} {what[:TOLD_CHARS_MAX]}")
    return ""
