"""Challenges on chain, brought to where a test begins."""

from __future__ import annotations

from tests.contracts.deployed import ETHER, World

HOUR_S = 3600
STAKE = ETHER + 7
POT = 10 * ETHER + 1
"""Numbers that no division goes through without a remainder."""
CONTENT = bytes(range(32))
RESULT = bytes(reversed(range(32)))
SUCCESS, FAIL = 1, 2
PENDING, APPROVED, REJECTED, CANCELED, FINALIZED = range(1, 6)
"""The contract's Status."""
VALIDATORS = ("vera", "viktor")
"""As many as the quorum."""


async def created(
    world: World,
    *,
    creator: str = "cleo",
    stake: int = STAKE,
    pot: int = POT,
    lasts_s: int = HOUR_S,
) -> int:
    """A new challenge; its id."""
    now = await world.now()
    challenge = await world.ask("ChallengePay", "nextId")
    await world.send(
        "ChallengePay", "create", stake, now, now + lasts_s, CONTENT,
        sender=await world.person(creator), value=pot,
    )  # fmt: skip
    return challenge


async def joined(world: World, challenge: int, *names: str) -> None:
    """These people paid their stakes."""
    stake = (await world.ask("ChallengePay", "challenge", challenge))[9]
    for name in names:
        await world.send(
            "ChallengePay", "join", challenge, sender=await world.person(name), value=stake
        )


async def validating(world: World, *names: str) -> None:
    """These people may vote."""
    least = await world.ask("ChallengePay", "minValidatorStake")
    for name in names:
        await world.admit(await world.person(name))
        await world.send(
            "ChallengePay", "stakeValidator", sender=await world.person(name), value=least
        )


async def decided(world: World, challenge: int, act: str = "approve") -> None:
    """A quorum of validators voted so."""
    await validating(world, *VALIDATORS)
    for name in VALIDATORS:
        await world.send("ChallengePay", act, challenge, sender=await world.person(name))


async def finalized(world: World, challenge: int, *winners: str) -> None:
    """Proved and closed: with winners a success, without them a failure."""
    await world.send("ChallengePay", "submitProof", challenge, RESULT)
    if winners:
        who = [await world.person(name) for name in winners]
        await world.send("ChallengePay", "markWinners", challenge, who)
    await world.send("ChallengePay", "finalize", challenge, SUCCESS if winners else FAIL)


async def status(world: World, challenge: int) -> int:
    return (await world.ask("ChallengePay", "challenge", challenge))[1]


async def claim(world: World, kind: str, challenge: int, name: str) -> int:
    """What somebody got, by the contract's word and by the balance; they must agree."""
    who = await world.person(name)
    told = await world.ask("ChallengePay", kind, challenge, sender=who)
    before = await world.balance("ChallengePay")
    await world.send("ChallengePay", kind, challenge, sender=who)
    assert before - await world.balance("ChallengePay") == told
    return told
