"""Proofs that are taken on this installation's terms."""

from __future__ import annotations

from agon.auth.desk import Desk
from agon.commons.people import web3
from agon.kernel.database import Conn


async def of_wallet(conn: Conn, desk: Desk, message: str, signature: str) -> web3.Proof:
    """Whose wallet has signed a message (EIP-4361) for one of our hosts, now; it is used up.

    Raises what `web3.verify` does.
    """
    return await web3.verify(
        conn,
        message,
        signature,
        allowed_hosts=desk.wallet_hosts,
        now=await conn.fetchval("select agon.now()"),
        chain_ids=web3.chain_ids(desk.settings),
    )
