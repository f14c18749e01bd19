"""Wallets that call back while they are paid, and wallets that refuse to be paid."""

from __future__ import annotations

import pytest

from agon.commons.chain import calls
from tests.contracts import contests
from tests.contracts.contests import POT, STAKE
from tests.contracts.deployed import ETHER, TERMS, World, attacker, refused

PAY = "ChallengePay"
ACCEPT, REFUSE, SPEND_ALL_GAS, ANSWER_AT_LENGTH, CALL_BACK = range(5)
"""The manners of contracts/test/Receiver.sol."""


async def act(world: World, contract: str, function: str, *arguments, value: int = 0):
    """The attacker calls a contract."""
    inner = calls.encode(world.known[contract], function, *arguments)
    data = calls.encode(world.known["Receiver"], "act", world.at[contract], inner)
    return await world.transact(None, world.at["Receiver"], data, value, world.known[contract])


async def behave(world: World, manner: int, contract: str = PAY, data: bytes = b"") -> None:
    await world.send("Receiver", "behave", manner, world.at[contract], data)


async def call_back(world: World, contract: str, function: str, *arguments) -> None:
    """From now on the attacker answers each payment with this call."""
    data = calls.encode(world.known[contract], function, *arguments)
    await behave(world, CALL_BACK, contract, data)


@pytest.fixture
async def stage(world: World) -> World:
    """The attacker is there."""
    await world.make(attacker("Receiver"))
    return world


async def lost_challenge(world: World) -> int:
    """The attacker played, and it was rejected; another's stake lies beside."""
    challenge = await contests.created(world)
    await contests.joined(world, challenge, "ann")
    await act(world, PAY, "join", challenge, value=STAKE)
    await contests.decided(world, challenge, "reject")
    return challenge


@pytest.mark.parametrize("again", ["claimRejectContribution", "claimRejectCreator"])
async def test_a_claim_that_calls_back_pays_once(stage, again):
    challenge = await lost_challenge(stage)
    await call_back(stage, PAY, again, challenge)
    await act(stage, PAY, "claimRejectContribution", challenge)
    assert await stage.balance("Receiver") == STAKE
    assert not await stage.ask("Receiver", "gotThrough")
    answer = await stage.ask("Receiver", "answer")
    assert "ReentrancyGuardReentrantCall" in calls.explain(stage.known[PAY], answer.hex())


async def test_unstaking_that_calls_back_pays_once(stage):
    least = TERMS.min_validator_stake_wei
    await contests.validating(stage, "vera")
    await act(stage, PAY, "stakeValidator", value=least)
    await call_back(stage, PAY, "unstakeValidator", least)
    await act(stage, PAY, "unstakeValidator", least)
    assert await stage.balance("Receiver") == least
    assert await stage.balance(PAY) == least
    assert not await stage.ask("Receiver", "gotThrough")


async def test_joining_from_within_a_payment_changes_no_sum(stage):
    lost = await lost_challenge(stage)
    other = await contests.created(stage, stake=0)
    await call_back(stage, PAY, "join", other)
    await act(stage, PAY, "claimRejectContribution", lost)
    assert await stage.ask("Receiver", "gotThrough")
    held = await stage.balance(PAY)
    await stage.send(PAY, "cancel", other, sender=await stage.person("cleo"))
    await contests.claim(stage, "claimRejectCreator", other, "cleo")
    assert await stage.balance(PAY) == held - POT


async def test_who_refuses_to_be_paid_loses_nothing_by_it(stage):
    challenge = await lost_challenge(stage)
    await behave(stage, REFUSE)
    with refused("PaymentFailed"):
        await act(stage, PAY, "claimRejectContribution", challenge)
    await behave(stage, ACCEPT)
    await act(stage, PAY, "claimRejectContribution", challenge)
    assert await stage.balance("Receiver") == STAKE


async def test_a_treasury_claim_that_calls_back_pays_once(stage):
    await stage.send("Treasury", "deposit", 7, value=3 * ETHER)
    await stage.send("Treasury", "grantETH", 7, stage.at["Receiver"], ETHER)
    await call_back(stage, "Treasury", "claimETH", 7)
    await act(stage, "Treasury", "claimETH", 7)
    assert await stage.balance("Receiver") == ETHER
    assert not await stage.ask("Receiver", "gotThrough")


async def test_a_withdrawal_that_calls_back_pays_once(stage):
    await behave(stage, REFUSE)
    await stage.send("EpochPayout", "push", 1, 0, [stage.at["Receiver"]], [ETHER], value=ETHER)
    await call_back(stage, "EpochPayout", "withdraw")
    await act(stage, "EpochPayout", "withdraw")
    assert await stage.balance("Receiver") == ETHER
    assert await stage.balance("EpochPayout") == 0
    assert not await stage.ask("Receiver", "gotThrough")


@pytest.mark.parametrize("manner", [REFUSE, SPEND_ALL_GAS, ANSWER_AT_LENGTH])
async def test_a_receiver_that_misbehaves_is_credited_and_the_others_are_paid(stage, manner):
    await behave(stage, manner)
    ann, bob = await stage.person("ann"), await stage.person("bob")
    before = [await stage.balance(who) for who in (ann, bob)]
    bad = stage.at["Receiver"]
    receipt = await stage.send(
        "EpochPayout", "push", 1, 0, [ann, bad, bob, bad], [1, 20, 300, 4000], value=4321
    )
    assert [await stage.balance(who) for who in (ann, bob)] == [before[0] + 1, before[1] + 300]
    assert await stage.ask("EpochPayout", "credit", bad) == 4020
    assert await stage.balance("EpochPayout") == 4020
    assert receipt.gas < 250_000  # the receiver's own gas is bounded, and so is its answer
    await behave(stage, ACCEPT)
    await act(stage, "EpochPayout", "withdraw")
    assert await stage.balance("EpochPayout") == 0


async def test_calling_back_while_being_pushed_to_gains_nothing(stage):
    await behave(stage, REFUSE)
    bad = stage.at["Receiver"]
    await stage.send("EpochPayout", "push", 1, 0, [bad], [5], value=5)
    await call_back(stage, "EpochPayout", "withdraw")
    await stage.send("EpochPayout", "push", 1, 1, [bad, stage.admin], [7, 1], value=8)
    credit = await stage.ask("EpochPayout", "credit", bad)
    assert (await stage.balance(bad)) + credit == 12
    assert await stage.balance("EpochPayout") == credit


async def test_a_voter_is_no_wallet_that_could_stop_a_decision(stage):
    challenge = await contests.created(stage)
    await stage.admit(stage.at["Receiver"])
    await act(stage, PAY, "stakeValidator", value=TERMS.min_validator_stake_wei)
    await behave(stage, REFUSE)
    await act(stage, PAY, "approve", challenge)
    await contests.validating(stage, "vera")
    await stage.send(PAY, "approve", challenge, sender=await stage.person("vera"))
    assert await contests.status(stage, challenge) == contests.APPROVED
