"""Commands of leagues: what an operator does for competitions."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import typer
from rich.table import Table

from agon.kernel import commands
from agon.kernel.database import ENGINE, Conn, Database
from agon.kernel.errors import refuse
from agon.leagues import boards, competitions, matches, registrations
from agon.leagues.brackets import drawing

Answer = TypeVar("Answer")

COMPETITION = typer.Argument(metavar="ID", help="The competition's id.")
MATCH = typer.Argument(help="The match's key, such as w.1.3.")
REASON = typer.Option(..., help="Why; everyone may read it.")

competition = typer.Typer(help="Competitions and their brackets.", no_args_is_help=True)


@competition.command("list")
def list_competitions(
    org: str = typer.Option(None, help="Of one organisation, by its slug."),
    status: str = typer.Option(None, help="draft, open, active, completed or canceled."),
) -> None:
    """Competitions, the newest first."""
    table = Table("id", "title", "type", "status", "starts", box=None)
    for row in _read(lambda conn: competitions.listed(conn, org, status)):
        table.add_row(row["id"], row["title"], row["type"], row["status"], row["starts_at"])
    commands.out.print(table, soft_wrap=False)


@competition.command("show")
def show(
    competition_id: UUID = COMPETITION,
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """A competition, and its bracket as a tree."""
    shown, drawn = _read(lambda conn: _drawn(conn, competition_id))
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    counted = f"{shown['registered']} registered, {shown['waiting']} waiting"
    print(f"{shown['title']} is {shown['status']}: {counted}.")
    for line in drawn:
        print(line)
    for name in ("result_cid", "prizes_cid"):
        if shown[name]:
            print(f"{name} {shown[name]}")


@competition.command("open")
def open_competition(competition_id: UUID = COMPETITION) -> None:
    """Publish a draft."""
    opened = _ask(lambda conn: competitions.open_(conn, competition_id))
    print(f"{opened['title']} is {opened['status']}.")


@competition.command("start")
def start(competition_id: UUID = COMPETITION) -> None:
    """Begin a competition, and make its bracket."""
    _ask(lambda conn: competitions.start(conn, competition_id))
    print("It is active.")


@competition.command("cancel")
def cancel(competition_id: UUID = COMPETITION) -> None:
    """End a competition without a result."""
    canceled = _ask(lambda conn: competitions.cancel(conn, competition_id))
    print(f"{canceled['title']} is {canceled['status']}.")


@competition.command("report")
def report(
    competition_id: UUID = COMPETITION,
    match: str = MATCH,
    result: str = typer.Argument(help='As JSON: {"scores": [[2, 1]]}, or with a kind.'),
) -> None:
    """Decide a match."""
    stated = _json(result)
    decided = _act(lambda base: matches.report(base, ENGINE, competition_id, match, stated))
    print(f"{match} is {decided['status']}; the winner is {decided['winner'] or 'nobody'}.")


@competition.command("undo")
def undo(
    competition_id: UUID = COMPETITION,
    match: str = MATCH,
    reason: str = REASON,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
) -> None:
    """Take a result back, with all that came of it; what that is is shown first."""
    told = _act(lambda base: matches.preview_undo(base, ENGINE, competition_id, match))
    for reverted in told["reverted"]:
        print(json.dumps(reverted))
    if yes or typer.confirm(f"Take back these {len(told['reverted'])} results?", abort=True):
        _act(lambda base: matches.undo(base, ENGINE, competition_id, match, reason))
        print("They are taken back.")


@competition.command("disqualify")
def disqualify(
    competition_id: UUID = COMPETITION,
    participant: str = typer.Argument(help="A wallet, or the id of a team."),
    reason: str = REASON,
) -> None:
    """Put a participant out."""
    _act(lambda base: registrations.disqualify(base, ENGINE, competition_id, participant, reason))
    print(f"{participant} is out.")


@competition.command("resolve")
def resolve(
    competition_id: UUID = COMPETITION,
    dispute: UUID = typer.Argument(help="The dispute's id."),
    resolution: str = typer.Argument(help="upheld, replayed, overturned or dismissed."),
    note: str = typer.Option(..., help="Why; who filed it reads it."),
    result: str = typer.Option(None, help="With overturned: what stands instead, as JSON."),
) -> None:
    """Decide on a dispute."""
    decision = {"resolution": resolution, "note": note, "result": _json(result) if result else None}
    ended = _act(lambda base: matches.resolve(base, ENGINE, competition_id, dispute, decision))
    print(f"The dispute is {ended['status']}: {ended['resolution']}.")


async def _drawn(conn: Conn, competition_id: UUID) -> tuple[dict[str, Any], list[str]]:
    shown = await competitions.shown(conn, competition_id)
    if shown["type"] != "bracket" or shown["started_at"] is None:
        return shown, []
    board = await boards.seen(conn, competition_id)
    names = await matches.names(conn, board.bracket.entrants)
    return shown, drawing.lines(board.bracket, names)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise refuse("result_malformed", "The result is not JSON.", details=str(error)) from error


def _read(act: Callable[[Conn], Awaitable[Answer]]) -> Answer:
    async def read() -> Answer:
        async with commands.begin().database() as database, database.as_caller(ENGINE) as conn:
            return await act(conn)

    return commands.run(read())


def _ask(act: Callable[[Conn], Awaitable[Answer]]) -> Answer:
    async def ask() -> Answer:
        async with commands.begin().database() as database, database.as_worker() as conn:
            return await act(conn)

    return commands.run(ask())


def _act(act: Callable[[Database], Awaitable[Answer]]) -> Answer:
    async def go() -> Answer:
        async with commands.begin().database() as database:
            return await act(database)

    return commands.run(go())
