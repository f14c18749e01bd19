"""Matching: as many pairs as there can be, when some may not meet. Pure.

Edmonds' blossom algorithm: a matching is the largest when no augmenting path is left (Berge).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

FREE = -1


def enlarge(mates: list[int], may: Callable[[int, int], bool]) -> None:
    """Make the matching the largest that there is, changing no more than that takes.

    mates: of each vertex its mate, or FREE; changed in place. Who has a mate keeps one. may: two
    vertices may be mates. Of equals, vertices with near numbers become mates.
    """
    for root in range(len(mates) - 1, -1, -1):
        if mates[root] == FREE:
            _Search(mates, may, root).augment()


class _Search:
    """Alternating paths from one free vertex; blossoms are shrunk to their bases."""

    def __init__(self, mates: list[int], may: Callable[[int, int], bool], root: int):
        count = len(mates)
        self.mates, self.may, self.root = mates, may, root
        self.parents = [FREE] * count
        self.bases = list(range(count))
        self.reached = [False] * count
        self.queue = [root]
        self.reached[root] = True

    def augment(self) -> None:
        at = self._end()
        while at != FREE:
            parent = self.parents[at]
            after = self.mates[parent]
            self.mates[at], self.mates[parent] = parent, at
            at = after

    def _end(self) -> int:
        """The free vertex at which a path ends, or FREE."""
        mates, parents = self.mates, self.parents
        free = [each for each, mate in enumerate(mates) if mate == FREE and each != self.root]
        for at in self.queue:  # which grows
            for end in free:  # most paths are short, and end here
                if self.may(at, end):
                    parents[end] = at
                    return end
            for other in self._near(at):
                if self.bases[at] == self.bases[other] or mates[at] == other:
                    continue
                mate = mates[other]
                if other == self.root or (mate != FREE and parents[mate] != FREE):
                    self._shrink(at, other)
                elif parents[other] == FREE:
                    parents[other] = at
                    self.reached[mate] = True
                    self.queue.append(mate)
        return FREE

    def _near(self, at: int) -> Iterator[int]:
        count = len(self.mates)
        for far in range(1, count):
            for other in (at + far, at - far):
                if 0 <= other < count and self.may(at, other):
                    yield other

    def _shrink(self, one: int, other: int) -> None:
        base = self._meeting(one, other)
        inside: set[int] = set()
        for start, child in ((one, other), (other, one)):
            at = start
            while self.bases[at] != base:
                mate = self.mates[at]
                inside |= {self.bases[at], self.bases[mate]}
                self.parents[at] = child
                child = mate
                at = self.parents[mate]
        for each, its_base in enumerate(self.bases):
            if its_base in inside:
                self.bases[each] = base
                if not self.reached[each]:
                    self.reached[each] = True
                    self.queue.append(each)

    def _meeting(self, one: int, other: int) -> int:
        """The nearest base that both have on their way to the root."""
        seen = set()
        at = self.bases[one]
        while True:
            seen.add(at)
            if self.mates[at] == FREE:
                break
            at = self.bases[self.parents[self.mates[at]]]
        at = self.bases[other]
        while at not in seen:
            at = self.bases[self.parents[self.mates[at]]]
        return at
