"""Everything that a walk on a real chain needs: contracts, people, our worker, and the network."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from eth_utils import keccak

from agon.app import serve
from agon.commons.chain import indexing, rpc, sending
from agon.kernel import clock, jobs
from agon.kernel.jobs import Work
from tests.chain import outbox
from tests.chain.following import configured
from tests.challenges.stories import CONTENT_HASH, DRAFT, END_S, START_S
from tests.contracts.deployed import World, deploy
from tests.places import Place, bearer, wallet
from tests.standins.anvil import ADDRESSES, CHAIN_ID, anvil

STAKE_WEI, POT_WEI = 10**18 + 7, 10**19 + 1
"""Numbers that no division goes through without a remainder."""
TURNS_MAX = 40
VALIDATORS = ("vera", "viktor")
VALIDATOR_ROLE = keccak(text="VALIDATOR_ROLE")
RESPONSE = hashlib.sha256(b"response").digest()
SALT = bytes(32)
INDEXED = ("ChallengePay", "Treasury", "MetadataRegistry", "ChallengeAchievement", "AIVM")


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One chain, one database. world: sends as anybody; work: as our worker sees it."""

    place: Place
    work: Work
    world: World
    api: httpx.AsyncClient

    async def turn(self) -> None:
        """The worker goes on until nothing moves: jobs, sending, mining, indexing."""
        before = None
        for _ in range(TURNS_MAX):
            await jobs.drain(self.work)
            async with outbox.desk(self.place, self.world.node.url) as desk:
                await sending.once(desk, None)
            await self.world.node.mine(3)
            async with outbox.desk(self.place, self.world.node.url) as desk:
                await sending.once(desk, None)
            await self.index()
            seen = await self.place.owner.fetchval(
                """
                select (select count(*) from agon.chain_logs) || ' '
                  || (select count(*) from agon.events) || ' '
                  || (select coalesce(string_agg(status, ' ' order by id), '')
                      from agon.chain_intents)
                """
            )
            if seen == before:
                return
            before = seen
        raise AssertionError("it never comes to rest")

    async def index(self) -> None:
        """Read all that is new."""
        async with rpc.connect(self.work.runtime) as node:
            await indexing.catch_up(indexing.walk(self.work, node))

    async def dispatch(self) -> None:
        """The dispatcher's cycle."""
        for act in ("dispatch_challenges", "enqueue_registrations", "enqueue_mintings"):
            await self.place.owner.execute(f"select agon.{act}()")

    async def send(self, name: str, function: str, *arguments: Any, value: int = 0) -> Any:
        """Somebody calls ChallengePay."""
        sender = await self.world.person(name)
        return await self.world.send(
            "ChallengePay", function, *arguments, sender=sender, value=value
        )

    async def create(self) -> int:
        """Ada's challenge, described, and approved by two validators; bob and carol join it."""
        number = await self.world.ask("ChallengePay", "nextId")
        content = bytes.fromhex(CONTENT_HASH[2:])
        await self.send("ada", "create", STAKE_WEI, START_S, END_S, content, value=POT_WEI)
        await self.turn()
        body = {"subject": wallet("ada"), "id": number, **DRAFT}
        answer = await self.api.post("/api/challenges", json=body, headers=await self.own("ada"))
        assert answer.status_code == 201, answer.text
        await self.validate()
        for name in VALIDATORS:
            await self.send(name, "approve", number)
        for name in ("bob", "carol"):
            await self.send(name, "join", number, value=STAKE_WEI)
        await self.turn()
        return number

    async def validate(self) -> None:
        """The validators may vote: the admin trusts them, and they put up their stakes."""
        stake = 5 * await self.world.ask("ChallengePay", "minValidatorStake")
        for name in VALIDATORS:
            person = await self.world.person(name)
            await self.world.send("ChallengePay", "grantRole", VALIDATOR_ROLE, person)
            await self.send(name, "stakeValidator", value=stake)

    async def own(self, name: str) -> dict[str, str]:
        """Headers of a person, signed in with their wallet."""
        return bearer(self.place, await self.place.own(name))

    async def end(self) -> None:
        """The challenge's time is over, by a final block, and here."""
        now = await self.world.now()
        await self.world.pass_time(END_S + 60 - now)
        await self.world.node.mine(3)
        await self.index()
        await self.place.set_clock(clock.from_ms(1000 * (END_S + 60)))

    async def infer(self) -> None:
        """The network does what was asked of it: commit, reveal, attest, finalize."""
        request, worker, validator = 1, "worker", "val"
        world = self.world
        people = {name: await world.person(name) for name in (worker, validator)}
        await world.send("AIVM", "register", True, False, sender=people[worker])
        await world.send("AIVM", "register", False, True, sender=people[validator])
        commitment = await world.ask("AIVM", "commitmentOf", RESPONSE, SALT)
        await world.send("AIVM", "commit", request, commitment, sender=people[worker])
        await self.turn()
        await world.send("AIVM", "reveal", request, RESPONSE, SALT, "ok", sender=people[worker])
        await self.turn()
        task = (await world.ask("AIVM", "requests", request))[3]
        await world.send("AIVM", "attest", task, RESPONSE, bytes(32), 1, sender=people[validator])
        await world.send("AIVM", "finalize", request, sender=people[worker])

    async def show(self, path: str, number: int, name: str) -> dict[str, Any]:
        """`claim` or `lifecycle` of a person's wallet."""
        answer = await self.api.get(
            f"/api/challenges/{number}/{path}",
            params={"subject": wallet(name)},
            headers=await self.own(name),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def claim(self, contract: str, function: str, number: int, name: str) -> int:
        """Somebody claims; what their balance grew by, without what the call cost."""
        who = await self.world.person(name)
        before = await self.world.balance(who)
        receipt = await self.world.send(contract, function, number, sender=who)
        cost = receipt.gas * int(receipt.raw["effectiveGasPrice"], 16)
        return await self.world.balance(who) - before + cost

    async def claimed(self) -> dict[tuple[str, str], int]:
        """What our rows say was claimed: (who, type) -> wei."""
        rows = await self.place.owner.fetch(
            "select subject, claim_type, amount_wei from public.claims"
        )
        return {(row["subject"], row["claim_type"]): int(row["amount_wei"]) for row in rows}


@asynccontextmanager
async def walking(place: Place, *options: str) -> AsyncIterator[Walk]:
    """A fresh chain that began before the challenge, our contracts on it, and our signer.
    options: of anvil."""
    async with anvil("--timestamp", str(START_S - 1000), *options) as node:
        world = await deploy(node, admin=ADDRESSES[1], signer=ADDRESSES[0])
        await outbox.add_signer(place)
        await place.set_clock(clock.from_ms(1000 * START_S))
        work = configured(place, rpc_url=node.url, chain_confirmations=1)
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.open_chain($1)", CHAIN_ID)
            for name in INDEXED:
                await conn.execute(
                    "select agon.keep_contract($1, $2, 1, $3, 0)", CHAIN_ID, name, world.at[name]
                )
        app = serve(work.runtime, work=False)
        app.state.database, app.state.processes = place.database, None
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as api:
            yield Walk(place=place, work=work, world=world, api=api)
