"""An outbox to test in: a place's database, a node, and a signer whose key all the world knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from agon.commons.chain import intents, rpc, sending, signing
from agon.commons.chain.outbox import Desk
from agon.kernel import outbound
from tests import killing
from tests.places import Place
from tests.standins import anvil

KEY, SIGNER = anvil.KEYS[0], anvil.ADDRESSES[0]
CHAIN = anvil.CHAIN_ID
TOTAL_MS = 2_000
"""A lost answer is given up sooner than in service."""
GWEI = 10**9


@asynccontextmanager
async def desk(place: Place, url: str, **terms: Any) -> AsyncIterator[Desk]:
    """What a round uses, as the worker has it. terms: of the desk that differ."""
    settings = outbound.Settings(exempt=outbound.place_of(url), total_ms=TOTAL_MS)
    async with (
        outbound.client(settings) as client,
        place.database.dedicated("agon_worker") as conn,
    ):
        given = {
            "conn": conn, "node": rpc.Node(client, url), "chain_id": CHAIN,
            "privates": place.runtime.sealing_keys, "confirmations": 0, "stuck_s": 3600,
            "fee_wei_max": 500 * GWEI,
        }  # fmt: skip
        yield Desk(**given | terms)


async def add_signer(place: Place, key: str = KEY) -> str:
    """A signer with this key, active if it is the first; returns its address."""
    public = list(place.runtime.sealing_keys.values())[-1].public_key()
    address, sealed = signing.seal_key(public, CHAIN, key)
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.keep_signer($1, $2, 'key', $3)", CHAIN, address, sealed)
    return address


async def pay(place: Place, key: str, to: str | None, value: int = 1, data: bytes = b"") -> Any:
    """Mean a payment."""
    async with place.database.as_worker() as conn:
        return await intents.mean(
            conn, chain_id=CHAIN, key=key, purpose="tests", to=to, data=data, value_wei=value
        )


async def status(place: Place, key: str) -> str:
    """How far an intent is."""
    return (await intent(place, key))["status"]


async def intent(place: Place, key: str) -> Any:
    """An intent's row."""
    async with place.database.as_worker() as conn:
        return await intents.find(conn, CHAIN, key)


def mortal(at: Desk, fate: killing.Fate) -> Desk:
    """A desk at which every step may be the last."""
    return replace(
        at,
        node=killing.Mortal(at.node, fate, killing.NODE),
        conn=killing.Mortal(at.conn, fate, killing.CONN),
    )


async def rounds(at: Desk, count: int = 1, head: Any = None) -> Any:
    """So many rounds of sending, the first as after a start."""
    for _ in range(count):
        head = await sending.once(at, head)
    return head
