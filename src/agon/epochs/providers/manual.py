"""What the bot's owner brings: the files of the upload, at once."""

from __future__ import annotations

from agon.epochs.providers.making import At, Step, Wish
from agon.kernel.jobs import Work

NEEDS: tuple[str, ...] = ()


async def step(_work: Work, wish: Wish, _at: At) -> Step:
    """The files as they were brought."""
    return Step(made=wish.brought)
