"""`agon chain signer`: who signs for us. A key comes from a file or standard input, never from an
argument, which anybody on the machine could read."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.table import Column, Table

from agon.commons.chain import rpc, signers
from agon.kernel import commands
from agon.kernel.database import Conn
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

KEY_FILE_BYTES_MAX = 1024

CHAIN = typer.Option(None, "--chain", min=1, help="Its EIP-155 number; else the node is asked.")

signer = typer.Typer(help="Who signs for us.", no_args_is_help=True)


@signer.command("add")
def add(
    key_file: Path = typer.Option(None, "--key-file", help="Holds the key; else standard input."),
    safe: str = typer.Option(None, "--safe", help="The address of a Safe, instead of a key."),
    proposer: str = typer.Option(None, "--proposer", help="The signer that proposes to the Safe."),
    chain: int = CHAIN,
) -> None:
    """Add a private key (64 hex digits), sealed at once; or a Safe that we propose to."""
    if (safe is None) != (proposer is None):
        raise refuse("signer_unclear", "A Safe needs a proposer.", hint="--safe and --proposer.")
    text = None if safe else _read(key_file)

    async def keep(conn: Conn, chain_id: int) -> Mapping[str, Any]:
        if safe:
            return await signers.add_safe(conn, chain_id, safe, proposer)
        return await signers.add_key(conn, chain_id, text or "")

    row = commands.run(_on_chain(commands.begin(), chain, keep))
    state = "active" if row["active"] else "not active; `agon chain signer use` makes it so"
    print(f"{row['address']} ({row['kind']}, chain {row['chain_id']}): {state}")


@signer.command("list")
def list_all() -> None:
    """Every signer, and how many transactions it has under way."""
    rows = commands.act(lambda conn: conn.fetch("select * from agon.list_signers()"))
    table = Table("chain", Column("address", overflow="fold"), "kind", "active", "next nonce",
                  "under way", box=None)  # fmt: skip
    for row in rows:
        nonce = "" if row["next_nonce"] is None else str(row["next_nonce"])
        table.add_row(
            str(row["chain_id"]), row["address"], row["kind"], "yes" if row["active"] else "",
            nonce, str(row["open_intents"]),
        )  # fmt: skip
    commands.out.print(table, soft_wrap=False)


@signer.command("use")
def use(address: str, chain: int = CHAIN) -> None:
    """Let this signer sign from now on; what was signed by another stays with it."""

    async def choose(conn: Conn, chain_id: int) -> Mapping[str, Any]:
        return await signers.use(conn, chain_id, address)

    row = commands.run(_on_chain(commands.begin(), chain, choose))
    print(f"{row['address']} signs on chain {row['chain_id']}.")


def _read(path: Path | None) -> str:
    """The key's text. Raises Refused `file_missing`."""
    if path is None:
        if sys.stdin.isatty():
            return typer.prompt("Private key", hide_input=True)
        return sys.stdin.read(KEY_FILE_BYTES_MAX)
    if not path.is_file():
        raise refuse("file_missing", f"There is no file {path}.", hint="Check the path.")
    with path.open("r", encoding="utf-8", errors="replace") as file:
        return file.read(KEY_FILE_BYTES_MAX)


async def _on_chain(
    process: Runtime, chain: int | None, act: Callable[[Conn, int], Awaitable[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    if chain is None:
        async with rpc.connect(process) as node:
            chain = await node.chain_id()
    async with process.database() as database, database.as_worker() as conn:
        return await act(conn, chain)
