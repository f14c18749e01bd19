"""Commands of the worker's backlog: jobs that were given up, events that were set aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from agon.kernel import commands
from agon.kernel import events as outbox
from agon.kernel.errors import refuse
from agon.kernel.manifest import load
from agon.kernel.runtime import Runtime

jobs = typer.Typer(help="Jobs that were given up.", invoke_without_command=True)
events = typer.Typer(help="Events that a subscription set aside.", invoke_without_command=True)


@jobs.callback()
def list_jobs(context: typer.Context) -> None:
    """List them, the newest first, with what they failed of."""
    if context.invoked_subcommand is None:
        rows = commands.run(_rows(commands.begin(), "select * from agon.list_failed_jobs()"))
        _print(rows, "no job has failed")


@jobs.command("retry")
def retry_job(number: int = typer.Argument(help="Its id; 0 for all of them.")) -> None:
    """Queue a failed job again."""
    _act("agon.retry_job", number)


@jobs.command("drop")
def drop_job(number: int = typer.Argument(help="Its id; 0 for all of them.")) -> None:
    """Forget a failed job."""
    _act("agon.drop_job", number)


@events.callback()
def list_events(context: typer.Context) -> None:
    """List them, the oldest first, with what they failed of."""
    if context.invoked_subcommand is None:
        rows = commands.run(_rows(commands.begin(), "select * from agon.list_parked_events()"))
        _print(rows, "no event was set aside")


@events.command("retry")
def retry_event(subscription: str, number: int = typer.Argument(help="The event's id.")) -> None:
    """Hand an event to its subscription again, now."""
    process = commands.begin()
    known = {each.name: each for system in process.systems for each in system.subscriptions}
    if subscription not in known:
        raise refuse(
            "subscription_unknown",
            f"There is no subscription {subscription[:80]!r}.",
            hint="`agon events` names them.",
            status=404,
        )
    if not commands.run(_hand_over(process, subscription, number, load(known[subscription].run))):
        raise refuse("event_unknown", "This event was not set aside.", status=404)
    commands.out.print("taken")


async def _hand_over(process: Runtime, name: str, number: int, handle: outbox.Handler) -> bool:
    async with process.database() as pools:
        return await outbox.retry(pools, name, number, handle)


def _act(function: str, number: int) -> None:
    done = commands.run(_act_on(commands.begin(), function, number))
    if number and not done:
        raise refuse(
            "job_unknown", f"No failed job has the id {number}.", hint="`agon jobs` lists them.",
            status=404,
        )  # fmt: skip
    commands.out.print(f"{done} jobs")


async def _act_on(process: Runtime, function: str, number: int) -> int:
    """One call for each; how many there were."""
    numbers = [number]
    if number == 0:
        numbers = [r["id"] for r in await _rows(process, "select * from agon.list_failed_jobs()")]
    async with process.database() as pools, pools.as_worker() as conn:
        return sum([await conn.fetchval(f"select {function}($1)", each) for each in numbers])


async def _rows(process: Runtime, query: str) -> Sequence[Any]:
    async with process.database() as pools, pools.as_worker() as conn:
        return await conn.fetch(query)


def _print(rows: Sequence[Any], nothing: str) -> None:
    if not rows:
        commands.out.print(nothing, style="dim")
        return
    *heads, last = rows[0].keys()
    table = Table(*heads, Column(last, overflow="fold"), box=None)
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    commands.out.print(table, soft_wrap=False)
