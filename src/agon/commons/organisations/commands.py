"""Commands of organisations: what an operator does for those who cannot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import typer
from rich.table import Table

from agon.commons.organisations import branding, keys, organisations
from agon.kernel import commands
from agon.kernel.database import Conn

Answer = TypeVar("Answer")

SLUG = typer.Argument(help="The organisation's slug.")

org = typer.Typer(help="Organisations.", no_args_is_help=True)


@org.command("list")
def list_organizations() -> None:
    """Every organisation."""
    table = Table("slug", "name", "owner", box=None)
    for row in _ask(organisations.listed):
        table.add_row(row["slug"], row["name"], row["owner_wallet"])
    commands.out.print(table, soft_wrap=False)


@org.command("create")
def create_organization(
    slug: str = SLUG,
    name: str = typer.Argument(help="What it is called."),
    owner: str = typer.Option(..., help="The wallet that owns it."),
) -> None:
    """Make an organisation for a wallet."""
    draft = {"slug": slug, "name": name, "owner_wallet": owner}
    made = _ask(lambda conn: organisations.create(conn, draft))
    print(f"{made['slug']} belongs to {made['owner_wallet']}.")


@org.command("members")
def list_members(slug: str = SLUG) -> None:
    """Who belongs to an organisation."""
    table = Table("wallet", "role", "since", box=None)
    for row in _ask(lambda conn: organisations.members(conn, slug)):
        table.add_row(row["wallet"], row["role"], row["joined_at"])
    commands.out.print(table, soft_wrap=False)


@org.command("invite")
def invite(
    slug: str = SLUG,
    wallet: str = typer.Argument(help="Who is asked to join."),
    role: str = typer.Option("member", help="member or admin."),
) -> None:
    """Invite a wallet."""
    invited = _ask(lambda conn: organisations.invite(conn, slug, wallet, role))
    print(f"{invited['wallet']} may join as {invited['role']} until {invited['expires_at']}.")


@org.command("transfer")
def transfer(slug: str = SLUG, wallet: str = typer.Argument(help="A member.")) -> None:
    """Give an organisation to a member, for an owner whose wallet is lost."""
    given = _ask(lambda conn: organisations.transfer(conn, slug, wallet))
    print(f"{given['slug']} belongs to {given['owner_wallet']}.")


@org.command("key")
def key(
    slug: str = SLUG,
    label: str = typer.Option(None, help="Make a key that is called so; it is printed once."),
    scope: list[str] = typer.Option([], help="What it may do; several times for several."),
    rate_limit: int = typer.Option(None, help="Requests an hour."),
    expires_at: str = typer.Option(None, help="When it ends, ISO 8601."),
    revoke: str = typer.Option(None, help="End the key with this id."),
) -> None:
    """List an organisation's keys, make one, or end one."""
    if revoke:
        ended = _ask(lambda conn: keys.revoke(conn, slug, revoke))
        print("It holds no more." if ended else "No such key held.")
    elif label:
        made = _ask(
            lambda conn: keys.issue(
                conn, slug, label, scope, rate_limit=rate_limit, expires_at=expires_at
            )
        )
        print(made["key"])
    else:
        table = Table("id", "key", "label", "scopes", "an hour", "used", "ends", box=None)
        for row in _ask(lambda conn: keys.listed(conn, slug)):
            ends = row["revoked_at"] or row["expires_at"]
            cells = (row["id"], row["key_prefix"], row["label"], " ".join(row["scopes"]),
                     row["rate_limit"], row["last_used_at"], ends)  # fmt: skip
            table.add_row(*("" if cell is None else str(cell) for cell in cells))
        commands.out.print(table, soft_wrap=False)


@org.command("domain")
def check_domain(slug: str = SLUG) -> None:
    """Have an organisation's domain looked up soon, and show what DNS must say."""
    domain = _ask(lambda conn: branding.ask_check(conn, slug))["domain"]
    record = domain["record"]
    print(f'{record["name"]} {record["type"]} "{record["value"]}"')
    print(f"verified: {domain['verified_at']}; looked up: {domain['checked_at']}")


def _ask(act: Callable[[Conn], Awaitable[Answer]]) -> Answer:
    async def asking() -> Any:
        async with commands.begin().database() as database, database.as_worker() as conn:
            return await act(conn)

    return commands.run(asking())
