"""Webhooks by command: what an operator looks at, and helps with."""

from __future__ import annotations

from uuid import UUID

import typer
from rich.table import Table

from agon.commons.organisations import deliveries
from agon.commons.organisations import webhooks as acts
from agon.kernel import commands

SKIP_HELP = "With --resume: one leaves out the delivery that waits, all everything until now."


def webhooks(
    slug: str = typer.Argument(help="The organisation's slug."),
    pause: UUID = typer.Option(None, help="Send nothing more to the webhook with this id."),
    resume: UUID = typer.Option(None, help="Go on where it stopped, or retry at once."),
    skip: str = typer.Option("none", help=SKIP_HELP),
    ping: UUID = typer.Option(None, help="Send it a webhook.ping."),
    last: UUID = typer.Option(None, help="Show what it was told last."),
) -> None:
    """List an organisation's webhooks, or see to one."""
    if last:
        commands.out.print(commands.run(_deliveries(slug, last)))
    else:
        commands.out.print(commands.run(_see_to(slug, pause, resume, skip, ping)))


async def _see_to(
    slug: str, pause: UUID | None, resume: UUID | None, skip: str, ping: UUID | None
) -> Table:
    process = commands.begin()
    async with process.database() as database, database.as_worker() as conn:
        if pause:
            async with acts.calling(process) as client:
                await acts.update(conn, client, slug, pause, {"active": False})
        if resume:
            await acts.resume(conn, slug, resume, skip)
        if ping:
            await deliveries.ping(conn, slug, ping)
        listed = await acts.listed(conn, slug)
    table = Table("id", "url", "events", "paused", "failures", "next attempt", box=None)
    for row in listed:
        cells = (row["id"], row["url"], " ".join(row["events"]), row["paused_reason"],
                 row["failures"], row["next_retry_at"])  # fmt: skip
        table.add_row(*("" if cell is None else str(cell) for cell in cells))
    return table


async def _deliveries(slug: str, webhook: UUID) -> Table:
    async with commands.begin().database() as database, database.as_worker() as conn:
        page = await deliveries.listed(conn, slug, webhook, None, deliveries.PAGE_MAX)
    table = Table("id", "event", "state", "attempt", "status", "what it said", box=None)
    for row in reversed(page["deliveries"]):
        said = (row["error"] or row["response_body"] or "")[:80]
        cells = (
            row["id"],
            row["event"],
            row["state"],
            row["attempt"],
            row["response_status"],
            said,
        )
        table.add_row(*("" if cell is None else str(cell) for cell in cells))
    return table
