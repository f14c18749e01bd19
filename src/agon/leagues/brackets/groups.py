"""Groups: who is in which, and where those who advance stand in the playoffs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agon.leagues.brackets.double import half_shift, natural, reverse, reverse_half_shift
from agon.leagues.brackets.matches import Rank
from agon.leagues.brackets.seeding import inner_outer, size_for

ROWS = {
    "effort_balanced": (natural,),
    "snake": (natural, reverse),
    "bracket_optimized": (natural, half_shift, reverse, reverse_half_shift),
}
"""In which order the groups take the seeds, `count` at a time, over and over.

snake evens out the sums of seeds; effort_balanced gives each group the same step between its seeds;
bracket_optimized keeps those apart who would meet early in a bracket of all.
"""

MENDED_MAX = 512
"""Entrants of playoffs in which pairs are tried for changing places."""


def distribute(entrants: Sequence[int], count: int, distribution: str) -> list[list[int]]:
    """The groups, each in the order of seeds; their sizes differ by one at most."""
    orders = ROWS[distribution]
    groups: list[list[int]] = [[] for _ in range(count)]
    for start in range(0, len(entrants), count):
        order = orders[start // count % len(orders)](range(count))
        for group, entrant in zip(order, entrants[start : start + count], strict=False):
            groups[group].append(entrant)
    return groups


def playoff_seeds(count: int, advance: int) -> list[Rank]:
    """Who has each seed of the playoffs, the first seed first.

    Winners of groups have the first `count` seeds, in the order of groups, the second places the
    next, and so on. Which group's second place gets which of those seeds is chosen from the final
    downwards: each half of the bracket gets half of a group's entrants, as far as seeds allow, so
    that those of one group meet late. Where three or more advance, changing places mends what that
    leaves (up to MENDED_MAX entrants).
    """
    total = count * advance
    order = inner_outer(size_for(total))
    owners = [0] * total  # of each seed the group, from 0
    _split(order, [list(range(count)) for _ in range(advance)], count, owners)
    if advance > 2 and total <= MENDED_MAX:
        _mend(order, count, owners)
    return [Rank(group=group + 1, place=seed // count + 1) for seed, group in enumerate(owners)]


def _split(order: Sequence[int], tiers: list[list[int]], count: int, owners: list[int]) -> None:
    """Give the seeds of this part of the bracket to these groups, tier by tier."""
    if len(order) == 1:
        for group in (group for groups in tiers for group in groups):
            owners[order[0] - 1] = group
        return
    half = len(order) // 2
    above = {seed for seed in order[:half] if seed <= count * len(tiers)}
    room = Counter((seed - 1) // count for seed in above)
    balance: Counter[int] = Counter()  # of a group: its entrants above less those below
    upper, lower = [], []
    for tier, groups in enumerate(tiers):
        if tier == 0:
            first = {group for group in groups if group + 1 in above}
        else:
            wish = sorted(groups, key=lambda group: (balance[group], -group))
            first = set(wish[: room[tier]])
        for group in groups:
            balance[group] += 1 if group in first else -1
        upper.append([group for group in groups if group in first])
        lower.append([group for group in groups if group not in first])
    _split(order[:half], upper, count, owners)
    _split(order[half:], lower, count, owners)


def _mend(order: Sequence[int], count: int, owners: list[int]) -> None:
    """Let two groups change seeds of one tier, as long as their entrants meet later by it."""
    levels = len(order).bit_length()
    at = [0] * len(order)
    for place, seed in enumerate(order):
        at[seed - 1] = place
    seats: list[set[int]] = [set() for _ in range(count)]
    for seed, group in enumerate(owners):
        seats[group].add(at[seed])

    def early(place: int, mates: set[int], without: int) -> int:
        """The earlier a place meets these, the more: a round earlier weighs fourfold."""
        rounds = ((place ^ mate).bit_length() for mate in mates if mate not in (place, without))
        return sum(4 ** (levels - number) for number in rounds)

    def gain(one: int, other: int) -> int:
        a, b, p, q = seats[owners[one]], seats[owners[other]], at[one], at[other]
        now = early(p, a, p) + early(q, b, q)
        return now - early(q, a, p) - early(p, b, q)

    changed = True
    while changed:
        changed = False
        for one in range(count, len(owners)):
            tier = range(one + 1, (one // count + 1) * count)
            most, best = max(((gain(one, other), other) for other in tier), default=(0, 0))
            if most > 0:
                a, b = owners[one], owners[best]
                seats[a] ^= {at[one], at[best]}
                seats[b] ^= {at[one], at[best]}
                owners[one], owners[best] = b, a
                changed = True
