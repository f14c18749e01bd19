"""Commands of epochs: days, their profiles, and the credentials of bots."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from agon.epochs import credentials, days, history, profiles
from agon.kernel import commands
from agon.kernel.database import ENGINE
from agon.kernel.errors import refuse

DAY = typer.Argument(None, metavar="[DAY]", help="As YYYY-MM-DD; the day that it is, if left out.")
SLUG = typer.Argument(help="The bot's slug.")

epoch = typer.Typer(help="The days of the contest.", no_args_is_help=True)
bot = typer.Typer(help="Bots.", no_args_is_help=True)


@epoch.command("profile")
def keep_profile(
    path: Path = typer.Argument(None, help="A profile, as JSON; the one that comes along if none."),
    key: str = typer.Option("daily", help="What it is called."),
    activate: bool = typer.Option(False, "--activate", help="Open new days by it."),
) -> None:
    """Keep a profile as its next version."""
    config = profiles.daily() if path is None else _read(path)
    kept = commands.act(lambda conn: days.keep_profile(conn, key, config, activate=activate))
    state = "is active" if kept["is_active"] else "is kept"
    print(f"{kept['profile_key']} version {kept['version']} {state}.")


@epoch.command("open")
def open_day(day: str = DAY) -> None:
    """Open a day by the active profile."""
    named = day_of(day)
    opened = commands.act(lambda conn: days.open_day(conn, named))
    print(f"{opened['day_date']} is in {opened['phase']}; live from {opened['starts_at']}.")


@epoch.command("advance")
def advance() -> None:
    """Make the moves that are due; the worker does so by itself."""
    moves = commands.act(days.advance)
    for move in moves:
        print(f"{move['day']} {move['from_phase']} -> {move['to_phase']}")
    if not moves:
        print("Nothing is due.")


@epoch.command("show")
def show(
    day: str = DAY,
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """Show a day and its slots; the newest, if none is named."""
    named = day_of(day)
    epoch, slots = commands.run(_look(named))
    if as_json:
        print(json.dumps({**epoch, "slots": slots}, indent=2))
        return
    commands.out.print(f"{epoch['day']} is in {epoch['phase']}")
    for name in ("opens_at", "starts_at", "freeze_at", "ends_at", "settle_at", "archive_at"):
        commands.out.print(f"  {name:<10} {epoch[name]}", style="dim")
    if epoch["result_cid"]:
        commands.out.print(f"{epoch['outcome']}, result {epoch['result_cid']}")
    table = Table("slot", "type", "label", "holder", "since", box=None)
    for slot in slots:
        cells = (slot["index"], slot["type"], slot["label"], slot["holder"], slot["held_since"])
        table.add_row(*("" if cell is None else str(cell) for cell in cells))
    commands.out.print(table, soft_wrap=False)


@bot.command("credential")
def issue_credential(
    slug: str = SLUG,
    valid_days: int = typer.Option(credentials.DAYS_DEFAULT, "--days", help="It holds so long."),
    revoke: str = typer.Option(None, help="End the credential with this id instead."),
    listed: bool = typer.Option(False, "--list", help="List the bot's credentials instead."),
) -> None:
    """Make a credential with which a program acts as a bot. It is printed now, and never again."""
    if revoke:
        ended = commands.act(lambda conn: credentials.revoke(conn, slug, revoke))
        print("It holds no more." if ended else "No such credential held.")
    elif listed:
        for row in commands.act(lambda conn: credentials.listed(conn, slug)):
            state = f"revoked {row['revoked_at']}" if row["revoked_at"] else row["expires_at"]
            print(row["id"], f"{row['prefix']}…", state)
    else:
        print(commands.act(lambda conn: credentials.issue(conn, slug, valid_days))["credential"])


def _read(path: Path) -> Any:
    if not path.is_file():
        raise refuse("file_missing", f"There is no file {path}.", hint="Check the path.")
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise refuse("profile_malformed", f"{path} is not JSON.", details=str(error)) from error


def day_of(text: str | None) -> date | None:
    """The day that was written, or None. Raises Refused `day_malformed`."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise refuse("day_malformed", f"{text!r} is no day.", hint="Write YYYY-MM-DD.") from error


async def _look(day: date | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    async with commands.begin().database() as database, database.as_caller(ENGINE) as conn:
        if day is None:
            newest = await history.days(conn, None, 1)
            if not newest:
                raise refuse("epoch_unknown", "No day was opened yet.", hint="`agon epoch open`")
            day = date.fromisoformat(newest[0]["day"])
        return await history.day(conn, day), await history.slots(conn, day)
