"""Building: all matches that a format has for so many entrants, before anything is played. Pure.

Swiss matches are not among them: they are paired round by round.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agon.kernel.errors import Refused, refuse
from agon.leagues.brackets import double, elimination, groups, round_robin
from agon.leagues.brackets.format import Elimination, Format
from agon.leagues.brackets.matches import Match, Rank
from agon.leagues.brackets.seeding import inner_outer, size_for

MATCHES_MAX = 1_048_576


@dataclass(kw_only=True)
class Plan:
    """entries: where each seed of the elimination begins, seed by seed, as (match, slot); from
    the number `seeds` on they are byes. ranks: who has these seeds in playoffs. groups: their
    entrants. final: the match whose winner is the champion, but for its reset.
    """

    matches: list[Match] = field(default_factory=list)
    entries: list[tuple[Match, int]] = field(default_factory=list)
    seeds: int = 0
    ranks: list[Rank] = field(default_factory=list)
    groups: list[list[int]] = field(default_factory=list)
    final: Match | None = None


def plan(form: Format, entrants: int) -> Plan:
    """Refused: `bracket_large`, `entrants_few` (a group has fewer than it needs)."""
    made = Plan()
    if form.table is not None and form.kind != "swiss":
        advance = _group(form, entrants, made)
        if form.elimination is not None:
            made.ranks = groups.playoff_seeds(len(made.groups), advance)
            _eliminate(form.elimination, len(made.ranks), made)
            for (match, side), rank in zip(made.entries, made.ranks, strict=False):
                if side:
                    match.from_b = rank
                else:
                    match.from_a = rank
    elif form.elimination is not None:
        _eliminate(form.elimination, entrants, made)
    elif form.table is not None and form.table.rounds * (entrants + 1) // 2 > MATCHES_MAX:
        raise _large(form.table.rounds * (entrants + 1) // 2)
    return made


def _group(form: Format, entrants: int, made: Plan) -> int:
    """Adds the groups' matches, and answers how many of each go on."""
    table = form.table
    assert table is not None
    config = form.groups or {"count": 1, "advance": 1, "distribution": "snake"}
    count = config.get("count") or -(-entrants // config["size"])
    least = max(2, config["advance"])
    if entrants // count < least or (count * config["advance"] < 2 and form.groups):
        raise refuse(
            "entrants_few",
            "There are too few entrants for these groups.",
            details=f"{entrants} in {count} groups; a group needs {least}, playoffs two.",
            hint="Take fewer groups, or let fewer advance.",
            status=422,
        )
    most = round_robin.count_of(-(-entrants // count), table.legs) * count
    if most > MATCHES_MAX:
        raise _large(most)
    made.groups = groups.distribute(range(entrants), count, config["distribution"])
    for number, group in enumerate(made.groups, 1):
        made.matches += round_robin.matches(group, number, table.legs, table.games)
    return config["advance"]


def _eliminate(form: Elimination, entrants: int, made: Plan) -> None:
    size = size_for(entrants)
    winners = elimination.winners_rounds(size, form.games)
    slots = [(match, side) for match in winners[0] for side in (0, 1)]
    made.entries = [slots[0]] * size
    for slot, seed in zip(slots, inner_outer(size), strict=True):
        made.entries[seed - 1] = slot
    made.seeds = entrants
    made.final = winners[-1][0]
    for each in winners:
        made.matches += each
    if form.double:
        losers = double.losers_rounds(winners, form.routing, form.games)
        for each in losers:
            made.matches += each
        final = double.grand_final(winners, losers, form.reset, form.games)
        made.matches += final
        made.final = final[0]
    elif form.third_place:
        made.matches += elimination.third_place(winners, form.games)


def _large(count: int) -> Refused:
    return refuse(
        "bracket_large",
        "The bracket has too many matches.",
        details=f"{count}; the limit is {MATCHES_MAX}.",
        hint="Take more groups, fewer rounds, or an elimination.",
        status=422,
    )
