"""Contracts that stand on an anvil, and people who call them, for the tests of everybody.

    async with anvil() as node:
        world = await deploy(node)
        ann = await world.person("ann")
        await world.send("ChallengePay", "join", 2, sender=ann, value=stake)

Nobody signs here: anvil lets any address send. The outbox has its own tests.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agon.commons.chain import artifacts, calls, deployment
from tests.standins.anvil import Anvil, Fault

ETHER = 10**18
RICH_WEI = 1_000 * ETHER
GAS_MAX = 29_000_000
TERMS = deployment.Terms()
ATTACKERS = Path(__file__).parent / "artifacts"


class Reverted(Exception):
    """A contract said no; the text tells why, as calls.explain does."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What came of a transaction. raw: as the node has it, with its logs."""

    tx_hash: str
    block: int
    gas: int
    contract_address: str | None
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(kw_only=True)
class World:
    """Deployed contracts by name, in lower case. admin: holds every role."""

    node: Anvil
    admin: str
    at: dict[str, str] = field(default_factory=dict)
    known: dict[str, artifacts.Artifact] = field(default_factory=dict)
    funded: set[str] = field(default_factory=set)

    async def person(self, name: str) -> str:
        """The address of somebody called so (that of tests.places.wallet), with money."""
        address = "0x" + hashlib.sha256(name.encode()).hexdigest()[:40]
        if address not in self.funded:
            await self.node.fund(address, RICH_WEI)
            self.funded.add(address)
        return address

    async def send(
        self, name: str, function: str, *arguments: Any, sender: str | None = None, value: int = 0
    ) -> Receipt:
        """Send a call and wait until it is mined. Raises Reverted."""
        data = calls.encode(self.known[name], function, *arguments)
        return await self.transact(sender, self.at[name], data, value, self.known[name])

    async def transact(
        self,
        sender: str | None,
        to: str | None,
        data: bytes,
        value: int = 0,
        contract: artifacts.Artifact | None = None,
    ) -> Receipt:
        """Send a transaction and wait until it is mined. Raises Reverted. to: None deploys."""
        fields = {"from": sender or self.admin, "data": "0x" + data.hex(), "value": hex(value)}
        fields["gas"] = hex(GAS_MAX)  # an estimate would starve what a contract calls and may fail
        if to is not None:
            fields["to"] = to
        with _reverts(contract):
            await self.node.rpc("eth_call", fields, "pending")
            tx_hash = await self.node.rpc("eth_sendTransaction", fields)
        if not await self.node.rpc("anvil_getAutomine"):
            await self.node.mine()
        return _receipt(await self.node.receipt(tx_hash))

    async def admit(self, who: str) -> None:
        """Let an address vote on challenges."""
        role = await self.ask("ChallengePay", "VALIDATOR_ROLE")
        await self.send("ChallengePay", "grantRole", role, who)

    async def ask(
        self, name: str, function: str, *arguments: Any, sender: str | None = None
    ) -> Any:
        """What a call would answer; one value stands alone. Raises Reverted."""
        contract = self.known[name]
        data = calls.encode(contract, function, *arguments)
        fields = {"from": sender or self.admin, "to": self.at[name], "data": "0x" + data.hex()}
        with _reverts(contract):
            answer = await self.node.rpc("eth_call", fields, "latest")
        values = calls.decode(contract, function, bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    async def make(
        self, contract: artifacts.Artifact, *arguments: Any, name: str | None = None
    ) -> str:
        """Deploy a contract as the admin, and know it by a name. Its address."""
        data = calls.encode_deployment(contract, *arguments)
        receipt = await self.transact(None, None, data, contract=contract)
        return self.keep(contract, receipt.contract_address, name)

    def keep(self, contract: artifacts.Artifact, address: str, name: str | None = None) -> str:
        """Know a contract by a name."""
        self.known[name or contract.name] = contract
        self.at[name or contract.name] = address
        return address

    async def balance(self, name_or_address: str) -> int:
        """Wei of a contract, by its name, or of an address."""
        return await self.node.balance(self.at.get(name_or_address, name_or_address))

    async def now(self) -> int:
        """The time of the newest block, in seconds."""
        return int((await self.node.rpc("eth_getBlockByNumber", "latest", False))["timestamp"], 16)

    async def pass_time(self, seconds: int) -> None:
        """Mine a block so much later."""
        await self.node.rpc("evm_increaseTime", seconds)
        await self.node.mine()

    @contextlib.asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """What happens within is undone at the end."""
        snapshot = await self.node.rpc("evm_snapshot")
        try:
            yield
        finally:
            await self.node.rpc("evm_revert", snapshot)
            self.funded.clear()


async def deploy(
    node: Anvil,
    *,
    admin: str | None = None,
    signer: str | None = None,
    base: str = "",
    terms: deployment.Terms = TERMS,
    plan: Sequence[deployment.Planned] = deployment.PLAN + deployment.STANDINS,
) -> World:
    """All contracts of the plan. admin: deploys, anvil's first account unless given; signer: holds
    the roles of our outbox, the admin unless given."""
    admin = admin or node.addresses[0]
    world = World(node=node, admin=admin)
    parties = deployment.Parties(admin=admin, signer=signer or admin, base=base, terms=terms)
    while ready := deployment.steps(plan, world.at, parties):
        for step in ready:
            contract = artifacts.load(step.name, step.version)
            receipt = await world.transact(None, None, step.data, contract=contract)
            world.keep(contract, receipt.contract_address)
    return world


@cache
def attacker(name: str) -> artifacts.Artifact:
    """A contract of contracts/test/, compiled."""
    return artifacts.parse(json.loads((ATTACKERS / f"{name}.json").read_text("utf-8")))


@contextlib.contextmanager
def refused(error: str) -> Iterator[None]:
    """The call within must revert with this error, such as `AlreadyClaimed`."""
    with pytest.raises(Reverted) as caught:
        yield
    assert error in str(caught.value)


@contextlib.contextmanager
def _reverts(contract: artifacts.Artifact | None) -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        if "revert" not in str(fault) and fault.data is None:
            raise
        said = calls.explain(contract, fault.data or "0x") if contract else str(fault)
        raise Reverted(said) from fault


def _receipt(raw: Mapping[str, Any]) -> Receipt:
    if int(raw["status"], 16) != 1:
        raise Reverted(f"mined and reverted: {raw['transactionHash']}")
    return Receipt(
        tx_hash=raw["transactionHash"],
        block=int(raw["blockNumber"], 16),
        gas=int(raw["gasUsed"], 16),
        contract_address=raw.get("contractAddress"),
        raw=raw,
    )
