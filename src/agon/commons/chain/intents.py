"""Intents: what is meant to happen on a chain, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.kernel.database import Conn


async def mean(
    conn: Conn,
    *,
    chain_id: int,
    key: str,
    purpose: str,
    to: str | None,
    data: bytes,
    value_wei: int = 0,
    payload: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Mean a transaction; it is signed and sent after the caller's transaction has committed.

    key: names what happens; a second time with the same key answers with the stored row.
    purpose: whose it is, see `agon.register_purpose`; to: None deploys data as a contract; payload:
    goes along to the purpose's function and into the events `chain.intent_confirmed` and
    `chain.intent_failed`. Refused: `intent_differs`.
    """
    row = await conn.fetchrow(
        "select * from agon.intend($1, $2, $3, $4, $5, $6, $7)",
        chain_id,
        key,
        purpose,
        to,
        data,
        value_wei,
        dict(payload or {}),
    )
    return as_mapping(row)


async def find(conn: Conn, chain_id: int, key: str) -> Mapping[str, Any] | None:
    """How far an intent is; None where nothing was meant."""
    row = await conn.fetchrow("select * from agon.find_intent($1, $2)", chain_id, key)
    return None if row["id"] is None else as_mapping(row)


def as_mapping(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of agon.chain_intents; value_wei as a decimal string, never in exponent form."""
    return {**row, "value_wei": str(int(row["value_wei"]))}
