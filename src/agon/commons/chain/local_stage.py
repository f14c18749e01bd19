"""Where demonstrations play on a chain: an anvil and an installation of their own.

Our contracts are deployed, and a worker indexes and sends. Nothing of it stays.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agon.commons.chain import (
    artifacts,
    calls,
    deploying,
    deployment,
    errands,
    local_chain,
    rpc,
    signers,
)
from agon.kernel import jobs
from agon.kernel.errors import Refused, refuse
from agon.kernel.jobs import Work
from agon.kernel.stage import Stage, apart

RICH_WEI = 1_000 * 10**18
PATIENCE_S = 60
POLL_S = 0.05
ADMIN = "agon"


@dataclass(frozen=True, kw_only=True)
class LocalStage:
    """work: the installation's; at: addresses of our contracts by name."""

    work: Work
    node: rpc.Node
    at: Mapping[str, str]

    async def send(self, who: str, name: str, function: str, *given: Any, wei: int = 0) -> int:
        """Somebody calls a contract, and it is mined; its gas, in wei. Raises rpc.Fault where it
        reverts."""
        fields = self._fields(who, name, function, given) | {"value": hex(wei)}
        await self.node.call("eth_call", fields, "latest")
        tx_hash = await self.node.call("eth_sendTransaction", fields)
        receipt = await _until(
            lambda: self.node.call("eth_getTransactionReceipt", tx_hash), function
        )
        return int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)

    async def ask(self, name: str, function: str, *given: Any) -> Any:
        """The first value that a call answers."""
        return await errands.ask(self.node, name, self.at[name], function, *given)

    async def balance(self, address: str) -> int:
        """In wei."""
        return int(await self.node.call("eth_getBalance", address, "latest"), 16)

    async def enrich(self, *names: str) -> None:
        """Give people something to pay with."""
        for name in names:
            await self.node.call("anvil_setBalance", wallet(name), hex(RICH_WEI))

    async def pass_time(self, seconds: int) -> None:
        """The chain's clock goes on by so much."""
        await self.node.call("evm_increaseTime", seconds)
        await self.node.call("evm_mine")

    async def until(self, query: str, *given: Any) -> None:
        """The worker goes on, over new blocks, until a query is true. Raises Refused
        `demonstration_stuck`."""

        async def holds() -> bool:
            await self.node.call("evm_mine")
            return bool(await self.fetch(query, *given))

        await _until(holds, query)

    async def fetch(self, query: str, *given: Any) -> Any:
        """A value, as the owner sees it."""
        return await (await self.work.database.pool("agon_owner")).fetchval(query, *given)

    def _fields(self, who: str, name: str, function: str, given: tuple[Any, ...]) -> dict[str, str]:
        data = calls.encode(artifacts.load(name), function, *given)
        return {"from": wallet(who), "to": self.at[name], "data": "0x" + data.hex()}


def wallet(name: str) -> str:
    """The wallet of a demonstration's participant: nobody has its key."""
    return "0x" + hashlib.sha256(f"agon demonstration {name}".encode()).hexdigest()[:40]


def ether(wei: int) -> str:
    """An amount for people, exact."""
    return f"{wei // 10**18}.{wei % 10**18:018d}".rstrip("0").rstrip(".")


@asynccontextmanager
async def opened(stage: Stage) -> AsyncIterator[LocalStage]:
    """Raises Refused `local_chain_missing` where there is no anvil and npm brings none."""
    binary = await asyncio.to_thread(local_chain.program, stage.runtime.home / "tools")
    async with local_chain.running(binary) as chain:
        settings = {
            "AGON_RPC_URL": chain.url, "AGON_CHAIN_CONFIRMATIONS": "0", "AGON_CHAIN_POLL_MS": "100",
        }  # fmt: skip
        async with apart(stage, settings) as there, rpc.connect(there.runtime) as node:
            work = Work(database=there.database, runtime=there.runtime)
            async with _working(work):
                yield await _furnished(work, node)


def absent(refused: Refused) -> str:
    """What a demonstration says in place of a chain's part."""
    refusal = refused.refusal
    return f"Left out: {refusal.message} ({refusal.details}) {refusal.hint}"


@asynccontextmanager
async def _working(work: Work) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.run(work, stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def _furnished(work: Work, node: rpc.Node) -> LocalStage:
    bare = LocalStage(work=work, node=node, at={})
    await bare.until("select agon.sealing_key() is not null")
    async with work.database.as_worker() as conn:
        await signers.add_key(conn, local_chain.CHAIN_ID, local_chain.KEY)
    await bare.enrich(ADMIN)
    plan = deployment.PLAN + deployment.STANDINS
    parties = deployment.Parties(admin=wallet(ADMIN))
    kept = await deploying.deploy(work, node, parties, plan, PATIENCE_S)
    return LocalStage(work=work, node=node, at={row["name"]: row["address"] for row in kept})


async def _until(found: Callable[[], Awaitable[Any]], what: str) -> Any:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (answer := await found()):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
            return answer
    except TimeoutError as error:
        raise refuse(
            "demonstration_stuck",
            f"Nothing came of it within {PATIENCE_S} s.",
            details=what.strip(),
            status=500,
        ) from error
