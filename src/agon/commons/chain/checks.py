"""Checks of `agon doctor`: the node, and how the index stands to it."""

from __future__ import annotations

from agon.commons.chain import overview
from agon.kernel.doctor import Finding
from agon.kernel.runtime import Runtime

LAG_BLOCKS_MAX = 1_000


async def check_node(runtime: Runtime) -> Finding:
    """The node answers, and speaks for the chain that this database follows."""
    if runtime.settings["rpc_url"] is None:
        return Finding(state="note", text="AGON_RPC_URL is not set: nothing is on chain")
    async with runtime.database() as database:
        seen = await overview.look(runtime, database)
    node = seen["node"]
    if "refused" in node:
        return Finding(state="wrong", text=node["refused"], hint="Check AGON_RPC_URL.")
    if seen["standing"] == "other_chain":
        return Finding(
            state="wrong",
            text=f"the node speaks for chain {node['chain_id']}, "
            f"this database follows {seen['chain']['chain_id']}",
            hint="Correct AGON_RPC_URL, or use another database for that chain.",
        )
    return Finding(state="ok", text=f"chain {node['chain_id']}, at block {node['head']}")


async def check_signer(runtime: Runtime) -> Finding:
    """Somebody signs what we mean on this chain."""
    if runtime.settings["rpc_url"] is None:
        return Finding(state="note", text="nothing to sign")
    async with runtime.database() as database, database.as_worker() as conn:
        chain = await conn.fetchval("select agon.show_chain(agon.the_chain())")
    signer = chain and chain["signer"]
    if not signer:
        return Finding(
            state="note",
            text="nobody signs: requests, outcomes and achievements wait",
            hint="`agon chain signer add` takes a key, or a Safe.",
        )
    return Finding(state="ok", text=f"{signer['address']} ({signer['kind']}) signs")


async def check_index(runtime: Runtime) -> Finding:
    """The index keeps up, no final block was undone, and no contract's logs are missing."""
    if runtime.settings["rpc_url"] is None:
        return Finding(state="note", text="nothing to index")
    async with runtime.database() as database:
        seen = await overview.look(runtime, database)
        chain = seen["chain"]
        if chain is None or "refused" in seen["node"] or seen["standing"] == "other_chain":
            return Finding(state="note", text="nothing was compared", hint="See the node.")
        undone = await overview.undone_though_final(runtime, database)
    if undone is not None:
        return Finding(
            state="wrong",
            text=f"the chain no longer holds blocks that were final, from {undone} on",
            hint=f"If the node is right, run `agon chain reindex --from {undone}`.",
        )
    for contract in overview.unread(chain):
        return Finding(
            state="wrong",
            text=f"{contract['name']} was kept too late: its logs before block "
            f"{contract['read_from']} are not read",
            hint=f"Run `agon chain reindex --from {contract['from_block']}`.",
        )
    text = f"{overview.reading(chain)}, {seen['lag']} behind the head"
    if seen["lag"] > LAG_BLOCKS_MAX:
        return Finding(state="note", text=text, hint="Run `agon work`, or `agon chain index`.")
    return Finding(state="ok", text=text)
