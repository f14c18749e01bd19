"""A chain with 100,000 transfers of bots, made once and kept: bench/cache/ (not in git).

10,000 mints, 89,900 transfers among 40 people and 100 burns, in some 2,000 blocks; made in about
two minutes, loaded in a few seconds.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agon.commons.chain import artifacts, calls, deployment
from tests.contracts import deployed
from tests.standins.anvil import CONTRACTS, Anvil, anvil, program

HERE = Path(__file__).parent
CACHE = HERE / "cache"
TOKENS = 10_000
BURNED = 100
LOGS = 100_000
PEOPLE = tuple(f"0x{number:040x}" for number in range(0xB001, 0xB001 + 40))
MINTS_PER_CALL, MINT_CALLS_PER_BLOCK = 100, 5
MOVES_PER_BLOCK = 46
GAS = hex(10_000_000)
PLAN = tuple(each for each in deployment.PLAN if each.name == "BotIdentity")
SEED = 4
FINAL_AFTER = 40
"""Blocks on top, so that the last transfer is final for everybody: Ponder calls 30 deep enough."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A running node with the transfers. last_block: the newest that holds one."""

    node: Anvil
    bots: str
    last_block: int


@asynccontextmanager
async def loaded() -> AsyncIterator[Chain]:
    """The chain on a node of its own, made first if this machine has none yet."""
    recipe = _recipe()
    kept = _kept(recipe) or _keep(recipe, await _make())
    async with anvil("--no-mining") as node:
        await node.rpc("anvil_loadState", kept["state"])
        await node.mine(FINAL_AFTER)
        yield Chain(node=node, bots=kept["bots"], last_block=kept["last_block"])


def _kept(recipe: str) -> dict[str, Any] | None:
    file = CACHE / f"chain-{recipe[:16]}.json"
    return json.loads(file.read_text()) if file.is_file() else None


def _keep(recipe: str, made: dict[str, Any]) -> dict[str, Any]:
    for old in CACHE.glob("chain-*.json"):
        old.unlink()
    (CACHE / f"chain-{recipe[:16]}.json").write_text(json.dumps(made))
    return made


def _recipe() -> str:
    """What the state depends on: this file, and the contracts."""
    made_of = [Path(__file__), HERE / "contracts/Mover.sol", CONTRACTS / "package-lock.json"]
    digest = hashlib.sha256(artifacts.load("BotIdentity").bytecode)
    for path in made_of:
        digest.update(path.read_bytes())
    return digest.hexdigest()


async def _make() -> dict[str, Any]:
    """The state as anvil dumps it, the contract, and the last block."""
    mover = _compiled("Mover")
    async with anvil("--no-mining") as node:
        world = await deployed.deploy(node, plan=PLAN)
        world.at["Mover"] = await world.make(mover)
        maker = _Maker(node=node, world=world)
        await maker.approve()
        await maker.mint()
        await maker.move(LOGS - TOKENS - BURNED)
        await maker.burn()
        return {
            "bots": world.at["BotIdentity"],
            "last_block": await node.head(),
            "state": await node.rpc("anvil_dumpState"),
        }


def _compiled(name: str) -> artifacts.Artifact:
    program("anvil")  # which installs what the compiler is made of
    CACHE.mkdir(exist_ok=True)
    subprocess.run(
        ["node", "compile.mjs", "../bench/contracts", "../bench/cache"],
        cwd=CONTRACTS, check=True, capture_output=True,
    )  # fmt: skip
    return artifacts.parse(json.loads((CACHE / f"{name}.json").read_text()))


class _Maker:
    """Sends what the chain is made of; anybody may send, and nothing is waited for but blocks."""

    def __init__(self, *, node: Anvil, world: deployed.World):
        self._node, self._world = node, world
        self._chance = random.Random(SEED)
        self._held: dict[int, str] = {}

    async def approve(self) -> None:
        for person in PEOPLE:
            await self._node.fund(person, deployed.RICH_WEI)
            await self._send(person, "setApprovalForAll", self._world.at["Mover"], True)
        await self._node.mine()

    async def mint(self) -> None:
        for first in range(1, TOKENS + 1, MINTS_PER_CALL):
            to = self._chance.choices(PEOPLE, k=MINTS_PER_CALL)
            self._held.update(enumerate(to, start=first))
            await self._send(self._world.admin, "batchMint", to, first)
            if first // MINTS_PER_CALL % MINT_CALLS_PER_BLOCK == MINT_CALLS_PER_BLOCK - 1:
                await self._node.mine()

    async def move(self, count: int) -> None:
        while count:
            tokens = [self._chance.randint(1, TOKENS) for _ in range(min(count, MOVES_PER_BLOCK))]
            to = self._chance.choices(PEOPLE, k=len(tokens))
            self._held.update(zip(tokens, to, strict=True))
            await self._send_to(
                "Mover", PEOPLE[0], "move", self._world.at["BotIdentity"], tokens, to
            )
            await self._node.mine()
            count -= len(tokens)

    async def burn(self) -> None:
        for token in self._chance.sample(sorted(self._held), BURNED):
            await self._send(self._held.pop(token), "burn", token)
        await self._node.mine(2)  # a block takes by the gas that is allowed, not by what is used

    async def _send(self, sender: str, function: str, *arguments: Any) -> None:
        await self._send_to("BotIdentity", sender, function, *arguments)

    async def _send_to(self, name: str, sender: str, function: str, *arguments: Any) -> None:
        data = calls.encode(self._world.known[name], function, *arguments)
        fields = {"from": sender, "to": self._world.at[name], "data": "0x" + data.hex(), "gas": GAS}
        await self._node.rpc("eth_sendTransaction", fields)


async def logs_of(chain: Chain) -> Sequence[dict[str, Any]]:
    """Every log of the contract's transfers, as the node tells them."""
    asked = {"fromBlock": "0x0", "toBlock": hex(chain.last_block), "address": chain.bots}
    found = await chain.node.rpc("eth_getLogs", asked)
    return [log for log in found if len(log["topics"]) == 4]
