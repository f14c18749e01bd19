"""Commands of notifications: the mail that was written to files."""

from __future__ import annotations

import json

import typer
from rich.markup import escape
from rich.table import Column, Table

from agon.commons.notifications import folder
from agon.kernel import commands
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

LISTED_MAX = 20

mail = typer.Typer(help="Mail in development, where it is files.", invoke_without_command=True)


@mail.callback()
def list_mail(
    context: typer.Context,
    limit: int = typer.Option(LISTED_MAX, min=1, max=folder.FILES_MAX, help="How many."),
    as_json: bool = typer.Option(False, "--json", help="Print a JSON array."),
) -> None:
    """List the newest mail; number 1 is the newest."""
    if context.invoked_subcommand is not None:
        return
    process = commands.begin()
    found = folder.newest(folder.place(process), limit)
    if as_json:
        print(json.dumps([{"n": n, **one.as_json()} for n, one in enumerate(found, 1)], indent=2))
        return
    _print(process, found)


@mail.command("show")
def show_mail(
    number: int = typer.Argument(None, min=1, help="As `agon mail` counts; 1 is the newest."),
    last: bool = typer.Option(False, "--last", help="The newest."),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON, with its text."),
) -> None:
    """Print one mail as text."""
    if (number is None) != last:
        raise refuse("mail_unnamed", "Name one mail.", hint="`agon mail show 1`, or --last.")
    wanted = 1 if last else number
    found = folder.newest(folder.place(commands.begin()), wanted)
    if len(found) < wanted:
        raise refuse(
            "mail_unknown",
            f"There is no mail {wanted}: the folder holds {len(found)}.",
            hint="`agon mail` lists them. A worker writes them: `agon serve`, or `agon work`.",
            status=404,
        )
    one = found[-1]
    if as_json:
        print(json.dumps({"n": wanted, **one.as_json(), "text": one.text}, indent=2))
        return
    commands.out.print(f"To: {one.to}\nSubject: {one.subject}\nDate: {one.at}\n", markup=False)
    commands.out.print(one.text, markup=False, end="")


def _print(process: Runtime, found: list[folder.Kept]) -> None:
    out = commands.out
    if process.settings["smtp_url"]:
        out.print("AGON_SMTP_URL is set: mail is sent, not written to files.", style="dim")
    if not found:
        out.print(f"no mail in {folder.place(process)}", style="dim", markup=False)
        return
    table = Table("n", Column("when", no_wrap=True), "to", "subject", box=None)
    table.add_column("code or link", overflow="fold")
    for number, one in enumerate(found, 1):
        shown = "  ".join(filter(None, (one.code, one.link)))
        when = f"{one.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(number), when, escape(one.to), escape(one.subject), escape(shown))
    out.print(table, soft_wrap=False)
