"""Settled days that owe something, and the chain that they are paid on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import asyncpg

from agon.commons.chain import deployment, indexing
from agon.commons.chain.outbox import Desk
from agon.epochs import paying
from agon.kernel.jobs import Work
from tests.chain import outbox
from tests.contracts import deployed
from tests.places import Place, wallet
from tests.standins.anvil import EPOCH, Anvil, anvil
from tests.standins.sender_node import in_front_of

Chance = Callable[[], str | None]

CHAIN = outbox.CHAIN
PLAN = tuple(each for each in deployment.PLAN if each.name in ("EpochPayout", "Edition"))
FINAL_EPOCH = "16"
"""Blocks are final when 32 lie on top: no reorganisation here is as deep."""
FIRST_DAY = date(2026, 3, 2)
CID = "b" + "a" * 58
URI = f"ipfs://{CID}"
SETTLED = """
with profile as (
  insert into public.epoch_profiles (profile_key, version, config) values ('paid', 1, '{}')
  on conflict (profile_key, version) do update set config = '{}' returning id
), result as (
  insert into agon.results (cid, kind, version, bundle)
  values (rpad('b' || translate($1, '-0189', 'azyxw'), 59, 'a'), 'epochs.settlement', 1, '')
  returning cid
)
insert into public.epochs (day_date, profile_id, opens_at, starts_at, freeze_at, ends_at,
  settle_at, archive_at, result_cid, outcome, summary_uri)
select $1::date, p.id, $1::date, $1::date, $1::date + 1, $1::date + 1, $1::date + 1, $1::date + 1,
  r.cid, case when $2 then 'paid' else 'no_contribution' end, $3
from profile p, result r returning id::text, number
"""
BOTS = """
insert into public.bot_identities (id, slug, chain_id, contract_address, token_id)
select md5($1 || n)::uuid, $1 || n, 31337, $2, ($3::bigint << 20) + n
from generate_series(1, $4::integer) n
"""
OWED = """
insert into public.epoch_payouts (epoch_id, bot_identity_id, recipient_address, bps, amount_wei)
select $1, md5($2 || n)::uuid, r, 0, w
from unnest($3::text[], $4::numeric[]) with ordinality o (r, w, n)
"""


@dataclass(frozen=True, kw_only=True)
class Payday:
    """A settled day. owed: (recipient, wei) of each payout."""

    place: Place
    id: str
    number: int
    owed: tuple[tuple[str, int], ...]

    @property
    def sums(self) -> dict[str, int]:
        """What each recipient is owed."""
        return {who: sum(wei for one, wei in self.owed if one == who) for who, _ in self.owed}

    async def pay(self, receivers_max: int = 200) -> int:
        """Mean what is due; how many batches it is."""
        return await paying.pay(self.place.database, self.id, self.number, receivers_max)

    async def rows(self) -> list[asyncpg.Record]:
        """The payouts, those of a batch together."""
        return await self.place.owner.fetch(
            "select *, amount_wei::text as wei from public.epoch_payouts where epoch_id = $1"
            " order by batch, id",
            self.id,
        )

    async def states(self) -> set[str]:
        return {row["status"] for row in await self.rows()}

    async def edition(self) -> asyncpg.Record:
        return await self.place.owner.fetchrow(
            "select * from public.epoch_editions where epoch_id = $1", self.id
        )


async def settled(place: Place, owed: Iterable[tuple[str, int]], after: int = 0) -> Payday:
    """A day that owes wei to people by name, one row each. after: days after the first."""
    pairs = [(name if name.startswith("0x") else wallet(name), wei) for name, wei in owed]
    day = FIRST_DAY + timedelta(days=after)
    found = await place.owner.fetchrow(SETTLED, str(day), bool(pairs), URI)
    slug = f"bot_{found['number']}_"
    await place.owner.execute(BOTS, slug, "0x" + "b0" * 20, found["number"], len(pairs))
    await place.owner.execute(
        OWED, found["id"], slug, [who for who, _ in pairs], [wei for _, wei in pairs]
    )
    await place.owner.execute(
        "insert into public.epoch_editions (epoch_id, token_id, metadata_uri) values ($1, $2, $3)",
        found["id"], found["number"], URI,
    )  # fmt: skip
    return Payday(place=place, id=found["id"], number=found["number"], owed=tuple(pairs))


async def pay_day(place: Place, after: int = 0) -> dict[str, Any]:
    """What the operator does for a day."""
    async with place.database.as_worker() as conn:
        return await conn.fetchval("select agon.pay_day($1)", FIRST_DAY + timedelta(days=after))


@dataclass(kw_only=True)
class Bank:
    """Contracts on an anvil, our outbox, and our index of it. head: of the round before."""

    place: Place
    node: Anvil
    world: deployed.World
    desk: Desk
    walk: indexing.Walk
    head: Any = None

    async def turn(self, blocks: int = 1) -> None:
        """What was meant goes out and is mined, under so many blocks; then our rows follow."""
        self.head = await outbox.rounds(self.desk, head=self.head)
        await self.node.mine(blocks)
        await self.read()

    async def read(self) -> None:
        """The index and the outbox see the chain as it is."""
        await indexing.catch_up(self.walk)
        self.head = await outbox.rounds(self.desk, head=self.head)

    async def paid(self, payday: Payday) -> dict[str, int]:
        """What each recipient of a day has, if nobody paid them before."""
        return {who: await self.node.balance(who) for who in payday.sums}


async def follow(place: Place, world: deployed.World) -> None:
    """Keep the contracts, and a key to sign with."""
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.open_chain($1, 0)", CHAIN)
        for name, address in world.at.items():
            if name in ("EpochPayout", "Edition"):
                await conn.execute(
                    "select agon.keep_contract($1, $2, 1, $3, 0)", CHAIN, name, address
                )
    await outbox.add_signer(place)


@asynccontextmanager
async def bank(
    place: Place, *, followed: bool = True, lie: Chance | None = None, **terms: Any
) -> AsyncIterator[Bank]:
    """A bank of a place; blocks are mined when told to.

    lie: what the node does with each transaction that it is sent; terms: of the outbox's desk.
    """
    async with (
        anvil("--no-mining", EPOCH, FINAL_EPOCH) as node,
        in_front_of(node.url) as front,
        outbox.desk(place, front.url if lie else node.url, **terms) as desk,
    ):
        front.chance = lie or front.chance
        world = await deployed.deploy(node, signer=outbox.SIGNER, plan=PLAN)
        if followed:
            await follow(place, world)
        walk = indexing.walk(Work(database=place.database, runtime=place.runtime), desk.node)
        yield Bank(place=place, node=node, world=world, desk=desk, walk=walk)
