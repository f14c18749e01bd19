"""The whole way on a chain: join, evidence, verdict, job, inference, outcome, claims."""

from __future__ import annotations

from tests.challenges.test_duplicates import hand_in, run
from tests.challenges.walks import POT_WEI, STAKE_WEI, VALIDATORS, Walk, walking
from tests.places import wallet
from tests.standins.anvil import ADDRESSES
from tests.writers import gpx

FEE_WEI = POT_WEI * 500 // 10_000
FEE_SHARE_WEI = FEE_WEI // 2
CASHBACK_WEI = STAKE_WEI * 1000 // 10_000
NOTHING = {"claim_eligible": False, "claimable": []}


async def judged(walk: Walk, number: int, **distances_m: int) -> None:
    """Who ran how far, as evidence, with its verdict."""
    for seed, (name, distance_m) in enumerate(distances_m.items(), 1):
        await hand_in(walk.place, number, name, gpx.write(run(seed=seed, distance_m=distance_m)))
    await walk.turn()


async def settled(walk: Walk, number: int) -> None:
    """The dispatcher, our worker and the network bring it to its outcome."""
    await walk.end()
    await walk.dispatch()
    await walk.turn()
    assert await job(walk) == "submitted"
    await walk.infer()
    await walk.turn()
    assert await job(walk) == "done"


async def job(walk: Walk) -> str:
    return await walk.place.owner.fetchval("select status from public.aivm_jobs")


async def state(walk: Walk, number: int) -> tuple:
    row = await walk.place.owner.fetchrow(
        "select status, chain_outcome, registry_status from public.challenges where id = $1", number
    )
    return tuple(row)


async def takes(walk: Walk, number: int, name: str, claim_type: str, function: str) -> int:
    """A claim as everyone sees it: what is offered, what is paid, and what our row says agree."""
    offered = await walk.show("claim", number, name)
    amounts = {row["claim_type"]: int(row["amount_wei"]) for row in offered["claimable"]}
    contract = "Treasury" if function == "claimETH" else "ChallengePay"
    paid = await walk.claim(contract, function, number, name)
    assert paid == amounts[claim_type]
    await walk.turn()
    assert (await walk.claimed())[wallet(name), claim_type] == paid
    assert (await walk.show("lifecycle", number, name))["stage"] == "CLAIMED"
    return paid


async def held(walk: Walk) -> int:
    """What the escrow holds beyond the validators' stakes."""
    stakes = 0
    for name in VALIDATORS:
        stakes += await walk.world.ask("ChallengePay", "validatorStake", wallet(name))
    return await walk.world.balance("ChallengePay") - stakes


async def test_success_pays_the_winner_the_loser_and_the_validators(place):
    async with walking(place) as walk:
        number = await walk.create()
        await judged(walk, number, bob=12_000, carol=3_000)
        assert (await walk.show("lifecycle", number, "bob"))["stage"] == "PASSED"
        assert (await walk.show("lifecycle", number, "carol"))["stage"] == "MISSED"
        await settled(walk, number)
        assert await state(walk, number) == ("finalized", 1, "confirmed")
        assert (await walk.show("lifecycle", number, "bob"))["stage"] == "CLAIMABLE"
        assert (await walk.show("lifecycle", number, "carol"))["stage"] == "PAYABLE"
        prize = POT_WEI - FEE_WEI + STAKE_WEI - CASHBACK_WEI
        paid = [
            await takes(walk, number, "bob", "principal", "claimPrincipal"),
            await takes(walk, number, "carol", "cashback", "claimCashback"),
            *[
                await takes(walk, number, name, "validator_reward", "claimValidator")
                for name in VALIDATORS
            ],
        ]
        assert paid == [STAKE_WEI + prize, CASHBACK_WEI, FEE_SHARE_WEI, FEE_SHARE_WEI]
        assert await held(walk) == 0
        assert sum(paid) + await walk.world.balance("Treasury") == POT_WEI + 2 * STAKE_WEI
        for name in ("bob", "carol"):
            offered = await walk.show("claim", number, name)
            assert {key: offered[key] for key in NOTHING} == NOTHING
        await achievements_follow(walk)


async def achievements_follow(walk: Walk) -> None:
    """Completion for both, victory for the winner, each once; and their reputation."""
    await walk.dispatch()
    await walk.turn()
    rows = await walk.place.owner.fetch(
        "select recipient, achievement_type from public.achievement_mints"
    )
    assert {tuple(row) for row in rows} == {
        (wallet("bob"), "completion"), (wallet("bob"), "victory"), (wallet("carol"), "completion"),
    }  # fmt: skip
    assert await walk.world.ask("ChallengeAchievement", "balanceOf", wallet("bob")) == 2
    answer = await walk.api.get("/api/me/reputation", headers=await walk.own("bob"))
    assert answer.json()[0]["points"] == 50
    await walk.dispatch()
    await walk.turn()
    assert await walk.world.ask("ChallengeAchievement", "count") == 3


async def test_failure_pays_cashback_and_the_treasury_the_rest(place):
    async with walking(place) as walk:
        number = await walk.create()
        await judged(walk, number, bob=3_000)
        await settled(walk, number)
        assert await state(walk, number) == ("finalized", 2, "confirmed")
        for name in ("bob", "carol"):
            shown = await walk.show("lifecycle", number, name)
            assert (shown["stage"], shown["reward"]) == ("PAYABLE", False)
            assert await takes(walk, number, name, "cashback", "claimCashback") == CASHBACK_WEI
        for name in VALIDATORS:
            await takes(walk, number, name, "validator_reward", "claimValidator")
        rest = POT_WEI - 2 * FEE_SHARE_WEI + 2 * (STAKE_WEI - CASHBACK_WEI)
        assert await held(walk) == 0
        assert await walk.world.balance("Treasury") == rest
        await the_treasury_pays_twice(walk, number)


async def the_treasury_pays_twice(walk: Walk, number: int) -> None:
    """Two grants of one bucket to one wallet are two claims."""
    for amount_wei in (5, 7):
        await walk.world.send(
            "Treasury", "grantETH", number, wallet("ada"), amount_wei, sender=ADDRESSES[0]
        )
        assert await takes_from_treasury(walk, number, "ada") == amount_wei
    rows = await walk.place.owner.fetch(
        "select amount_wei::text from public.claims where claim_type = 'treasury_eth' order by id"
    )
    assert [row["amount_wei"] for row in rows] == ["5", "7"]


async def takes_from_treasury(walk: Walk, number: int, name: str) -> int:
    offered = await walk.show("claim", number, name)
    assert [row["claim_type"] for row in offered["claimable"]] == ["treasury_eth"]
    paid = await walk.claim("Treasury", "claimETH", number, name)
    assert offered["claimable"][0]["amount_wei"] == str(paid)
    await walk.turn()
    return paid


async def test_calling_off_gives_everybody_back_and_the_job_is_canceled(place):
    async with walking(place) as walk:
        number = await walk.create()
        await judged(walk, number, bob=12_000)
        await walk.end()
        await walk.place.owner.execute("select agon.dispatch_challenges()")
        assert await job(walk) == "queued"
        await walk.world.send("ChallengePay", "cancel", number)
        await walk.index()
        await walk.dispatch()
        assert await job(walk) == "canceled"
        await walk.turn()
        assert await state(walk, number) == ("canceled", None, "confirmed")
        for name in ("bob", "carol"):
            paid = await takes(walk, number, name, "reject_contribution", "claimRejectContribution")
            assert paid == STAKE_WEI
        creator = await takes(walk, number, "ada", "reject_creator", "claimRejectCreator")
        assert creator == POT_WEI - FEE_WEI
        for name in VALIDATORS:
            await takes(walk, number, name, "validator_reward", "claimValidator")
        assert await held(walk) == 0
        kinds = "select count(*) from agon.chain_intents where key not like 'challenges.registry:%'"
        assert await walk.place.owner.fetchval(kinds) == 0, "nothing was asked of the chain"
