"""A BotIdentity on an anvil: bots change hands at random, and the chain tells their history."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agon.commons.chain import calls, deployment
from tests.contracts import deployed
from tests.epochs.ledger import NOBODY, Transfer, rebuilt
from tests.places import Place
from tests.standins.anvil import CHAIN_ID, EPOCH, Anvil, anvil

PLAN = tuple(each for each in deployment.PLAN if each.name == "BotIdentity")
GAS = hex(300_000)
FINAL_AFTER = 64
"""Blocks, twice the epoch: no reorganisation here is as deep."""
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
PEOPLE = tuple(f"0x{number:040x}" for number in range(0xA001, 0xA005))

Fields = dict[str, str]


@dataclass(kw_only=True)
class Bots:
    """The contract, and chance. minted: the newest token."""

    node: Anvil
    world: deployed.World
    address: str
    chance: random.Random
    minted: int = 0
    reorganised: int = 0

    def act(self, sender: str, function: str, *arguments: Any) -> Fields:
        """A transaction, as anvil takes it from anybody."""
        data = calls.encode(self.world.known["BotIdentity"], function, *arguments)
        return {"from": sender, "to": self.address, "data": "0x" + data.hex(), "gas": GAS}

    def acts(self, held: dict[int, str], count: int) -> list[Fields]:
        """So many acts of chance, each on what those before it made; held: owners, moved along."""
        found = []
        for _ in range(count):
            token = self.chance.choice(sorted(held)) if held else 0
            kind = self.chance.choices(("mint", "move", "stay", "burn"), (2, 6, 1, 1))[0]
            if not held or kind == "mint":
                self.minted += 1
                held[self.minted] = owner = self.chance.choice(PEOPLE)
                found.append(self.act(self.world.admin, "mint", owner, self.minted))
            elif kind == "burn":
                found.append(self.act(held.pop(token), "burn", token))
            else:
                to = held[token] if kind == "stay" else self.chance.choice(PEOPLE)
                found.append(self.act(held[token], "transferFrom", held[token], to, token))
                held[token] = to
        return found

    async def grow(self, blocks: int) -> None:
        """Blocks with none to four acts each."""
        held = owners(await self.transfers())
        for _ in range(blocks):
            for fields in self.acts(held, self.chance.randrange(5)):
                await self.node.rpc("eth_sendTransaction", fields)
            await self.node.mine()

    async def reorganise(self, depth: int) -> None:
        """Other blocks in place of the last ones, with other acts."""
        shared = await self.node.head() - depth
        held = owners([t for t in await self.transfers() if t.block <= shared])
        offsets = sorted(self.chance.randrange(depth) for _ in range(self.chance.randrange(6)))
        others = zip(self.acts(held, len(offsets)), offsets, strict=True)
        await self.node.reorg(depth, *others)
        self.reorganised += 1

    async def transfers(self) -> list[Transfer]:
        """Every transfer that the chain holds now."""
        asked = {"fromBlock": "0x0", "toBlock": "latest", "address": self.address}
        logs = await self.node.rpc("eth_getLogs", asked | {"topics": [TRANSFER]})
        return [
            Transfer(
                block=int(log["blockNumber"], 16),
                log=int(log["logIndex"], 16),
                sender="0x" + log["topics"][1][26:],
                receiver="0x" + log["topics"][2][26:],
                token=int(log["topics"][3], 16),
                contract=self.address,
                chain=CHAIN_ID,
            )
            for log in logs
        ]

    async def rebuilt(self) -> list[dict[str, Any]]:
        """The owners' history that the chain tells now, one log at a time."""
        found = await self.transfers()
        times = {}
        for number in {t.block for t in found}:
            block = await self.node.rpc("eth_getBlockByNumber", hex(number), False)
            times[number] = datetime.fromtimestamp(int(block["timestamp"], 16), UTC)
        return rebuilt(found, times.__getitem__)


def owners(transfers: Sequence[Transfer]) -> dict[int, str]:
    """Who owns what after these."""
    held = {t.token: t.receiver for t in transfers}
    return {token: owner for token, owner in held.items() if owner != NOBODY}


@asynccontextmanager
async def on_anvil(seed: int) -> AsyncIterator[Bots]:
    """A chain with the contract and nothing else; blocks are mined when told to."""
    async with anvil("--no-mining", EPOCH, str(FINAL_AFTER // 2)) as node:
        world = await deployed.deploy(node, plan=PLAN)
        for person in PEOPLE:
            await node.fund(person, deployed.RICH_WEI)
        yield Bots(
            node=node, world=world, address=world.at["BotIdentity"], chance=random.Random(seed)
        )


async def follow(place: Place, bots: Bots) -> None:
    """Let a place read the contract's logs, from its first block."""
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.open_chain($1, 0)", CHAIN_ID)
        await conn.execute(
            "select agon.keep_contract($1, 'BotIdentity', 1, $2, 0)", CHAIN_ID, bots.address
        )
