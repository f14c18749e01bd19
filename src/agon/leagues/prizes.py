"""Prizes: who gets how much of a sum, by places. Pure, no floats.

prize_config is as prizes.schema.json publishes it. The places of one share have equal parts of it;
those who share a range of places have equal parts of what its places have together. Units that
cannot be split go one each to the largest fractions, then to the better place, then by id, so
that the prizes and what is not awarded add up to the total. Not awarded is what belongs to places
that nobody has: there are more places than entrants, or nobody won.

A result of kind `leagues.prizes`, version 1:

    inputs  {"placements": [{"entrant", "from", "to"}, ...], "of": CID of the result that they come
             from, or null}
    rules   prize_config
    output  {"currency", "total", "prizes": [{"entrant", "from", "to", "units"}, ...] of those who
             get any, from the first to the last, "unawarded"}, units as decimal strings
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from operator import itemgetter
from typing import Any

from agon.kernel import results
from agon.kernel.errors import Refused, refuse
from agon.leagues import forms

WHOLE_BPS = 10_000
UNITS_END = 2**256
MISTAKES_MAX = 20
"""Mistakes that one answer lists."""


def check(config: object) -> None:
    """Refuse a prize_config that nothing can be shared by: `prizes_malformed`, with each place."""
    mistakes = list(_mistakes(config))
    if mistakes:
        raise refuse(
            "prizes_malformed",
            "These prizes cannot be awarded.",
            details="\n".join(mistakes[:MISTAKES_MAX]),
            hint="prizes.schema.json, in the package agon.leagues, describes each key.",
            status=422,
        )


def schema() -> dict[str, Any]:
    """The form of a prize_config as a JSON Schema, draft 2020-12."""
    return forms.schema("prizes.schema.json")


def bundle(
    placements: Sequence[Mapping[str, Any]], of: str | None, config: Mapping[str, Any]
) -> results.Bundle:
    """The prizes of these placements. Refused: `prizes_malformed`, `placements_malformed`."""
    return results.bundle(KIND, {"placements": list(placements), "of": of}, config)


def recompute(inputs: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a result, from its inputs and rules alone."""
    return share(inputs["placements"], rules)


def share(placements: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> dict[str, Any]:
    """The output. Refused: `prizes_malformed`, `placements_malformed`."""
    check(config)
    ordered = sorted(placements, key=lambda each: (each["from"], each["entrant"]))
    sizes = _sizes(ordered)
    sums = _sums(config["shares"])
    total = int(config["total"])
    exact = []
    for each in ordered:
        bps = _through(sums, each["to"]) - _through(sums, each["from"] - 1)
        exact.append(bps * total / (WHOLE_BPS * sizes[each["from"]]))
    units = [int(each) for each in exact]
    missing = int(sum(exact)) - sum(units)
    # A sort keeps the order of places and ids among equal fractions.
    for place in sorted(range(len(exact)), key=lambda at: units[at] - exact[at])[:missing]:
        units[place] += 1
    return {
        "currency": config["currency"],
        "total": config["total"],
        "prizes": [
            {"entrant": each["entrant"], "from": each["from"], "to": each["to"], "units": str(own)}
            for each, own in zip(ordered, units, strict=True)
            if own
        ],
        "unawarded": str(total - sum(units)),
    }


KIND = results.Kind(name="leagues.prizes", version=1, recompute=recompute)


def _sizes(ordered: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """How many share each range, by its first place. Refused: `placements_malformed`."""
    sizes: dict[int, int] = {}
    lasts: dict[int, int] = {}
    for each in ordered:
        sizes[each["from"]] = sizes.get(each["from"], 0) + 1
        lasts.setdefault(each["from"], each["to"])
    before = 0
    for first, last in lasts.items():
        if first <= before or last - first + 1 != sizes[first]:
            raise _misplaced(f"places {first} to {last}")
        before = last
    if any(each["to"] != lasts[each["from"]] for each in ordered):
        raise _misplaced("ranges that overlap")
    if len({each["entrant"] for each in ordered}) < len(ordered):
        raise _misplaced("an entrant stands twice")
    return sizes


def _sums(shares: Sequence[Mapping[str, int]]) -> list[tuple[int, Fraction, Fraction]]:
    """Of each share: places before it, basis points before it, basis points of each place."""
    sums, before = [], Fraction(0)
    for each in shares:
        own = Fraction(each["bps"], each["to"] - each["from"] + 1)
        sums.append((each["from"] - 1, before, own))
        before += each["bps"]
    sums.append((shares[-1]["to"], before, Fraction(0)))
    return sums


def _through(sums: Sequence[tuple[int, Fraction, Fraction]], place: int) -> Fraction:
    """Basis points of the places from 1 to this."""
    places, before, own = sums[bisect_right(sums, place, key=itemgetter(0)) - 1]
    return before + own * (place - places)


def _misplaced(details: str) -> Refused:
    return refuse(
        "placements_malformed",
        "These are not placements.",
        details=details,
        hint="A range of places is shared by as many as it has places, and each entrant has one.",
        status=422,
    )


def _mistakes(config: object) -> Iterator[str]:
    """Each as "/path: sentence", in the order of places."""
    found = list(forms.mistakes(config, "prizes.schema.json"))
    yield from found
    if not found:
        yield from _contradictions(config)  # type: ignore[arg-type]


def _contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    after = 1
    for place, each in enumerate(config["shares"]):
        if each["from"] != after or each["to"] < after:
            yield f"/shares/{place}: The places follow on those before, from {after} on."
            break
        after = each["to"] + 1
    if sum(each["bps"] for each in config["shares"]) != WHOLE_BPS:
        yield f"/shares: The shares add up to {WHOLE_BPS} basis points."
    if int(config["total"]) >= UNITS_END:
        yield "/total: This must be below 2^256."
