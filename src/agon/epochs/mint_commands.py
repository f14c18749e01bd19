"""`agon bot mint`: a new bot, by a transaction of ours."""

from __future__ import annotations

import secrets
from typing import Any

import typer

from agon.commons.chain.deploy_commands import WAIT_S
from agon.commons.people import wallets
from agon.kernel import commands
from agon.kernel.jobs import Work
from agon.kernel.runtime import Runtime

REQUEST_BYTES = 8
TOKEN_MAX = 2**63 - 1


def mint(
    owner: str = typer.Argument(help="The address that the bot is minted for."),
    key: str = typer.Option(None, help="Of this request; the same again mints no second bot."),
    token: int = typer.Option(None, min=0, max=TOKEN_MAX, help="Its number; else the next."),
    wait: bool = typer.Option(False, "--wait", help="Until it is final on the chain."),
) -> None:
    """Mint a bot: a token of BotIdentity, which our signer owns."""
    request = key or secrets.token_hex(REQUEST_BYTES)
    minted = commands.run(_mint(commands.begin(), wallets.address(owner), request, token, wait))
    print(f"{minted.slug} {minted.intent['status']} (key {request})")


async def _mint(process: Runtime, owner: str, request: str, token: int | None, wait: bool) -> Any:
    from dataclasses import replace

    from agon.commons.chain import errands, rpc
    from agon.epochs import mints

    async with rpc.connect(process) as node, process.database() as database:
        async with database.as_worker() as conn:
            minted = await mints.mint(conn, node, owner, request, token)
        if not wait:
            return minted
        work, intent = Work(database=database, runtime=process), minted.intent
        done = await errands.settled(work, intent["chain_id"], intent["key"], WAIT_S)
        return replace(minted, intent=done)
