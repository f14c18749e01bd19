"""`agon epoch pay`: start or try again what a settled day owes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from agon.epochs.commands import day_of
from agon.kernel import commands


def pay(day: str = typer.Argument(help="As YYYY-MM-DD.")) -> None:
    """Start the payouts and the edition of a settled day, and try again what failed of them."""
    done = commands.ask("select agon.pay_day($1)", day_of(day))
    for sentence in _sentences(done):
        commands.out.print(sentence)


def _sentences(done: Mapping[str, Any]) -> list[str]:
    said = [f"{done['confirmed']} of {done['owed']} payouts are confirmed."]
    if done["started"]:
        said.append(f"{done['started']} are started; the worker sends them.")
    if done["unstarted"]:
        waiting = f"{done['unstarted']} wait for EpochPayout, the contract, on a chain"
        said.append(f"{waiting}: see `agon chain status`.")
    if done["again"]:
        said.append(f"{done['again']} transactions that failed are sent again.")
    waits = f": {done['edition_waits']}" if done["edition_waits"] else "."
    said.append(f"The edition is {done['edition']}{waits}")
    return said
