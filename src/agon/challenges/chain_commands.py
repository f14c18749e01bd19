"""Commands of challenges on a chain."""

from __future__ import annotations

import typer

from agon.kernel import commands

NUMBER_MAX = 2**63 - 1


def cancel_terminal_jobs() -> None:
    """Cancel AIVM jobs whose challenge is over; the dispatcher does so every minute."""
    canceled = commands.ask("select agon.cancel_terminal_jobs()")
    commands.out.print(f"{canceled} jobs canceled")


def retry(challenge: int = typer.Argument(min=0, max=NUMBER_MAX, help="Its number.")) -> None:
    """Let go on what was given up of a challenge: inference, settlement, registry, achievements."""
    done = commands.ask("select agon.retry_challenge($1)", challenge)
    for what in ("inference", "settlement"):
        if done[what]:
            commands.out.print(f"{what}: tried again")
    if done["transactions"]:
        commands.out.print(f"transactions: {done['transactions']} sent again")
    if not any(done.values()):
        commands.out.print("Nothing was given up.")
