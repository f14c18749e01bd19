"""A chain on this machine: the anvil of contracts/node_modules.

What to know of anvil: a transaction's receipt is not there at once, also where each is mined on
arrival; entries of a batch run side by side; after `anvil_reorg` no removed log is ever served.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agon.commons.chain import local_chain

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
CHAIN_ID = local_chain.CHAIN_ID
INSTALL_S_MAX = 300
RECEIPT_S_MAX = 20
POLL_S = 0.01
EPOCH = local_chain.EPOCH

# The keys of anvil's own mnemonic, each with 10,000 ether: known to all the world.
KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
)
ADDRESSES = (
    "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
    "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
    "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
)
"""Of the keys, in their order."""


class Fault(Exception):
    """A JSON-RPC error. data: of a revert, hex, or None."""

    def __init__(self, error: dict[str, Any]):
        super().__init__(error["message"])
        self.code: int = error["code"]
        data = error.get("data")
        self.data: str | None = data if isinstance(data, str) else None


@dataclass(kw_only=True)
class Anvil:
    """A running chain. url: of its JSON-RPC; pid: of the process; keys, addresses: funded."""

    url: str
    pid: int
    http: aiohttp.ClientSession = field(repr=False)
    keys: tuple[str, ...] = KEYS
    addresses: tuple[str, ...] = ADDRESSES
    chain_id: int = CHAIN_ID

    async def rpc(self, method: str, *params: Any) -> Any:
        """The result of a call. Raises Fault for an error of the node."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self.http.post(self.url, json=body) as response:
            answer = await response.json()
        if "error" in answer:
            raise Fault(answer["error"])
        return answer["result"]

    async def head(self) -> int:
        """The number of the newest block."""
        return int(await self.rpc("eth_blockNumber"), 16)

    async def mine(self, blocks: int = 1) -> None:
        """Mine so many blocks; the first holds what waits."""
        await self.rpc("anvil_mine", hex(blocks))

    async def reorg(self, depth: int, *transactions: tuple[str | dict[str, Any], int]) -> None:
        """Give the last `depth` blocks other hashes. transactions: (raw or fields, which of the new
        blocks, from 0); those of the old blocks are gone for good."""
        await self.rpc("anvil_reorg", depth, list(transactions))

    async def fund(self, address: str, wei: int) -> None:
        """Give an address so much, and no more."""
        await self.rpc("anvil_setBalance", address, hex(wei))

    async def balance(self, address: str) -> int:
        """Wei that an address has."""
        return int(await self.rpc("eth_getBalance", address, "latest"), 16)

    async def receipt(self, tx_hash: str) -> dict[str, Any]:
        """The receipt of a transaction, waited for."""
        async with asyncio.timeout(RECEIPT_S_MAX):
            while True:
                if found := await self.rpc("eth_getTransactionReceipt", tx_hash):
                    return found
                await asyncio.sleep(POLL_S)


@asynccontextmanager
async def anvil(*options: str) -> AsyncIterator[Anvil]:
    """A chain of its own, for the length of the block.

    options: as `local_chain.running` takes them.
    Skips the test where anvil cannot be installed.
    """
    binary = await asyncio.to_thread(program, "anvil")
    async with (
        local_chain.running(binary, *options) as chain,
        aiohttp.ClientSession() as http,
    ):
        yield Anvil(url=chain.url, pid=chain.pid, http=http)


def program(name: str) -> Path:
    """A program of Foundry's that contracts/package.json locks. Skips where it cannot be had."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    lock = hashlib.sha256((CONTRACTS / "package-lock.json").read_bytes()).hexdigest()
    stamp = CONTRACTS / "node_modules" / ".installed"
    with (Path(sys.prefix) / "contracts.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # `npm ci` begins by removing what others run from
        if not stamp.is_file() or stamp.read_text() != lock:
            _install()
            stamp.write_text(lock)
    found = next(CONTRACTS.glob(f"node_modules/@foundry-rs/{name}-*/bin/{name}"), None)
    if found is None:
        pytest.skip(f"npm has no {name} for this machine")
    return found


def _install() -> None:
    words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(
        words, cwd=CONTRACTS, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False
    )
    if done.returncode:
        pytest.skip(f"npm ci did not succeed: {done.stderr.strip()[-500:]}")
