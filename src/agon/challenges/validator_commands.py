"""`agon chain validator`: who may vote on challenges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import typer

from agon.commons.chain.deploy_commands import WAIT_S
from agon.commons.people import wallets
from agon.kernel import commands
from agon.kernel.jobs import Work
from agon.kernel.runtime import Runtime

ADDRESS = typer.Argument(help="The validator's address.")
WAIT = typer.Option(False, "--wait", help="Until it is final on the chain.")

validator = typer.Typer(help="Who may vote on challenges.", no_args_is_help=True)


@validator.command("add")
def add(address: str = ADDRESS, wait: bool = WAIT) -> None:
    """Let an address stake and vote. Works where our signer is ChallengePay's admin."""
    _print(address, "add", wait, "It is a validator already.")


@validator.command("remove")
def remove(address: str = ADDRESS, wait: bool = WAIT) -> None:
    """Let it vote no more; its stake stays its own."""
    _print(address, "remove", wait, "It is no validator.")


def _print(address: str, act: Literal["add", "remove"], wait: bool, otherwise: str) -> None:
    account = wallets.address(address)
    intent = commands.run(_change(commands.begin(), account, act, wait))
    print(f"{act} {account}: {intent['status']}" if intent else otherwise)


async def _change(
    process: Runtime, account: str, act: Literal["add", "remove"], wait: bool
) -> Mapping[str, Any] | None:
    from agon.challenges import validators
    from agon.commons.chain import errands, rpc

    async with rpc.connect(process) as node, process.database() as database:
        async with database.as_worker() as conn:
            intent = await validators.change(conn, node, account, act)
        if not wait or intent is None:
            return intent
        work = Work(database=database, runtime=process)
        return await errands.settled(work, intent["chain_id"], intent["key"], WAIT_S)
