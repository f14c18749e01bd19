"""What the texts of a query are made of: names, JSON paths, and the place where one went wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agon.kernel.errors import Refused, refuse
from agon.rest.tree import Field, Slot, Step

NODES_MAX = 1000
"""Conditions, picks, embeds and order terms of one request, taken together."""
QUOTED_CHARS_MAX = 500
"""What an error quotes of the text that it is about."""

VALUE = "\0"
"""Stands in a template where the user's value stood. No value can hold it: Postgres' text has no
such character."""

# A possessive repeat must not have a capturing group inside: Python 3.11 then fails in `match`.
WS = r"[ \t]*+"
QUOTED = r'"(?:[^"\\\0]|\\[^\0])*+"'
PLAIN = r"[\w $]++(?:-(?!>)[\w $]++)*+"
ARROW = r"->>?+"
INDEX = rf"-?[0-9]{{1,9}}+(?={WS}(?:->|::|[.,)]|\Z))"
KEY = r"[^(\-:.,>)\0\"][^(\-:.,>)\0]*+(?:-(?!>)[^(\-:.,>)\0]++)*+"
FIELD = rf"{WS}(?:{QUOTED}|{PLAIN}){WS}(?:{ARROW}(?:{QUOTED}|{INDEX}|{KEY}){WS})*+"

_NAME = re.compile(rf"{WS}(?:({QUOTED})|({PLAIN})){WS}", re.DOTALL)
_ARROW = re.compile(ARROW)
_KEY = re.compile(rf"(?:({QUOTED})|({INDEX})|({KEY})){WS}", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

EXPECTING_NAME = "field name (* or [a..z0..9_$])"
EXPECTING_KEY = "any non reserved character different from: .,>()"


@dataclass(slots=True)
class Tally:
    """What one request has used up."""

    nodes: int = 0
    slots: int = 0

    def next_slot(self) -> Slot:
        self.slots += 1
        return Slot(self.slots - 1)


class Source:
    """A text that is read from left to right.

    claim: what could not be done with it if it is refused (`failed to parse order`); templated:
    values stand in it as VALUE; lead: what was before the text, for the column in errors.
    """

    __slots__ = ("at", "claim", "lead", "tally", "templated", "text")

    def __init__(self, claim: str, text: str, tally: Tally, templated: bool, lead: int = 0):
        self.claim = claim
        self.text = text
        self.tally = tally
        self.templated = templated
        self.lead = lead
        self.at = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The match at this place, after which the reading goes on."""
        if match := pattern.match(self.text, self.at):
            self.at = match.end()
        return match

    def skip(self, literal: str) -> bool:
        """Whether the literal stood here; if so, the reading goes on after it."""
        if found := self.text.startswith(literal, self.at):
            self.at += len(literal)
        return found

    def ended(self) -> bool:
        return self.at >= len(self.text)

    def count(self) -> None:
        """One node more. Raises Refused (PGRST100) over NODES_MAX."""
        self.tally.nodes += 1
        if self.tally.nodes > NODES_MAX:
            raise self.refuse(f"The request names more than {NODES_MAX} things")

    def fail(self, expecting: str) -> Refused:
        """The error for what stands here, in PostgREST's words."""
        seen = "end of input" if self.ended() else f'"{self.text[self.at]}"'
        return self.refuse(f"unexpected {seen} expecting {expecting}")

    def refuse(self, details: str) -> Refused:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - self.text.rfind("\n", 0, self.at) + (self.lead if line == 1 else 0)
        text = self.text
        if len(text) > QUOTED_CHARS_MAX:
            text = text[:QUOTED_CHARS_MAX] + "…"
        message = f'"{self.claim} ({text})" (line {line}, column {column})'
        return refuse("PGRST100", message, details=details)


def unescape(quoted: str) -> str:
    """A text without its quotes and backslashes."""
    return _ESCAPED.sub(r"\1", quoted[1:-1]) if "\\" in quoted else quoted[1:-1]


def read_name(source: Source) -> str:
    """A name, plain or quoted."""
    return read_name_as_written(source)[0]


def read_name_as_written(source: Source) -> tuple[str, bool]:
    """A name, and whether it was quoted (then it is no keyword)."""
    start = source.at
    if match := source.take(_NAME):
        quoted, plain = match.groups()
        name = plain.strip(" ") if quoted is None else unescape(quoted)
        if name:
            return name, quoted is not None
        source.at = start
    raise source.fail(EXPECTING_NAME)


def read_field(source: Source) -> Field:
    """A name and the JSON path after it."""
    return Field(read_name(source), read_path(source))


def read_path(source: Source) -> tuple[Step, ...]:
    """The arrows that stand here, `->a->>0`; none is an empty path."""
    steps = []
    while arrow := source.take(_ARROW):
        match = source.take(_KEY)
        if match is None:
            raise source.fail(EXPECTING_KEY)
        quoted, index, plain = match.groups()
        if index is not None:
            key: str | int = int(index)
        elif quoted is not None:
            key = unescape(quoted)
        else:
            key = plain.strip(" \t")
        source.count()
        steps.append(Step(key, as_text=arrow.group() == "->>"))
    return tuple(steps)
