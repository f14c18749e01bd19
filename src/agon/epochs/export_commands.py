"""`agon epoch export`: a day as a file that settles to the same result anywhere."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import BinaryIO

import typer

from agon.epochs import exporting
from agon.epochs.commands import day_of
from agon.kernel import commands


def export(
    day: str = typer.Argument(help="As YYYY-MM-DD."),
    out: Path = typer.Option(None, help="Where to; the standard output if left out."),
) -> None:
    """Write a day as a file for `agon epoch replay`."""
    named = day_of(day)
    count = commands.run(_export(named, out))
    if out is not None:
        print(f"{named}: {count} events in {out}.")


async def _export(day: date, out: Path | None) -> int:
    def opened() -> AbstractContextManager[BinaryIO]:
        return nullcontext(sys.stdout.buffer) if out is None else out.open("wb")

    async with commands.begin().database() as database:
        return await exporting.export(database, day, opened)
