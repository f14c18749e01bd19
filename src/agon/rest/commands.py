"""Commands of the doors: the keys that clients need, and the keys that sign."""

from __future__ import annotations

import json

import typer
from rich.markup import escape

from agon.kernel import apikeys, clock, commands, jwt
from agon.kernel import keys as kept
from agon.kernel.runtime import Runtime

keys = typer.Typer(help="Keys for Supabase's clients.", invoke_without_command=True)

ROTATED = """\
New tokens are signed by it; those of the former keys hold on. Running servers take it up.
The JWT forms that `agon keys` printed before were signed by a former key: they end when it goes.
Once everything uses the new ones, and an hour has passed: agon keys retire {former}"""


@keys.callback()
def show(
    context: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Print the URL and the keys for createClient."""
    if context.invoked_subcommand is not None:
        return
    printed = printable(commands.begin())
    if as_json:
        print(json.dumps(printed, indent=2))
        return
    width = max(map(len, printed))
    for name, value in printed.items():
        commands.out.print(f"{name:<{width}}  {escape(value)}")


@keys.command("rotate")
def rotate() -> None:
    """Sign with a new key from now on; the former ones go on verifying."""
    process = commands.begin()
    former = process.jwt_keys[0]
    new = kept.rotate_jwt(process.settings, process.home)
    commands.out.print(f"signing key {new.kid}")
    commands.out.print(ROTATED.format(former=former.kid), style="dim")


@keys.command("retire")
def retire(kid: str = typer.Argument(help="A former key's name.")) -> None:
    """Forget a former signing key: what it signed holds no more."""
    process = commands.begin()
    kept.retire_jwt(process.settings, process.home, kid)
    commands.out.print(f"key {kid} is retired")


def printable(process: Runtime) -> dict[str, str]:
    """What clients need, by name. The JWT forms are minted anew each time; all of them hold."""
    signing = process.jwt_keys
    forms = apikeys.jwt_forms(signing[0], clock.now_s(), process.settings["jwt_issuer"])
    return {
        "url": process.public_url,
        "publishable_key": process.api_keys.publishable,
        "secret_key": process.api_keys.secret,
        "anon_key": forms["anon"],
        "service_role_key": forms["service_role"],
        "signing_key": signed_by(signing),
    }


def signed_by(signing: jwt.Keys) -> str:
    """The names of the signing keys, the present one first."""
    return ", ".join(key.kid or "AGON_JWT_SECRET" for key in signing)
