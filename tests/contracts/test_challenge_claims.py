"""ChallengePay: who gets what, once, to the wei."""

from __future__ import annotations

import pytest

from tests.contracts import contests
from tests.contracts.contests import POT, STAKE, claim
from tests.contracts.deployed import TERMS, refused

PAY = "ChallengePay"
FEE = POT * TERMS.validator_fee_bps // 10_000
CASHBACK = STAKE * TERMS.cashback_bps // 10_000
PLAYERS = ("ann", "bob", "cem", "dia", "eli")
CLAIMS = (
    "claimPrincipal",
    "claimCashback",
    "claimValidator",
    "claimValidatorReject",
    "claimRejectCreator",
    "claimRejectContribution",
)


async def open_challenge(world) -> int:
    """Approved, and joined by five."""
    challenge = await contests.created(world)
    await contests.decided(world, challenge)
    await contests.joined(world, challenge, *PLAYERS)
    return challenge


async def test_winners_share_what_losers_do_not_get_back(world):
    challenge = await open_challenge(world)
    await contests.finalized(world, challenge, "ann", "bob", "cem")
    prize, rest = divmod(POT - FEE + 2 * (STAKE - CASHBACK), 3)
    for name in ("ann", "bob", "cem"):
        assert await claim(world, "claimPrincipal", challenge, name) == STAKE + prize
    for name in ("dia", "eli"):
        assert await claim(world, "claimCashback", challenge, name) == CASHBACK
    shared, left = divmod(FEE, 2)
    for name in contests.VALIDATORS:
        assert await claim(world, "claimValidator", challenge, name) == shared
    assert await world.balance("Treasury") == rest + left
    assert await world.ask("Treasury", "free", challenge, "0x" + "00" * 20) == rest + left
    assert await world.balance(PAY) == 2 * TERMS.min_validator_stake_wei


async def test_where_all_fail_the_rest_goes_to_the_bucket_of_the_challenge(world):
    challenge = await open_challenge(world)
    await contests.finalized(world, challenge)
    for name in PLAYERS:
        assert await claim(world, "claimCashback", challenge, name) == CASHBACK
    with refused("NothingToClaim"):
        await claim(world, "claimPrincipal", challenge, "ann")
    paid_on = POT - FEE + 5 * (STAKE - CASHBACK) + FEE % 2
    assert await world.ask("Treasury", "free", challenge, "0x" + "00" * 20) == paid_on


async def test_marks_do_not_count_where_the_challenge_failed(world):
    challenge = await open_challenge(world)
    await world.send(PAY, "markWinners", challenge, [await world.person("ann")])
    await contests.finalized(world, challenge)
    assert await claim(world, "claimCashback", challenge, "ann") == CASHBACK


async def test_a_rejected_challenge_gives_stakes_back_and_the_pot_without_the_fee(world):
    challenge = await contests.created(world)
    await contests.joined(world, challenge, "ann", "bob")
    await contests.decided(world, challenge, "reject")
    assert await claim(world, "claimRejectCreator", challenge, "cleo") == POT - FEE
    for name in ("ann", "bob"):
        assert await claim(world, "claimRejectContribution", challenge, name) == STAKE
    for name in contests.VALIDATORS:
        assert await claim(world, "claimValidatorReject", challenge, name) == FEE // 2
    assert await world.balance("Treasury") == FEE % 2
    assert await world.balance(PAY) == 2 * TERMS.min_validator_stake_wei


async def test_a_challenge_cancelled_before_it_was_approved_gives_all_back(world):
    challenge = await contests.created(world)
    await contests.joined(world, challenge, "ann", "cleo")
    await world.send(PAY, "cancel", challenge, sender=await world.person("cleo"))
    assert await claim(world, "claimRejectCreator", challenge, "cleo") == POT
    for name in ("ann", "cleo"):
        assert await claim(world, "claimRejectContribution", challenge, name) == STAKE
    assert await world.balance(PAY) == 0


async def test_validators_keep_the_fee_of_what_is_cancelled_after_they_approved(world):
    challenge = await open_challenge(world)
    await world.send(PAY, "cancel", challenge)
    assert await claim(world, "claimRejectCreator", challenge, "cleo") == POT - FEE
    assert await claim(world, "claimValidator", challenge, "vera") == FEE // 2
    assert await claim(world, "claimRejectContribution", challenge, "eli") == STAKE


async def test_validators_of_the_other_side_get_nothing(world):
    challenge = await contests.created(world)
    await contests.validating(world, "vito")
    await world.send(PAY, "reject", challenge, sender=await world.person("vito"))
    await contests.decided(world, challenge)
    for kind in ("claimValidator", "claimValidatorReject"):
        with refused("NothingToClaim"):
            await claim(world, kind, challenge, "vito")


@pytest.mark.parametrize("kind, who", [("claimPrincipal", "ann"), ("claimCashback", "bob"),
                                       ("claimValidator", "vera")])  # fmt: skip
async def test_a_claim_of_what_was_played_pays_once(world, kind, who):
    challenge = await open_challenge(world)
    await contests.finalized(world, challenge, "ann")
    await claim(world, kind, challenge, who)
    with refused("AlreadyClaimed"):
        await claim(world, kind, challenge, who)


@pytest.mark.parametrize("kind, who", [("claimRejectCreator", "cleo"), ("claimValidatorReject",
                         "vera"), ("claimRejectContribution", "ann")])  # fmt: skip
async def test_a_claim_of_what_was_rejected_pays_once(world, kind, who):
    challenge = await contests.created(world)
    await contests.joined(world, challenge, "ann")
    await contests.decided(world, challenge, "reject")
    await claim(world, kind, challenge, who)
    with refused("AlreadyClaimed"):
        await claim(world, kind, challenge, who)


@pytest.mark.parametrize("end", ["success", "rejected"])
@pytest.mark.parametrize("kind", CLAIMS)
async def test_a_stranger_has_nothing_to_claim(world, kind, end):
    challenge = await contests.created(world)
    await contests.joined(world, challenge, "ann")
    await contests.decided(world, challenge, "approve" if end == "success" else "reject")
    if end == "success":
        await contests.finalized(world, challenge, "ann")
    with pytest.raises(Exception, match=r"NothingToClaim|WrongStatus"):
        await claim(world, kind, challenge, "eve")


@pytest.mark.parametrize("kind", CLAIMS)
async def test_nothing_can_be_claimed_of_what_is_not_decided(world, kind):
    challenge = await contests.created(world)
    await contests.joined(world, challenge, "cleo")
    await contests.validating(world, "cleo")
    await world.send(PAY, "approve", challenge, sender=await world.person("cleo"))
    with pytest.raises(Exception, match=r"NothingToClaim|WrongStatus\(1\)"):
        await claim(world, kind, challenge, "cleo")


async def test_winners_do_not_also_get_cashback_nor_losers_a_principal(world):
    challenge = await open_challenge(world)
    await contests.finalized(world, challenge, "ann")
    for kind, name in (("claimCashback", "ann"), ("claimPrincipal", "bob")):
        with refused("NothingToClaim"):
            await claim(world, kind, challenge, name)


async def test_a_challenge_without_a_stake_still_pays_its_pot(world):
    challenge = await contests.created(world, stake=0)
    await contests.decided(world, challenge)
    await contests.joined(world, challenge, "ann", "bob")
    await contests.finalized(world, challenge, "ann")
    assert await claim(world, "claimPrincipal", challenge, "ann") == POT - FEE
    with refused("NothingToClaim"):
        await claim(world, "claimCashback", challenge, "bob")


async def test_a_challenge_that_nobody_joined_can_fail(world):
    challenge = await contests.created(world, stake=2**128 - 1)
    await contests.decided(world, challenge)
    await contests.finalized(world, challenge)
    assert await world.balance("Treasury") == POT - FEE + FEE % 2
