"""Formats: the rules of a bracket, as format.schema.json publishes them. Pure.

The schema says the form; which keys belong to which kind is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agon.kernel.canonical import step
from agon.kernel.errors import refuse
from agon.leagues import forms

MISTAKES_MAX = 20
"""Mistakes that one answer lists."""
SINGLE, DOUBLE = "single_elimination", "double_elimination"
ROUND_ROBIN, GROUPS, SWISS = "round_robin", "groups", "swiss"
TABLE_BREAKERS = (
    "head_to_head_points",
    "head_to_head_difference",
    "difference",
    "score_for",
    "forfeits",
)
SWISS_BREAKERS = ("buchholz_cut_1", "buchholz", "direct_encounter", "wins", "forfeits")

_EVERY = {"version", "kind", "best_of"}
_TABLE = {"points", "draws", "forfeit_score", "tie_breakers"}
_KEYS = {
    SINGLE: _EVERY | {"third_place"},
    DOUBLE: _EVERY | {"reset", "routing"},
    ROUND_ROBIN: _EVERY | _TABLE | {"legs"},
    GROUPS: _EVERY | _TABLE | {"legs", "groups"},
    SWISS: _EVERY | _TABLE | {"rounds"},
}
_REQUIRED = {GROUPS: "groups", SWISS: "rounds"}
_BUCHHOLZ = {"buchholz", "buchholz_cut_1", "median_buchholz"}


@dataclass(frozen=True, kw_only=True)
class Elimination:
    """A knock-out: double, or single. routing: cycle or compat."""

    double: bool
    third_place: bool
    reset: bool
    routing: str
    best_of: Mapping[str, Any]

    def games(self, prefix: str, number: int, rounds: int) -> int:
        """Games at most in a round (from 1) of so many."""
        return _games(self.best_of, prefix, number, rounds)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What is played for points. points: of a win, a draw, a loss."""

    points: tuple[int, int, int]
    draws: bool
    forfeit_score: tuple[int, int]
    tie_breakers: tuple[str, ...]
    best_of: Mapping[str, Any]
    legs: int = 1
    rounds: int = 0

    def games(self, prefix: str, number: int, rounds: int) -> int:
        """Games at most in a round (from 1) of so many."""
        return _games(self.best_of, prefix, number, rounds)


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format with its defaults. table: none in an elimination; elimination: none in a table
    without playoffs; groups: `{count or size, advance, distribution}` or none."""

    kind: str
    elimination: Elimination | None
    table: Table | None
    groups: Mapping[str, Any] | None


def check(config: object) -> None:
    """Refuse a format that no bracket can be played by: `format_malformed`, with each place."""
    mistakes = list(_mistakes(config))
    if mistakes:
        raise refuse(
            "format_malformed",
            "This is not a format that a bracket can be played by.",
            details="\n".join(mistakes[:MISTAKES_MAX]),
            hint="format.schema.json, in the package agon.leagues.brackets, describes each key.",
            status=422,
        )


def schema() -> dict[str, Any]:
    """The form of a format as a JSON Schema, draft 2020-12."""
    return forms.schema("brackets/format.schema.json")


def read(config: Mapping[str, Any]) -> Format:
    """The format with its defaults. Refused: `format_malformed`."""
    check(config)
    kind = config["kind"]
    groups = config.get("groups")
    knock_out = groups["playoffs"] if groups else config if kind in (SINGLE, DOUBLE) else None
    return Format(
        kind=kind,
        elimination=_elimination(knock_out) if knock_out else None,
        table=_table(config) if kind not in (SINGLE, DOUBLE) else None,
        groups={"distribution": "snake", **groups} if groups else None,
    )


def _elimination(config: Mapping[str, Any]) -> Elimination:
    return Elimination(
        double=config["kind"] == DOUBLE,
        third_place=config.get("third_place", False),
        reset=config.get("reset", True),
        routing=config.get("routing", "cycle"),
        best_of=config.get("best_of", {}),
    )


def _table(config: Mapping[str, Any]) -> Table:
    points = config.get("points", {"win": 3, "draw": 1, "loss": 0})
    breakers = SWISS_BREAKERS if config["kind"] == SWISS else TABLE_BREAKERS
    won, lost = config.get("forfeit_score", (0, 0))
    return Table(
        points=(points["win"], points["draw"], points["loss"]),
        draws=config.get("draws", True),
        forfeit_score=(won, lost),
        tie_breakers=tuple(config.get("tie_breakers", breakers)),
        best_of=config.get("best_of", {}),
        legs=config.get("legs", 1),
        rounds=config.get("rounds", 0),
    )


def _games(best_of: Mapping[str, Any], prefix: str, number: int, rounds: int) -> int:
    by_round = best_of.get("by_round", {})
    from_last = by_round.get(f"{prefix}.{number - rounds - 1}", best_of.get("default", 1))
    return by_round.get(f"{prefix}.{number}", from_last)


def _mistakes(config: object) -> Iterator[str]:
    """Each as "/path: sentence", in the order of places."""
    found = list(forms.mistakes(config, "brackets/format.schema.json"))
    yield from found
    if not found:
        yield from _contradictions(config)  # type: ignore[arg-type]


def _contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    kind = config["kind"]
    required = _REQUIRED.get(kind)
    if required and required not in config:
        yield f"/{required}: The kind {kind} needs this."
    for key in sorted(config.keys() - _KEYS[kind]):
        yield f"{step(key)}: The kind {kind} has no such key."
    draws = config.get("draws", True) and kind not in (SINGLE, DOUBLE)
    if not draws:
        yield from _even(config, "")
    if kind != SWISS:
        for place, each in enumerate(config.get("tie_breakers", ())):
            if each in _BUCHHOLZ:
                yield f"/tie_breakers/{place}: {each} is for Swiss tournaments."
    groups = config.get("groups")
    if groups:
        playoffs = groups["playoffs"]
        for key in sorted(playoffs.keys() - _KEYS[playoffs["kind"]]):
            yield f"/groups/playoffs{step(key)}: The kind {playoffs['kind']} has no such key."
        yield from _even(playoffs, "/groups/playoffs")
        if groups["advance"] > groups.get("size", groups["advance"]):
            yield "/groups/advance: No more advance than a group has."
        if groups["advance"] * groups.get("count", 2) < 2:
            yield "/groups/advance: Playoffs need two entrants."


def _even(config: Mapping[str, Any], place: str) -> Iterator[str]:
    best_of = config.get("best_of", {})
    sentence = "Without draws, a best of n is odd."
    if best_of.get("default", 1) % 2 == 0:
        yield f"{place}/best_of/default: {sentence}"
    for key, games in best_of.get("by_round", {}).items():
        if games % 2 == 0:
            yield f"{place}/best_of/by_round{step(key)}: {sentence}"
