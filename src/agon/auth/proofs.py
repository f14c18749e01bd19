"""Proofs that are taken on this installation's terms."""

from __future__ import annotations

from agon.auth.desk import Desk
from agon.commons.chain import rpc, signatures
from agon.commons.people import siwe, web3
from agon.kernel.database import Conn
from agon.kernel.errors import Refusal


async def of_wallet(
    conn: Conn, desk: Desk, message: str, signature: str, *, by_contract: bool
) -> web3.Proof:
    """Whose wallet has signed a message (EIP-4361) for one of our hosts, now; it is used up.

    by_contract: what `is_by_contract` said, before the transaction. Raises what `web3.verify` does.
    """
    return await web3.verify(
        conn,
        message,
        signature,
        allowed_hosts=desk.wallet_hosts,
        now=await conn.fetchval("select agon.now()"),
        chain_ids=web3.chain_ids(desk.settings),
        by_contract=by_contract,
    )


async def is_by_contract(desk: Desk, message: str, signature: str) -> bool:
    """Whether the contract at the message's address says that it signed (EIP-1271).

    The node is asked only where a chain is configured, of messages for it that hold but for the
    signature, and only if no key signed: a key that has code besides (EIP-7702) stays a key.
    Raises Refused where the node cannot be asked.
    """
    if desk.settings["rpc_url"] is None:
        return False
    try:
        signed = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        return False
    held = siwe.verify(
        message,
        signature,
        allowed_hosts=desk.wallet_hosts,
        now=await desk.database.ask("select agon.now()"),
        chain_ids=web3.chain_ids(desk.settings),
        by_contract=True,
    )
    if isinstance(held, Refusal) or siwe.is_by_key(message, signature, held.address):
        return False
    async with rpc.connect(desk.runtime) as node:
        return await node.chain_id() == held.chain_id and await signatures.is_by_contract(
            node, held.address, siwe.digest(message), signed
        )
