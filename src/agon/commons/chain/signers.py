"""Signers: keys that are sealed the moment they come in, and Safes that are proposed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.commons.chain import signing
from agon.kernel import keys
from agon.kernel.database import Conn


async def add_key(conn: Conn, chain_id: int, text: str) -> Mapping[str, Any]:
    """Keep a private key, sealed to the worker. A chain's first signer is active at once.

    text: 64 hex digits. Refused: `signer_key_malformed`, `sealing_key_missing`,
    `signer_kind_differs`.
    """
    address, sealed = signing.seal_key(await keys.sealer(conn), chain_id, text)
    return await conn.fetchrow(
        "select * from agon.keep_signer($1, $2, 'key', $3)", chain_id, address, sealed
    )


async def add_safe(conn: Conn, chain_id: int, address: str, proposer: str) -> Mapping[str, Any]:
    """Keep a Safe, to which a signer that we hold the key of proposes.

    Refused: `signer_malformed`, `signer_unknown` (the proposer), `signer_kind_differs`.
    """
    return await conn.fetchrow(
        "select * from agon.keep_signer($1, $2, 'safe', proposer => $3)",
        chain_id,
        address.lower(),
        proposer.lower(),
    )


async def use(conn: Conn, chain_id: int, address: str) -> Mapping[str, Any]:
    """Let a signer sign what waits from now on. Refused: `signer_unknown`."""
    return await conn.fetchrow("select * from agon.use_signer($1, $2)", chain_id, address.lower())
