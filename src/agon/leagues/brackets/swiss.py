"""Swiss: who plays whom in the next round. Pure.

Entrants with equal points meet, the better half against the other; who finds no opponent there
goes down to the next. Nobody meets anybody twice, and nobody has a second bye, before it must be:
what this way of pairing cannot finish is mended along augmenting paths, so that as few meet again
as there can be, exactly. Only how near in points the mended pairs are is not the best there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, groupby

from agon.leagues.brackets.matches import NOBODY
from agon.leagues.brackets.matching import FREE, enlarge


def pair(
    standing: Sequence[tuple[int, int]],
    met: Mapping[int, AbstractSet[int]],
    byes: Mapping[int, int],
) -> list[tuple[int, int]]:
    """The pairs of a round, the best first; a bye is (entrant, NOBODY), and the last.

    standing: (entrant, points) from the first to the last; met: of each entrant those it has been
    paired with; byes: of each entrant how many it had.
    """
    entrants = [entrant for entrant, _ in standing]
    places = {entrant: place for place, entrant in enumerate(entrants)}
    apart = [{places[each] for each in met.get(one, ()) if each in places} for one in entrants]
    count = len(entrants)
    mates = [FREE] * (count + count % 2)  # with an odd number, the last vertex is the bye
    rests: set[int] = set()
    if count % 2:
        least = min(byes.get(each, 0) for each in entrants)
        rests = {place for place, each in enumerate(entrants) if byes.get(each, 0) == least}
        mates[max(rests)], mates[count] = count, max(rests)

    def may(one: int, other: int) -> bool:
        if one == count or other == count:
            return min(one, other) in rests
        return other not in apart[one]

    _by_groups(standing, apart, mates)
    enlarge(mates, may)
    left = [place for place, mate in enumerate(mates) if mate == FREE]
    for one, other in zip(left[::2], left[1::2], strict=True):  # these must meet again
        mates[one], mates[other] = other, one
    found = [
        (entrants[place], entrants[mate] if mate < count else NOBODY)
        for place, mate in enumerate(mates[:count])
        if place < mate
    ]
    return sorted(found, key=lambda each: each[1] == NOBODY)


def _by_groups(
    standing: Sequence[tuple[int, int]], apart: Sequence[AbstractSet[int]], mates: list[int]
) -> None:
    """Pair the groups of equal points from the first to the last; some may stay without a mate."""
    down: list[int] = []
    for _, group in groupby(range(len(standing)), key=lambda place: standing[place][1]):
        here = down + [place for place in group if mates[place] == FREE]
        half = len(here) // 2
        for at in range(half):
            one = here[at]
            if mates[one] != FREE:
                continue
            # Against the other half first, from the opposite place on; then the own half.
            for to in chain(range(at + half, len(here)), range(at + half - 1, at, -1)):
                other = here[to]
                if mates[other] == FREE and other not in apart[one]:
                    mates[one], mates[other] = other, one
                    break
        down = [place for place in here if mates[place] == FREE]
