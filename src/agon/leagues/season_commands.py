"""Commands of seasons: what an operator looks at, and counts anew."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from agon.kernel import commands
from agon.kernel.database import ENGINE, Conn, Database
from agon.leagues import seasons

Answer = TypeVar("Answer")

SEASON = typer.Argument(metavar="ID", help="The season's id.")

season = typer.Typer(help="Seasons and their standings.", no_args_is_help=True)


@season.command("list")
def list_seasons(org: str = typer.Argument(help="The organisation's slug.")) -> None:
    """Seasons of an organisation, the newest first."""
    table = Table("id", "name", "status", "starts", box=None)
    for row in _read(lambda conn: seasons.listed(conn, org)):
        table.add_row(row["id"], row["name"], row["status"], row["starts_at"])
    commands.out.print(table, soft_wrap=False)


@season.command("show")
def show(
    season_id: UUID = SEASON,
    first: int = typer.Option(1, "--from", min=1, help="The rank to begin with."),
    limit: int = typer.Option(20, min=1, max=seasons.ROWS_MAX, help="Standings at most."),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """A season, what it counts, and its standings."""
    shown = _read(lambda conn: _look(conn, season_id, first, limit))
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    commands.out.print(f"{shown['name']} is {shown['status']}.")
    for each in shown["counts"]:
        commands.out.print(f"  {each['weight']} x {each['title']} ({each['status']})", style="dim")
    names = ("rank", "place", "wallet", "points", "wins", "draws", "losses", "entered")
    table = Table(*names, box=None)
    for row in shown["standings"]:
        table.add_row(*(str(row[name]) for name in names))
    commands.out.print(table, soft_wrap=False)
    if shown["result_cid"]:
        print(f"result_cid {shown['result_cid']}")


@season.command("check")
def check(season_id: UUID = SEASON) -> None:
    """Compare the standings with what follows from all results."""
    wrong = _act(lambda database: _differences(database, season_id))
    for wallet in wrong:
        print(wallet)
    print(f"{len(wrong)} differ." if wrong else "All standings hold.")
    if wrong:
        raise typer.Exit(1)


@season.command("recount")
def recount(season_id: UUID = SEASON) -> None:
    """Count a season anew from all its results."""
    wrong = _act(lambda database: seasons.recount(database, season_id))
    print(f"Counted anew; {wrong} differed.")


@season.command("complete")
def complete(season_id: UUID = SEASON) -> None:
    """End a season whose competitions are over."""
    ended = _act(lambda database: seasons.complete(database, ENGINE, season_id))
    print(f"{ended['name']} is {ended['status']}: {ended['result_cid']}")


async def _look(conn: Conn, season_id: UUID, first: int, most: int) -> dict[str, Any]:
    return {
        **await seasons.shown(conn, season_id),
        "counts": await seasons.competitions(conn, season_id),
        "standings": await seasons.standings(conn, season_id, first, None, most),
    }


async def _differences(database: Database, season_id: UUID) -> list[str]:
    async with database.as_worker() as conn:
        return await seasons.differences(conn, season_id)


def _read(act: Callable[[Conn], Awaitable[Answer]]) -> Answer:
    async def read() -> Answer:
        async with commands.begin().database() as database, database.as_caller(ENGINE) as conn:
            return await act(conn)

    return commands.run(read())


def _act(act: Callable[[Database], Awaitable[Answer]]) -> Answer:
    async def go() -> Answer:
        async with commands.begin().database() as database:
            return await act(database)

    return commands.run(go())
