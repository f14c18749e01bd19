"""`agon epoch replay`: settle a day from a file, with no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.table import Column, Table

from agon.epochs import replaying
from agon.epochs.settlement import NO_CONTRIBUTION, NO_RECIPIENT
from agon.kernel import commands
from agon.kernel.errors import Refused

SENTENCES = {
    NO_CONTRIBUTION: "Nobody contributed, so nobody is paid.",
    NO_RECIPIENT: "No bot that contributed has an owner, so nobody is paid.",
}
SECOND_MS = 1000


def replay(
    file: Path = typer.Argument(help="NDJSON: a line about the day, then a line an event."),
    bundle: Path = typer.Option(
        None, help="Write the result bundle to this file; what is attached, beside it."
    ),
) -> None:
    """Settle a day from a file of its events."""
    with file.open("rb") as opened:
        # Without the limit, a file without line feeds would be held whole.
        day = replaying.read(iter(partial(opened.readline, replaying.HEAD_BYTES_MAX + 1), b""))
    try:
        result = day.bundle()
    except Refused as refused:
        if bundle is not None or refused.refusal.code != "result_large":
            raise
        _print(day.settled())
        commands.out.print(f"  no result: {day.log.events()} events are too many for a bundle")
        return
    _print(result.output)
    if bundle is not None:
        bundle.write_bytes(result.data)
        for name, data in result.attachments.items():
            bundle.with_name(name).write_bytes(data)
    commands.out.print(f"  result {result.cid}", style="dim")


def _print(output: Mapping[str, Any]) -> None:
    commands.out.print(table(output["bots"], output["totals"]), soft_wrap=False)
    if output["outcome"] in SENTENCES:
        commands.out.print(SENTENCES[output["outcome"]])
    if output["caps"] == "raised":
        commands.out.print("The caps left part of the pool to nobody, and were raised.")


def table(rows: Iterable[Mapping[str, Any]], totals: Mapping[str, Any], title: str = "") -> Table:
    """A settlement's bots, and what they add up to."""

    def right(name: str) -> Column:
        return Column(name, justify="right", no_wrap=True)

    made = Table(
        Column("bot", overflow="fold"), right("held s"), right("claims"), right("defended s"),
        right("votes"), right("bps"), right("wei"), box=None, title=title,
    )  # fmt: skip
    for row in rows:
        made.add_row(row["bot"], *_figures(row), row["vote_quality"], *_paid(row))
    made.add_row("total", *_figures(totals), f"{totals['votes']} cast", *_paid(totals))
    return made


def _figures(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return _seconds(row["occupied_ms"]), str(row["claims"]), _seconds(row["defense_ms"])


def _seconds(ms: int) -> str:
    return f"{ms // SECOND_MS}.{ms % SECOND_MS:03}"


def _paid(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["bps"]), row["wei"]
