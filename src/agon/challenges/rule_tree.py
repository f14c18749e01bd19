"""A rule as values: what counts (scopes), what is asked (conditions), how it combines (groups)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from agon.challenges.records import SPORTS
from agon.challenges.windows import Window

NAMED_SPORTS = frozenset(SPORTS) - {"daily", "other"}
"""Sports that count where a rule names none: `daily` would count a day's runs twice, and
`other` says nothing about what was done."""


@dataclass(frozen=True, kw_only=True)
class Minimum:
    """What an activity must have to count: amount in base units, and as the rule wrote it."""

    metric: str
    amount: Fraction
    asked: str


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which records count. Every field is resolved: nothing is inherited any more.

    sports: None where the rule names none; wanted: field of a game record and the values that
    count, in lower case; account_age_ms, level, public: what the player's account must have.
    """

    window: Window
    sports: frozenset[str] | None
    other_as: str | None
    minimum: Minimum | None
    manual: bool
    trainer: bool
    trust: int
    flags: bool
    wanted: tuple[tuple[str, frozenset[str]], ...]
    ranked_only: bool
    account_age_ms: int
    level: int
    public: bool

    @property
    def asks_account(self) -> bool:
        return bool(self.account_age_ms or self.level or self.public)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One question: does the metric's aggregate compare with the target?

    target: in base units, of one day with `per_day`, of one record with `count`; needed: how many
    days or records must meet it, None for other aggregates and for every day of the window;
    sports: those that count for this metric; time: which time divides a pace or speed.
    """

    pointer: str
    scope: Scope
    sports: frozenset[str]
    metric: str
    unit: str
    aggregate: Literal["total", "best", "per_day", "count"]
    compare: str
    target: Fraction
    needed: int | None
    time: str
    asked: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parts of which at least `needed` must be met; word: all, any or at_least."""

    pointer: str
    word: str
    needed: int
    parts: tuple[Condition | Group, ...]


@dataclass(frozen=True, kw_only=True)
class Score:
    """What ranks participants: a metric over all that counts under the rule's top settings."""

    scope: Scope
    sports: frozenset[str]
    metric: str
    aggregate: Literal["total", "best"]
    order: Literal["desc", "asc"]
    time: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A whole rule; demand is None where any evidence that the scope admits will do."""

    scope: Scope
    demand: Condition | Group | None
    score: Score | None


def conditions(node: Condition | Group | None) -> Iterator[Condition]:
    """The conditions of a rule, in the order in which they are written."""
    if isinstance(node, Condition):
        yield node
    elif node is not None:
        for part in node.parts:
            yield from conditions(part)


def sports_for(metric: str, sports: frozenset[str] | None) -> frozenset[str]:
    """The sports that count for a metric, where the rule may have named none."""
    if sports is not None:
        return sports
    return frozenset({"daily"}) if metric == "steps" else NAMED_SPORTS
