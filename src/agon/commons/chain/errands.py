"""Transactions that an operator asks for: tried on the node, meant once, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agon.commons.chain import artifacts, calls, faults, intents, rpc, sending
from agon.kernel.database import Conn
from agon.kernel.errors import refuse
from agon.kernel.jobs import Work

POLL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One call of a contract. contract: its name; to: where it stands; key, purpose, payload: as of
    `intents.mean`."""

    chain_id: int
    key: str
    purpose: str
    contract: str
    to: str
    function: str
    arguments: tuple[Any, ...]
    payload: Mapping[str, Any]


async def signer(conn: Conn, chain_id: int) -> str:
    """Who signs on a chain. Raises Refused `signer_missing`."""
    found = await conn.fetchrow("select * from agon.find_signer($1)", chain_id)
    if found["address"] is None:
        raise refuse(
            "signer_missing",
            f"Nobody signs on chain {chain_id}.",
            hint="`agon chain signer add` takes a key, or a Safe.",
            status=409,
        )
    return found["address"]


async def ask(node: rpc.Node, contract: str, at: str, function: str, *given: Any) -> Any:
    """The first value that a call answers, at the newest block."""
    artifact = artifacts.load(contract)
    data = "0x" + calls.encode(artifact, function, *given).hex()
    said = await node.call("eth_call", {"to": at, "data": data}, "latest")
    return calls.decode(artifact, function, bytes.fromhex(said[2:]))[0]


async def mean(conn: Conn, node: rpc.Node, errand: Errand) -> Mapping[str, Any]:
    """Mean it; one that failed is sent once more. The intent as it stands.

    Raises Refused `chain_would_refuse`, with nothing meant; `intent_differs`, `signer_missing`.
    """
    contract = artifacts.load(errand.contract)
    data = calls.encode(contract, errand.function, *errand.arguments)
    if await intents.find(conn, errand.chain_id, errand.key) is None:
        own = await signer(conn, errand.chain_id)
        fields = {"from": own, "to": errand.to, "data": "0x" + data.hex()}
        if why := await objection(node, contract, fields):
            raise refuse(
                "chain_would_refuse",
                f"The chain would refuse {errand.function}.",
                details=why,
                hint="Nothing was sent.",
                status=409,
            )
    intent = await intents.mean(
        conn, chain_id=errand.chain_id, key=errand.key, purpose=errand.purpose, to=errand.to,
        data=data, payload=errand.payload,
    )  # fmt: skip
    if intent["status"] == "failed":
        await conn.execute("select agon.mean_again($1)", intent["id"])
    return await intents.find(conn, errand.chain_id, errand.key) or intent


async def objection(
    node: rpc.Node, contract: artifacts.Artifact, fields: Mapping[str, str]
) -> str | None:
    """Why the chain would refuse a transaction now; None where it would not."""
    try:
        await node.call("eth_call", fields, "latest")
    except rpc.Fault as fault:
        if not faults.is_revert(fault.code, fault.message):
            raise
        return calls.explain(contract, fault.data if isinstance(fault.data, str) else "0x")
    return None


async def settled(work: Work, chain_id: int, key: str, wait_s: float) -> Mapping[str, Any]:
    """The intent when it is confirmed; sends meanwhile, where nobody else does.

    Raises Refused `transaction_failed`, `transaction_unfinished` after wait_s.
    """
    intent: Mapping[str, Any] | None = None
    async with somebody_sends(work) as sender:
        try:
            async with asyncio.timeout(wait_s):
                while intent is None or intent["status"] not in ("confirmed", "failed"):
                    if sender.done():
                        sender.result()
                    await asyncio.sleep(POLL_S)
                    async with work.database.as_worker() as conn:
                        intent = await intents.find(conn, chain_id, key)
        except TimeoutError as error:
            raise refuse(
                "transaction_unfinished",
                f"{key} is not final yet.",
                hint="It is meant, and any worker goes on with it.",
                status=503,
            ) from error
    if intent["status"] == "failed":
        raise refuse(
            "transaction_failed",
            f"{key} failed.",
            details=intent["error"],
            hint="Run the command again to send it once more.",
            status=409,
        )
    return intent


@asynccontextmanager
async def somebody_sends(work: Work) -> AsyncIterator[asyncio.Task[None]]:
    """Send, or stand by while another process does."""
    stop = asyncio.Event()
    sender = asyncio.create_task(sending.run(work, stop))
    try:
        yield sender
    finally:
        stop.set()
        await asyncio.wait((sender,))
