"""A hundred reorganisations of a real chain, and an index killed at any point: claims and balances
equal what the chain says, and a rebuild from it."""

from __future__ import annotations

import random
from contextlib import suppress

import asyncpg
import pytest

from agon.commons.chain import indexing, rpc
from agon.kernel.errors import Refused
from tests.challenges.stories import CONTENT_HASH, END_S, START_S
from tests.challenges.test_chain_rebuild import kept
from tests.challenges.walks import POT_WEI, STAKE_WEI, VALIDATORS, Walk, walking
from tests.contracts.deployed import Reverted
from tests.standins.anvil import ADDRESSES, EPOCH

pytestmark = pytest.mark.prove

REORGANISATIONS, ACTS, DEPTH_MAX, KILL_CHANCE = 100, 16, 5, 0.4
NONE, PENDING, APPROVED = 0, 1, 2
"""The contract's Status."""
PEOPLE = ("ada", "bob", "carol")
CLAIMS = (
    "claimPrincipal", "claimCashback", "claimValidator", "claimValidatorReject",
    "claimRejectCreator", "claimRejectContribution",
)  # fmt: skip
SABOTAGE = """
create function agon.test_kill() returns trigger language plpgsql as $$
begin
  perform pg_terminate_backend(pg_backend_pid());
  return new;
end $$;
"""


async def act(walk: Walk, chance: random.Random) -> None:
    """Somebody does something that the contract allows, if anything of what may be is."""
    newest = await walk.world.ask("ChallengePay", "nextId")
    number = newest - chance.randrange(9)
    status = (await walk.world.ask("ChallengePay", "challenge", number))[1] if number >= 2 else NONE
    content = bytes.fromhex(CONTENT_HASH[2:])
    name = chance.choice(PEOPLE)
    may = {
        NONE: [(name, "create", (STAKE_WEI, START_S, END_S, content), POT_WEI)],
        PENDING: [(name, "join", (number,), STAKE_WEI), (name, "cancel", (number,), 0)]
        + [(each, "approve", (number,), 0) for each in VALIDATORS * 4]
        + [(each, "reject", (number,), 0) for each in VALIDATORS],
        APPROVED: [(name, "join", (number,), STAKE_WEI), None],
    }.get(status) or [
        (who, claim, (number,), 0) for who in (*PEOPLE, *VALIDATORS) for claim in CLAIMS
    ]
    for step in chance.sample(may, len(may)):
        with suppress(Reverted):
            if step is None:
                return await finalize(walk, number, chance)
            who, function, arguments, value = step
            await walk.send(who, function, *arguments, value=value)
            return None
    return None


async def finalize(walk: Walk, number: int, chance: random.Random) -> None:
    """As the finalizer would; with a winner, or without."""
    send = walk.world.send
    await send("ChallengePay", "submitProof", number, b"p" * 32, sender=ADDRESSES[0])
    outcome = 2
    if chance.random() < 0.7:
        winner = await walk.world.person(chance.choice(PEOPLE))
        await send("ChallengePay", "markWinners", number, [winner], sender=ADDRESSES[0])
        outcome = 1
    await send("ChallengePay", "finalize", number, outcome, sender=ADDRESSES[0])


async def index(walk: Walk, chance: random.Random) -> int:
    """Catch up; sometimes the connection is killed in the midst of it, and another goes on."""
    killed = chance.random() < KILL_CHANCE
    table = chance.choice(("agon.chain_logs", "agon.chains", "public.claims", "public.challenges"))
    if killed:
        await walk.place.owner.execute(
            f"create trigger test_kill before insert or update or delete on {table} "
            "for each row execute function agon.test_kill()"
        )
        try:
            await walk.index()
            killed = False  # nothing was written there
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Refused):
            killed = True
        finally:
            await walk.place.owner.execute(f"drop trigger test_kill on {table}")
    async with rpc.connect(walk.work.runtime) as node:
        await indexing.catch_up(indexing.walk(walk.work, node))
    return int(killed)


async def paid_by_the_chain(walk: Walk) -> int:
    """What left the escrow in claims, by its own balance."""
    world, stakes = walk.world, 0
    count = await world.ask("ChallengePay", "nextId")
    came = 0
    for number in range(2, count):
        found = await world.ask("ChallengePay", "challenge", number)
        came += found[10] + found[3] * found[9]
    for name in VALIDATORS:
        stakes += await world.ask("ChallengePay", "validatorStake", await world.person(name))
    left = await world.balance("ChallengePay") - stakes
    return came - left - await world.balance("Treasury")


async def test_claims_and_balances_equal_the_chain_after_a_hundred_reorganisations(place):
    chance = random.Random(4)
    await place.owner.execute(SABOTAGE)
    async with walking(place, EPOCH, "8") as walk:
        for name in PEOPLE:
            await walk.world.node.fund(await walk.world.person(name), 10**24)
        await walk.validate()  # and mines: what was given before a block outlives its end
        await walk.index()
        first, kills = await walk.world.node.head(), 0
        for _ in range(REORGANISATIONS):
            for _ in range(ACTS):
                await act(walk, chance)
            kills += await index(walk, chance)
            depth = min(chance.randint(1, DEPTH_MAX), await walk.world.node.head() - first)
            if depth > 0:
                await walk.world.node.reorg(depth)
            kills += await index(walk, chance)
        before = await kept(place)
        claims = await place.owner.fetchval("select sum(amount_wei)::text from public.claims")
        assert claims is not None and int(claims) == await paid_by_the_chain(walk)
        count = await place.owner.fetchval("select count(*) from public.claims")
        assert kills > 20 and count > 50
        async with place.database.as_worker() as conn:
            await conn.execute("select agon.reindex_chain(agon.the_chain(), 0)")
        await walk.index()
        assert await kept(place) == before
