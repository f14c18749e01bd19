"""ChallengePay: how a challenge is made, joined, voted on, and ended."""

from __future__ import annotations

import pytest

from tests.contracts import contests
from tests.contracts.contests import CONTENT, FAIL, HOUR_S, POT, RESULT, STAKE, SUCCESS
from tests.contracts.deployed import ETHER, TERMS, refused

PAY = "ChallengePay"


async def test_challenges_are_numbered_from_2(world):
    assert await contests.created(world) == 2
    assert await contests.created(world) == 3
    made = await world.ask(PAY, "challenge", 2)
    assert made[0] == await world.person("cleo")
    assert (made[1], made[9], made[10], made[14]) == (contests.PENDING, STAKE, POT, CONTENT)
    assert await world.balance(PAY) == 2 * POT


async def test_a_pot_below_the_least_makes_no_challenge(world):
    least = await world.ask(PAY, "minPot")
    with refused(f"PotTooSmall({least})"):
        await contests.created(world, pot=least - 1)


async def test_a_challenge_ends_after_it_starts_and_in_the_future(world):
    now = await world.now()
    for start, end in ((now, now), (now + 1, now), (now - 20, now - 10)):
        with refused("WindowMalformed"):
            await world.send(PAY, "create", 1, start, end, CONTENT, value=POT)


async def test_a_stake_that_nobody_could_pay_makes_no_challenge(world):
    with refused("StakeTooLarge"):
        await contests.created(world, stake=2**128)


async def test_a_participant_joins_once_with_the_exact_stake(world):
    challenge = await contests.created(world)
    ann = await world.person("ann")
    for wrong in (STAKE - 1, STAKE + 1, 0):
        with refused(f"WrongValue({STAKE})"):
            await world.send(PAY, "join", challenge, sender=ann, value=wrong)
    await contests.joined(world, challenge, "ann")
    with refused("AlreadyJoined"):
        await contests.joined(world, challenge, "ann")
    assert await world.balance(PAY) == POT + STAKE


async def test_nobody_joins_late_or_what_is_over_or_unknown(world):
    with refused("WrongStatus(0)"):
        await world.send(PAY, "join", 9, value=STAKE)
    off = await contests.created(world)
    await world.send(PAY, "cancel", off, sender=await world.person("cleo"))
    with refused("WrongStatus(4)"):
        await contests.joined(world, off, "ann")
    late = await contests.created(world)
    await world.pass_time(HOUR_S)
    with refused("TooLate"):
        await contests.joined(world, late, "ann")


async def test_what_is_approved_can_still_be_joined(world):
    challenge = await contests.created(world)
    await contests.decided(world, challenge)
    await contests.joined(world, challenge, "ann")


@pytest.mark.parametrize(
    "act, after", [("approve", contests.APPROVED), ("reject", contests.REJECTED)]
)
async def test_a_quorum_decides(world, act, after):
    challenge = await contests.created(world)
    await contests.validating(world, "vera", "viktor")
    await world.send(PAY, act, challenge, sender=await world.person("vera"))
    assert await contests.status(world, challenge) == contests.PENDING
    await world.send(PAY, act, challenge, sender=await world.person("viktor"))
    assert await contests.status(world, challenge) == after


async def test_votes_of_two_sides_are_not_a_quorum(world):
    challenge = await contests.created(world)
    await contests.validating(world, "vera", "viktor", "vito")
    await world.send(PAY, "approve", challenge, sender=await world.person("vera"))
    await world.send(PAY, "reject", challenge, sender=await world.person("viktor"))
    assert await contests.status(world, challenge) == contests.PENDING
    await world.send(PAY, "reject", challenge, sender=await world.person("vito"))
    assert await contests.status(world, challenge) == contests.REJECTED


async def test_a_validator_has_one_vote(world):
    challenge = await contests.created(world)
    await contests.validating(world, "vera")
    vera = await world.person("vera")
    await world.send(PAY, "approve", challenge, sender=vera)
    for act in ("approve", "reject"):
        with refused("AlreadyVoted"):
            await world.send(PAY, act, challenge, sender=vera)


async def test_a_vote_takes_a_stake(world):
    challenge = await contests.created(world)
    least = await world.ask(PAY, "minValidatorStake")
    poor = await world.person("poor")
    await world.admit(poor)
    for staked in (0, least - 1):
        if staked:
            await world.send(PAY, "stakeValidator", sender=poor, value=staked)
        with refused(f"StakeTooSmall({least})"):
            await world.send(PAY, "approve", challenge, sender=poor)


async def test_only_whom_the_admin_admits_votes(world):
    challenge = await contests.created(world)
    await contests.validating(world, "vera")
    stranger, least = await world.person("sly"), await world.ask(PAY, "minValidatorStake")
    await world.send(PAY, "stakeValidator", sender=stranger, value=least)
    for act in ("approve", "reject"):
        with refused("AccessControlUnauthorizedAccount"):
            await world.send(PAY, act, challenge, sender=stranger)
    with refused("AccessControlUnauthorizedAccount"):
        role = await world.ask(PAY, "VALIDATOR_ROLE")
        await world.send(PAY, "grantRole", role, stranger, sender=stranger)
    await world.send(PAY, "unstakeValidator", least, sender=stranger)


async def test_nobody_votes_late_or_on_what_is_decided(world):
    challenge = await contests.created(world)
    await contests.decided(world, challenge)
    await contests.validating(world, "vito")
    with refused("WrongStatus(2)"):
        await world.send(PAY, "approve", challenge, sender=await world.person("vito"))
    late = await contests.created(world)
    await world.pass_time(HOUR_S)
    with refused("TooLate"):
        await world.send(PAY, "approve", late, sender=await world.person("vito"))


async def test_a_stake_stays_while_a_vote_is_open_and_comes_back_after(world):
    challenge = await contests.created(world)
    await contests.validating(world, "vera", "viktor")
    vera, least = await world.person("vera"), await world.ask(PAY, "minValidatorStake")
    await world.send(PAY, "stakeValidator", sender=vera, value=5)
    await world.send(PAY, "approve", challenge, sender=vera)
    await world.send(PAY, "unstakeValidator", 5, sender=vera)
    with refused(f"StakeTooSmall({least})"):
        await world.send(PAY, "unstakeValidator", 1, sender=vera)
    await world.send(PAY, "approve", challenge, sender=await world.person("viktor"))
    await world.send(PAY, "unstakeValidator", least, sender=vera)
    with refused("StakeTooSmall(0)"):
        await world.send(PAY, "unstakeValidator", 1, sender=vera)
    for act, given in (("stakeValidator", ()), ("unstakeValidator", (0,))):
        with refused("ZeroAmount"):
            await world.send(PAY, act, *given, sender=vera)


async def test_a_cancelled_challenge_frees_the_stakes_of_its_voters(world):
    challenge = await contests.created(world)
    await contests.validating(world, "vera")
    vera = await world.person("vera")
    await world.send(PAY, "reject", challenge, sender=vera)
    await world.send(PAY, "cancel", challenge, sender=await world.person("cleo"))
    assert await world.ask(PAY, "openVotes", vera) == 0


async def test_the_creator_cancels_while_pending_and_the_admin_after(world):
    challenge, cleo = await contests.created(world), await world.person("cleo")
    with refused("NotTheCreator"):
        await world.send(PAY, "cancel", challenge)
    await contests.decided(world, challenge)
    with refused("AccessControlUnauthorizedAccount"):
        await world.send(PAY, "cancel", challenge, sender=cleo)
    await world.send(PAY, "cancel", challenge)
    with refused("WrongStatus(4)"):
        await world.send(PAY, "cancel", challenge)


async def test_anybody_cancels_what_was_not_finalized_in_time(world):
    challenge = await contests.created(world)
    await contests.joined(world, challenge, "ann")
    await contests.decided(world, challenge)
    ann = await world.person("ann")
    await world.pass_time(HOUR_S + TERMS.settle_within_s - 60)
    with refused("AccessControlUnauthorizedAccount"):
        await world.send(PAY, "cancel", challenge, sender=ann)
    await world.pass_time(120)
    await world.send(PAY, "cancel", challenge, sender=ann)
    await world.send(PAY, "claimRejectContribution", challenge, sender=ann)
    with refused("WrongStatus(4)"):
        await world.send(PAY, "submitProof", challenge, contests.RESULT)


async def test_anybody_cancels_what_ended_undecided(world):
    challenge = await contests.created(world)
    ann = await world.person("ann")
    await world.pass_time(HOUR_S - 60)
    with refused("NotTheCreator"):
        await world.send(PAY, "cancel", challenge, sender=ann)
    await world.pass_time(60)
    await world.send(PAY, "cancel", challenge, sender=ann)
    assert await contests.status(world, challenge) == contests.CANCELED


async def test_a_stranger_neither_proves_nor_marks_nor_finalizes(world):
    challenge, ann = await contests.created(world), await world.person("ann")
    await contests.decided(world, challenge)
    for act, given in (
        ("submitProof", (challenge, RESULT)),
        ("markWinners", (challenge, [ann])),
        ("finalize", (challenge, SUCCESS)),
    ):
        with refused("AccessControlUnauthorizedAccount"):
            await world.send(PAY, act, *given, sender=ann)


async def test_what_is_not_approved_is_neither_proved_nor_marked_nor_finalized(world):
    challenge = await contests.created(world)
    for act, given in (
        ("submitProof", (challenge, RESULT)),
        ("markWinners", (challenge, [world.admin])),
        ("finalize", (challenge, FAIL)),
    ):
        with refused("WrongStatus(1)"):
            await world.send(PAY, act, *given)


async def test_a_challenge_has_one_proof_and_is_not_finalized_without(world):
    challenge = await contests.created(world)
    await contests.decided(world, challenge)
    with refused("NotProved"):
        await world.send(PAY, "finalize", challenge, FAIL)
    with refused("EmptyProof"):
        await world.send(PAY, "submitProof", challenge, bytes(32))
    await world.send(PAY, "submitProof", challenge, RESULT)
    with refused("AlreadyProved"):
        await world.send(PAY, "submitProof", challenge, CONTENT)


async def test_winners_are_participants_and_marked_once(world):
    challenge = await contests.created(world)
    await contests.decided(world, challenge)
    await contests.joined(world, challenge, "ann", "bob")
    ann, bob, eve = [await world.person(name) for name in ("ann", "bob", "eve")]
    with refused(f"NotAParticipant({eve})"):
        await world.send(PAY, "markWinners", challenge, [ann, eve])
    with refused(f"AlreadyMarked({ann})"):
        await world.send(PAY, "markWinners", challenge, [ann, ann])
    with refused("NoWinners"):
        await world.send(PAY, "markWinners", challenge, [])
    await world.send(PAY, "markWinners", challenge, [ann])
    await world.send(PAY, "markWinners", challenge, [bob])
    assert (await world.ask(PAY, "challenge", challenge))[4] == 2


async def test_a_success_has_winners_and_an_end_is_the_end(world):
    challenge = await contests.created(world)
    await contests.decided(world, challenge)
    await contests.joined(world, challenge, "ann")
    await world.send(PAY, "submitProof", challenge, RESULT)
    with refused("NoWinners"):
        await world.send(PAY, "finalize", challenge, SUCCESS)
    with refused("UnknownOutcome(3)"):
        await world.send(PAY, "finalize", challenge, 3)
    await world.send(PAY, "finalize", challenge, FAIL)
    for act, given in (("finalize", (challenge, FAIL)), ("cancel", (challenge,))):
        with refused("WrongStatus(5)"):
            await world.send(PAY, act, *given)


async def test_money_that_is_for_nothing_is_not_taken(world):
    with pytest.raises(Exception, match="revert"):
        await world.transact(await world.person("ann"), world.at[PAY], b"", ETHER)
