"""What the bot's owner brings: the files of the upload, at once."""

from __future__ import annotations

from agon.epochs.providers.making import At, Desk, Step, Wish

NEEDS: tuple[str, ...] = ()


async def step(_desk: Desk, wish: Wish, _at: At) -> Step:
    """The files as they were brought."""
    return Step(made=wish.brought)
