"""Seeding: the order of entrants, and where a seed stands in a bracket. Pure.

Everyone's order is a list of entrants, the first seed first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from agon.kernel.errors import refuse

ENTRANTS_MIN, ENTRANTS_MAX = 2, 65_536
ENTRANT_CHARS_MAX = 100
SEED_CHARS_MAX = 1_000


def check(entrants: Sequence[str]) -> None:
    """Refuse what is no order of seeds: `entrants_malformed`."""
    if not ENTRANTS_MIN <= len(entrants) <= ENTRANTS_MAX:
        raise _malformed(f"{len(entrants)} entrants; from {ENTRANTS_MIN} to {ENTRANTS_MAX}.")
    if not all(isinstance(each, str) and 0 < len(each) <= ENTRANT_CHARS_MAX for each in entrants):
        raise _malformed(f"An entrant's id is a text of 1 to {ENTRANT_CHARS_MAX} characters.")
    if len(set(entrants)) < len(entrants):
        raise _malformed("An entrant is seeded once.")


def size_for(entrants: int) -> int:
    """The least power of two, from 2, that holds so many."""
    return max(2, 1 << (entrants - 1).bit_length())


def inner_outer(size: int) -> list[int]:
    """Seeds (from 1) from the top of the first round to its bottom; size: a power of two.

    If the better seed always wins, k meets size + 1 - k, and 1 and 2 meet in the final. Byes, which
    stand for the seeds that are not there, fall to the best.
    """
    order = [1, 2]
    while len(order) < size:
        both = 2 * len(order) + 1
        order = [seed for each in order for seed in (each, both - each)]
    return order


def shuffled(entrants: Sequence[str], seed: str) -> list[str]:
    """An order by chance that anyone can repeat: by SHA-256 of "<seed>\\n<entrant>", as hex.

    The seed is published, best after registration has closed. The order of input changes nothing.
    """
    if not 0 < len(seed) <= SEED_CHARS_MAX:
        raise _malformed(f"The seed of chance is a text of 1 to {SEED_CHARS_MAX} characters.")
    return sorted(entrants, key=lambda each: (_drawn(seed, each), each))


def by_rating(entrants: Sequence[str], ratings: Mapping[str, int]) -> list[str]:
    """The highest rating first, those without one last; equals by id."""
    return sorted(
        entrants,
        key=lambda each: (each not in ratings, -ratings.get(each, 0), each),
    )


def manual(entrants: Sequence[str], seeds: Mapping[str, int]) -> list[str]:
    """Those with a seed by it, then the others in the order given.

    Refused: `entrants_malformed` where two have the same seed.
    """
    given = [seeds[each] for each in entrants if each in seeds]
    if len(set(given)) < len(given):
        raise _malformed("Two entrants have the same seed.")
    return sorted(entrants, key=lambda each: (each not in seeds, seeds.get(each, 0)))


def _drawn(seed: str, entrant: str) -> str:
    return sha256(f"{seed}\n{entrant}".encode()).hexdigest()


def _malformed(details: str) -> Exception:
    return refuse(
        "entrants_malformed",
        "These entrants cannot be seeded.",
        details=details,
        hint="A bracket takes a list of different ids, the first seed first.",
        status=422,
    )
