"""Mints: a new bot for an owner, as a transaction of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agon.commons.chain import errands, rpc
from agon.kernel.database import Conn

PURPOSE = "epochs.mint"


@dataclass(frozen=True, kw_only=True)
class Mint:
    """A bot that is meant, or there. token_id: decimal; intent: how far its transaction is."""

    token_id: str
    slug: str
    intent: Mapping[str, Any]


async def mint(
    conn: Conn, node: rpc.Node, owner: str, request: str, token_id: int | None = None
) -> Mint:
    """Mint a bot for an owner (lower case), once for a request; one that failed is sent once more.

    token_id: None takes the next. Refused: `contract_missing`, `request_malformed`,
    `chain_would_refuse`, `intent_differs` (the request was for another owner or token),
    `signer_missing`.
    """
    step = await conn.fetchval(
        "select agon.next_bot_mint($1, $2, $3)", await node.chain_id(), request, token_id
    )
    errand = errands.Errand(
        chain_id=step["chain_id"],
        key=step["key"],
        purpose=PURPOSE,
        contract="BotIdentity",
        to=step["to"],
        function="mint",
        arguments=(owner, int(step["token_id"])),
        payload={"owner": owner, "token_id": step["token_id"]},
    )
    intent = await errands.mean(conn, node, errand)
    return Mint(token_id=step["token_id"], slug=step["slug"], intent=intent)
