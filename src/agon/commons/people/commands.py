"""Commands of people: a token for local use, and who has which role."""

from __future__ import annotations

import typer

from agon.commons.people import wallets
from agon.kernel import clock, commands, jwt
from agon.kernel.errors import refuse

HOUR_S = 3600
WHO = typer.Argument(help="A user, by id, e-mail address or wallet.")

role = typer.Typer(help="Who has which role.", no_args_is_help=True)


def token(
    wallet: str = typer.Option(None, help="Link this wallet to the token's user."),
    role: str = typer.Option("authenticated", help="anon, authenticated or service_role."),
    admin: bool = typer.Option(False, "--admin", help="Carry the role admin."),
    hours: int = typer.Option(24, min=1, max=24 * 366, help="How long it holds."),
) -> None:
    """Mint an access token for local use. Over HTTP, a wallet needs a signature."""
    process = commands.begin()
    if role not in jwt.ROLES:
        raise refuse("role_unknown", f"There is no role {role}.", hint=", ".join(jwt.ROLES))
    if role == "authenticated" and wallet is None and not admin:
        raise refuse("wallet_missing", "A user's token needs --wallet.", hint="Or --admin.")
    claims: dict[str, object] = {"role": role}
    if role == "authenticated":
        user_id = wallets.local_user(wallet or "0x" + "0" * 40)
        claims |= {"sub": user_id, "aud": jwt.AUDIENCE}
        if wallet:
            commands.act(lambda conn: wallets.link(conn, user_id, wallet))
    if admin:
        claims["app_metadata"] = {"roles": ["admin"]}
    if process.settings["jwt_issuer"]:
        claims["iss"] = process.settings["jwt_issuer"]
    print(jwt.mint(claims, process.jwt_keys[0], clock.now_s(), hours * HOUR_S))


@role.command("grant")
def grant_role(who: str = WHO, name: str = typer.Argument(help="Such as admin.")) -> None:
    """Give a user a role; it holds from the next sign-in or refresh."""
    commands.ask("select agon.grant_role(agon.find_user($1), $2)", who, name)
    print(f"{who} has the role {name}.")


@role.command("revoke")
def revoke_role(who: str = WHO, name: str = typer.Argument(help="Such as admin.")) -> None:
    """Take a role from a user; tokens that stand keep it until they expire."""
    had = commands.ask("select agon.revoke_role(agon.find_user($1), $2)", who, name)
    print(f"{who} has the role {name} no more." if had else f"{who} had no role {name}.")


@role.command("list")
def list_roles() -> None:
    """Every role that a user has, one a line: role, then user id."""
    listed = "select role, user_id from agon.list_roles()"
    for row in commands.act(lambda conn: conn.fetch(listed)):
        print(row["role"], row["user_id"])
