"""Payouts of 1,000 recipients: one transfer each through the outbox, EpochPayout's batches through
the outbox, and the bare limit: transfers that were signed beforehand, sent without a database.

All on an anvil of their own, with a block after each IN_FLIGHT_MAX transactions, so that nothing
waits for time. Usage: payouts.py OUT.json
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agon.commons.chain import artifacts, calls, intents, rpc, sending, signing
from agon.commons.chain.fees import Fees
from agon.commons.chain.outbox import Desk
from agon.kernel import commands, embedded, runtime
from agon.kernel.database import Database
from agon.systems import SYSTEMS
from bench.machine import save
from tests.contracts import deployed
from tests.standins.anvil import CHAIN_ID, Anvil, anvil

RECIPIENTS = 1_000
BATCH_RECIPIENTS = 250
RUNS = 3
SHARE_WEI = 10**12
TRANSFER_GAS = 25_200
FEES = Fees(max_fee=3 * 10**9, priority_fee=10**9)
EPOCH = 1


def people(run: int) -> list[str]:
    """Fresh addresses, so that each payout makes an account."""
    return [f"0x{run + 1:08x}{number + 1:032x}" for number in range(RECIPIENTS)]


@asynccontextmanager
async def opened(folder: Path, chain: Anvil) -> AsyncIterator[tuple[Database, Desk]]:
    """A new installation on this chain, with anvil's first key as its signer."""
    home = folder / f"home{chain.pid}"
    environ = {
        "AGON_HOME": str(home), "AGON_LOG_LEVEL": "error", "AGON_RPC_URL": chain.url,
        "AGON_CHAIN_CONFIRMATIONS": "0",
    }  # fmt: skip
    at = runtime.begin(SYSTEMS, environ=environ, folder=folder)
    await commands.migrate_all(at)
    public = list(at.sealing_keys.values())[-1].public_key()
    address, sealed = signing.seal_key(public, CHAIN_ID, chain.keys[0])
    try:
        async with (
            at.database() as pools,
            pools.dedicated("agon_worker") as conn,
            rpc.connect(at) as node,
        ):
            await conn.execute(
                "select agon.keep_signer($1, $2, 'key', $3)", CHAIN_ID, address, sealed
            )
            yield pools, await sending.desk(at, conn, node)
    finally:
        embedded.stop(home)


async def settle(at: Desk, chain: Anvil) -> None:
    """Rounds of the sender, and a block after each, until nothing waits."""
    head = None
    while head is None or await at.conn.fetchval(
        "select exists (select from agon.queued_intents($1, 1)) or"
        " exists (select from agon.open_attempts($1))", at.chain_id,
    ):  # fmt: skip
        head = await sending.once(at, head)
        await chain.mine()
    await sending.once(at, head)


async def by_transfers(pools: Database, at: Desk, chain: Anvil, run: int) -> None:
    """One intent for each recipient."""
    async with pools.as_worker() as conn:
        for number, person in enumerate(people(run)):
            await intents.mean(
                conn, chain_id=CHAIN_ID, key=f"{run}:{number}", purpose="bench", to=person,
                data=b"", value_wei=SHARE_WEI,
            )  # fmt: skip
    await settle(at, chain)


async def by_batches(pools: Database, at: Desk, chain: Anvil, run: int, payout: str) -> None:
    """One intent for each BATCH_RECIPIENTS recipients."""
    contract, everybody = artifacts.load("EpochPayout"), people(run)
    async with pools.as_worker() as conn:
        for batch in range(RECIPIENTS // BATCH_RECIPIENTS):
            some = everybody[batch * BATCH_RECIPIENTS : (batch + 1) * BATCH_RECIPIENTS]
            shares = [SHARE_WEI] * len(some)
            await intents.mean(
                conn, chain_id=CHAIN_ID, key=f"{run}:{batch}", purpose="bench", to=payout,
                data=calls.encode(contract, "push", EPOCH + run, batch, some, shares),
                value_wei=sum(shares),
            )  # fmt: skip
    await settle(at, chain)


async def bare(at: Desk, chain: Anvil, run: int) -> Callable[[], Awaitable[None]]:
    """Signed here; what comes back sends them, and is what is timed."""
    signer = await at.conn.fetchrow("select * from agon.find_signer($1)", at.chain_id)
    first = int(await chain.rpc("eth_getTransactionCount", signer["address"], "latest"), 16)
    raws = [
        signing.sign(at.privates, signer["address"], signer["sealed_key"], signing.Draft(
            chain_id=CHAIN_ID, nonce=first + number, to=person, data=b"", value=SHARE_WEI,
            gas_limit=TRANSFER_GAS, fees=FEES,
        )).raw for number, person in enumerate(people(run))
    ]  # fmt: skip

    async def send() -> None:
        for number, raw in enumerate(raws, 1):
            await at.node.call("eth_sendRawTransaction", "0x" + raw.hex())
            if number % sending.IN_FLIGHT_MAX == 0 or number == len(raws):
                await chain.mine()

    return send


async def timed(chain: Anvil, run: int, act: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    """Recipients a second, and the gas of one, once everybody has been paid exactly once."""
    first = await chain.head()
    started = time.perf_counter()
    await act()
    took_s = time.perf_counter() - started
    for person in people(run):
        assert await chain.balance(person) == SHARE_WEI
    gas = 0
    for number in range(first + 1, await chain.head() + 1):
        gas += int((await chain.rpc("eth_getBlockByNumber", hex(number), False))["gasUsed"], 16)
    return {"recipients_per_s": round(RECIPIENTS / took_s, 1), "gas_each": gas // RECIPIENTS}


async def measure(folder: Path) -> dict[str, Any]:
    """RUNS of each way, on one chain a way; the median run counts."""
    ways: dict[str, list[dict[str, Any]]] = {"bare": [], "transfers": [], "batches": []}
    async with anvil() as chain:
        payout = (await deployed.deploy(chain)).at["EpochPayout"]
        await chain.rpc("evm_setAutomine", False)
        async with opened(folder, chain) as (pools, at):
            for turn in range(RUNS):
                one, two = 2 * turn, 2 * turn + 1
                ways["batches"].append(
                    await timed(
                        chain, one, lambda run=one: by_batches(pools, at, chain, run, payout)
                    )
                )
                ways["transfers"].append(
                    await timed(chain, two, lambda run=two: by_transfers(pools, at, chain, run))
                )
                # Last: the outbox would meet nonces of its key that others have used.
            for run in range(2 * RUNS, 3 * RUNS):
                ways["bare"].append(await timed(chain, run, await bare(at, chain, run)))
    figures = {
        way: sorted(runs, key=lambda run: run["recipients_per_s"])[RUNS // 2]
        for way, runs in ways.items()
    }
    rate = {way: figure["recipients_per_s"] for way, figure in figures.items()}
    return figures | {
        "recipients": RECIPIENTS,
        "recipients_per_batch": BATCH_RECIPIENTS,
        "transfers_to_bare": round(rate["transfers"] / rate["bare"], 2),
        "batches_to_bare": round(rate["batches"] / rate["bare"], 2),
        "batches_to_transfers": round(rate["batches"] / rate["transfers"], 2),
        "gas_of_transfers_to_batches": round(
            figures["transfers"]["gas_each"] / figures["batches"]["gas_each"], 2
        ),
    }  # fmt: skip


async def main(out: Path) -> None:
    """Measure on homes of their own and write the figures."""
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    try:
        figures = await measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    save(out, figures)
    print(figures)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
