"""ChallengePay over random walks: what came in equals what can go out, to the wei."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field

import pytest

from agon.commons.chain import deployment
from tests.contracts import contests
from tests.contracts.contests import APPROVED, CONTENT, FAIL, PENDING, RESULT, SUCCESS
from tests.contracts.deployed import ETHER, Reverted, World, deploy

PAY = "ChallengePay"
NAMES = tuple(f"person-{number}" for number in range(6))
CLAIMS = tuple(
    f"claim{kind}"
    for kind in ("Principal", "Cashback", "Validator", "ValidatorReject", "RejectCreator",
                 "RejectContribution")
)  # fmt: skip
CHALLENGES = 2
STEPS = 100
STOP_EVERY = 50
SEEDS, SEEDS_LONG = 5, 60


@dataclass(kw_only=True)
class Walk:
    """People who do whatever comes to their mind. done, refused: how often each act was."""

    world: World
    chance: random.Random
    people: tuple[str, ...]
    challenges: list[int] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    refused: int = 0

    async def begin(self) -> None:
        """Challenges to play, and validators for them."""
        for _ in range(CHALLENGES):
            await self.create(self.chance.choice(self.people))
        for who in self.people:
            await self.world.admit(who)
            await self.send(who, "stakeValidator", value=20)

    async def step(self) -> None:
        """One act by one person, on one challenge; most of what makes no sense is refused."""
        acts = (
            *[self.join] * 4, *[self.vote] * 5, *[self.mark] * 3, *[self.claim] * 3,
            *[self.prove] * 2, self.finalize, self.stake, self.unstake, self.cancel,
            self.wait,
        )  # fmt: skip
        act = self.chance.choice(acts)
        try:
            await act(self.chance.choice(self.people))
        except Reverted:
            self.refused += 1
        else:
            self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    def one(self) -> int:
        return self.chance.choice(self.challenges)

    async def send(self, who: str | None, function: str, *arguments, value: int = 0) -> None:
        await self.world.send(PAY, function, *arguments, sender=who, value=value)

    async def create(self, who: str) -> None:
        now = await self.world.now()
        stake = self.chance.choice((0, 1, 3, ETHER // 3, self.chance.randrange(ETHER)))
        lasts_s = self.chance.randrange(200, 3000)
        pot = self.chance.randrange(1, ETHER)
        await self.send(who, "create", stake, now, now + lasts_s, CONTENT, value=pot)
        self.challenges.append(await self.world.ask(PAY, "nextId") - 1)

    async def join(self, who: str) -> None:
        challenge = self.one()
        stake = (await self.world.ask(PAY, "challenge", challenge))[9]
        wrong = self.chance.random() < 0.1
        await self.send(who, "join", challenge, value=stake + wrong)

    async def stake(self, who: str) -> None:
        await self.send(who, "stakeValidator", value=self.chance.randrange(1, 30))

    async def unstake(self, who: str) -> None:
        await self.send(who, "unstakeValidator", self.chance.randrange(20))

    async def vote(self, who: str) -> None:
        act = self.chance.choice(("approve", "approve", "approve", "reject"))
        await self.send(who, act, self.one())

    async def prove(self, _who: str) -> None:
        await self.send(None, "submitProof", self.one(), RESULT)

    async def mark(self, who: str) -> None:
        await self.send(None, "markWinners", self.one(), [who])

    async def finalize(self, _who: str) -> None:
        outcome = self.chance.choice((SUCCESS, SUCCESS, FAIL))
        await self.send(None, "finalize", self.one(), outcome)

    async def cancel(self, who: str) -> None:
        by = None if self.chance.random() < 0.1 else who
        await self.send(by, "cancel", self.one())

    async def claim(self, who: str) -> None:
        """Whatever there may be; the last refusal counts where there is nothing."""
        kinds = self.chance.sample(CLAIMS, len(CLAIMS))
        challenge = self.one()
        for kind in kinds[:-1]:
            with contextlib.suppress(Reverted):
                await self.send(who, kind, challenge)
                return
        await self.send(who, kinds[-1], challenge)

    async def wait(self, _who: str) -> None:
        await self.world.pass_time(self.chance.randrange(150))

    async def end_all(self) -> None:
        """Whatever is open is finalized where it can be, else called off."""
        for challenge in self.challenges:
            found = await self.world.ask(PAY, "challenge", challenge)
            if found[1] == APPROVED and found[15] != bytes(32):
                await self.send(None, "finalize", challenge, SUCCESS if found[4] else FAIL)
            elif found[1] in (PENDING, APPROVED):
                creator = found[0] if found[1] == PENDING else None
                await self.send(creator, "cancel", challenge)

    async def claimable(self, challenge: int) -> dict[tuple[str, str], int]:
        """What each could take now, by (who, claim)."""
        found = {}
        for who in self.people:
            for kind in CLAIMS:
                try:
                    found[who, kind] = await self.world.ask(PAY, kind, challenge, sender=who)
                except Reverted:
                    continue
        return found

    async def stakes(self) -> int:
        held = [await self.world.ask(PAY, "validatorStake", who) for who in self.people]
        return sum(held)

    async def undecided(self, challenge: int) -> int:
        """What lies in a challenge that is not over, without fees that can be claimed already."""
        found = await self.world.ask(PAY, "challenge", challenge)
        participants, stake, pot, fee = found[3], found[9], found[10], found[11]
        return pot - fee + participants * stake if found[1] in (PENDING, APPROVED) else 0

    async def check(self) -> None:
        """The equation of the contract."""
        owed = await self.stakes()
        for challenge in self.challenges:
            owed += sum((await self.claimable(challenge)).values())
            owed += await self.undecided(challenge)
        assert await self.world.balance(PAY) == owed


async def walk(contracts: World, seed: int) -> Walk:
    """A walk under terms of its own, to the point where all was claimed."""
    chance = random.Random(seed)
    terms = deployment.Terms(
        min_pot_wei=chance.choice((0, 10)),
        min_validator_stake_wei=chance.randrange(1, 20),
        quorum=chance.randrange(1, 4),
        validator_fee_bps=chance.choice((0, 1, 333, 5000, 10_000)),
        cashback_bps=chance.choice((0, 1, 777, 10_000)),
        settle_within_s=chance.choice((1, 1_000, 86_400)),
    )
    world = await deploy(contracts.node, terms=terms, plan=deployment.PLAN[:2])
    people = tuple([await world.person(name) for name in NAMES])
    one = Walk(world=world, chance=chance, people=people)
    await one.begin()
    for number in range(STEPS):
        await one.step()
        if number % STOP_EVERY == STOP_EVERY - 1:
            await one.check()
    await one.end_all()
    await one.check()
    await _everybody_claims(one)
    return one


async def _everybody_claims(one: Walk) -> None:
    """Then nothing but stakes is left, and after those nothing at all."""
    for challenge in one.challenges:
        for (who, kind), amount in (await one.claimable(challenge)).items():
            assert amount > 0
            await one.send(who, kind, challenge)
    assert await one.world.balance(PAY) == await one.stakes()
    for who in one.people:
        if held := await one.world.ask(PAY, "validatorStake", who):
            await one.send(who, "unstakeValidator", held)
    assert await one.world.balance(PAY) == 0
    buckets = [
        await one.world.ask("Treasury", "free", challenge, "0x" + "00" * 20)
        for challenge in one.challenges
    ]
    assert await one.world.balance("Treasury") == sum(buckets)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_what_came_in_equals_what_can_go_out(contracts, seed):
    async with contracts.undone():
        assert (await walk(contracts, seed)).challenges


@pytest.mark.prove
async def test_what_came_in_equals_what_can_go_out_over_many_walks(contracts):
    done: dict[str, int] = {}
    for seed in range(SEEDS, SEEDS + SEEDS_LONG):
        async with contracts.undone():
            for act, times in (await walk(contracts, seed)).done.items():
                done[act] = done.get(act, 0) + times
    print(f"\n{SEEDS_LONG} walks: {done}")
    assert len(done) == 10 and min(done.values()) > SEEDS_LONG // 5


async def test_a_challenge_of_a_thousand_wei_is_paid_out_whole(contracts):
    """By hand, with numbers that a reader can follow: 10 % fee, 25 % cashback, one validator."""
    async with contracts.undone():
        terms = deployment.Terms(
            min_pot_wei=0, min_validator_stake_wei=1, quorum=1, validator_fee_bps=1000,
            cashback_bps=2500,
        )  # fmt: skip
        world = await deploy(contracts.node, terms=terms, plan=deployment.PLAN[:2])
        challenge = await contests.created(world, pot=1000, stake=100)
        await contests.validating(world, "vera")
        await world.send(PAY, "approve", challenge, sender=await world.person("vera"))
        await contests.joined(world, challenge, "ann", "bob", "cem", "dia")
        await contests.finalized(world, challenge, "ann", "bob", "cem")
        # 1000 - 100 (fee) + 75 (what dia does not get back) = 975 = 3 * 325
        assert await contests.claim(world, "claimPrincipal", challenge, "ann") == 425
        assert await contests.claim(world, "claimPrincipal", challenge, "bob") == 425
        assert await contests.claim(world, "claimPrincipal", challenge, "cem") == 425
        assert await contests.claim(world, "claimCashback", challenge, "dia") == 25
        assert await contests.claim(world, "claimValidator", challenge, "vera") == 100
        assert await world.balance("Treasury") == 0
        assert await world.balance(PAY) == 1
