"""Commands of the chain: how far it is read, reading it, and comparing what we made of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import typer
from rich.table import Table

from agon.commons.chain.deploy_commands import deploy, keep
from agon.commons.chain.signer_commands import signer
from agon.kernel import commands
from agon.kernel.jobs import Work
from agon.kernel.manifest import load
from agon.kernel.runtime import Runtime

Answer = TypeVar("Answer")

STANDINGS = {
    "behind": "The node lags behind what was read before.",
    "parted": "The node holds other blocks than were read; `agon doctor` says whether final ones.",
    "other_chain": "The node speaks for another chain than the one that is followed.",
}
AS_JSON = typer.Option(False, "--json", help="Print JSON.")

chain = typer.Typer(help="The chain that is followed.", no_args_is_help=True)
chain.add_typer(signer, name="signer")
chain.command("deploy")(deploy)
chain.command("keep")(keep)


@chain.command("status")
def show_status(as_json: bool = AS_JSON) -> None:
    """How far the chain is, how far we are, and whose logs are read."""
    from agon.commons.chain import overview

    async def look(work: Work) -> dict[str, Any]:
        return await overview.look(work.runtime, work.database)

    process = commands.begin()
    seen = commands.run(_with_work(process, look))
    print(json.dumps(seen, indent=2)) if as_json else _print(process, seen)


@chain.command("index")
def index(as_json: bool = AS_JSON) -> None:
    """Read all that is new, once. `agon work` and `agon serve` do so all the time."""
    _print_done(commands.run(_with_work(commands.begin(), _catch_up)), as_json)


@chain.command("reindex")
def reindex(
    from_block: int = typer.Option(..., "--from", min=0, help="The first block to read again."),
    as_json: bool = AS_JSON,
) -> None:
    """Take everything back from a block on, final or not, and read it again."""

    async def again(work: Work) -> Any:
        from agon.commons.chain import rpc

        # Nothing is taken back while there is no node to read it from.
        async with rpc.connect(work.runtime) as node:
            chain_id = await node.chain_id()
        async with work.database.as_worker() as conn:
            await conn.execute("select agon.reindex_chain($1, $2)", chain_id, from_block)
        return await _catch_up(work)

    _print_done(commands.run(_with_work(commands.begin(), again)), as_json)


@chain.command("reconcile")
def reconcile(
    force: bool = typer.Option(False, "--force", help="Correct any number of rows."),
    as_json: bool = AS_JSON,
) -> None:
    """Compare what systems keep of the chain with the chain itself."""

    async def compare(work: Work) -> dict[str, int]:
        return {
            each.name: await load(each.run)(work, force=force)
            for system in work.runtime.systems
            for each in system.reconcilers
        }

    found = commands.run(_with_work(commands.begin(), compare))
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        for name, differing in found.items():
            commands.out.print(f"{name}: {differing} differ" if differing else f"{name}: same")
    if any(found.values()):
        raise typer.Exit(1)


async def _catch_up(work: Work) -> Any:
    from agon.commons.chain import indexing, rpc

    async with rpc.connect(work.runtime) as node:
        return await indexing.catch_up(indexing.walk(work, node))


async def _with_work(process: Runtime, act: Callable[[Work], Awaitable[Answer]]) -> Answer:
    async with process.database() as database:
        return await act(Work(database=database, runtime=process))


def _print_done(done: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(done.as_json(), indent=2))
        return
    undone = f", {done.undone} taken back" if done.undone else ""
    commands.out.print(
        f"chain {done.chain_id}: {done.blocks} blocks read{undone}, {done.logs} logs; "
        f"up to {done.next_block - 1} of {done.head}, final up to {done.finalized}"
    )
    if done.is_behind:
        commands.out.print(STANDINGS["behind"], style="dim")


def _print(process: Runtime, seen: Mapping[str, Any]) -> None:
    from agon.commons.chain import overview

    out, node, known = commands.out, seen["node"], seen["chain"]
    if "refused" in node:
        out.print(f"node: {node['refused']}", markup=False)
    else:
        out.print(
            f"node: chain {node['chain_id']}, block {node['head']}, final {node['finalized']}"
        )
    if known is None:
        if "refused" not in node:
            out.print("No chain was indexed yet; `agon chain index` does so.", style="dim")
        return
    lag = "" if seen["lag"] is None else f", {seen['lag']} behind"
    final = known["finalized_block"]
    out.print(
        f"chain {known['chain_id']}: {overview.reading(known)}{lag}, "
        f"{f'final {final}' if final >= 0 else 'nothing final'}, {known['logs']} logs"
    )
    if seen["standing"] in STANDINGS:
        out.print(STANDINGS[seen["standing"]])
    signer = known["signer"]
    out.print(
        f"signer: {signer['address']} ({signer['kind']})"
        if signer
        else "signer: none, so nothing is sent; `agon chain signer add`"
    )
    sending = ", ".join(f"{count} {status}" for status, count in known["open_intents"].items())
    out.print(f"open transactions: {sending or 'none'}")
    table = Table("contract", "version", "address", "from", "to", box=None)
    for each in known["contracts"]:
        first, last = str(each["from_block"]), str(each["to_block"] or "")
        table.add_row(each["name"], str(each["abi_version"]), each["address"], first, last)
    out.print(table, soft_wrap=False)
    for each in overview.unread(known):
        out.print(
            f"{each['name']}: logs before {each['read_from']} are not read; "
            f"`agon chain reindex --from {each['from_block']}` reads them."
        )
