"""Settlements: each call of the contract after the one before is confirmed, and none twice."""

from __future__ import annotations

from agon.challenges import settlements
from agon.commons.chain import artifacts, calls
from tests.challenges.stories import finalized, hash_of, pay
from tests.challenges.test_chain_describing import move_intent
from tests.challenges.test_chain_jobs import asked, done, requested
from tests.places import wallet

KEYS = "challenges.settle:%"


async def inferred(place, api, *winners):
    """A challenge whose inference is done."""
    story = await asked(place, api, *winners)
    await story.mine(await requested(place), done())
    return story


async def settle(place):
    return await settlements.settle(place.database, 2)


async def settled(place):
    return await place.owner.fetchrow("select * from agon.challenge_settlements")


async def end(place, status, error=None):
    for step in ("signed", "sent", status):
        await move_intent(place, step, error if step == status else None, key=KEYS)


async def meant(place):
    rows = await place.owner.fetch(
        "select data from agon.chain_intents where key like $1 order by id", KEYS
    )
    return [bytes(row["data"]) for row in rows]


async def test_proof_winners_outcome_each_when_the_former_is_confirmed(place, api):
    await inferred(place, api, "bob", "carol")
    pay_contract = artifacts.load("ChallengePay")
    expected = [
        ("submitProof", bytes.fromhex(hash_of("result")[2:])),
        ("markWinners", sorted([wallet("bob"), wallet("carol")])),
        ("finalize", 1),
    ]
    for call, _ in expected:
        assert await settle(place) == call
        assert await settle(place) is None, "not while it is on its way"
        await end(place, "confirmed")
    assert await settle(place) is None, "the outcome was the last"
    assert await meant(place) == [
        calls.encode(pay_contract, call, 2, argument) for call, argument in expected
    ]


async def test_a_failure_marks_no_winners(place, api):
    await inferred(place, api)
    assert await settle(place) == "submitProof"
    await end(place, "confirmed")
    assert await settle(place) == "finalize"
    assert (await meant(place))[-1] == calls.encode(
        artifacts.load("ChallengePay"), "finalize", 2, 2
    )


async def test_many_winners_are_marked_in_batches(place, api):
    await inferred(place, api, "bob")
    winners = sorted(wallet(f"w{number}") for number in range(201))
    await place.owner.execute("update agon.challenge_settlements set winners = $1", winners)
    called = []
    while call := await settle(place):
        called.append(call)
        await end(place, "confirmed")
    assert called == ["submitProof", *["markWinners"] * 3, "finalize"]
    batches = [
        calls.encode(artifacts.load("ChallengePay"), "markWinners", 2, winners[start : start + 100])
        for start in (0, 100, 200)
    ]
    assert (await meant(place))[1:4] == batches


async def test_a_call_that_fails_is_tried_again_and_given_up_after_five(place, api):
    await inferred(place, api, "bob")
    for attempt in range(1, 6):
        assert await settle(place) == "submitProof"
        await end(place, "failed", "reverted")
        row = await settled(place)
        assert (row["attempts"], row["last_error"], row["step"]) == (attempt, "reverted", 0)
    waiting = await place.owner.fetch(
        "select execute_after > now() as later from agon.pgqueuer "
        "where entrypoint = 'challenges.settle' order by id"
    )
    assert [row["later"] for row in waiting] == [False, True, True, True, True]
    assert len(set(await meant(place))) == 1


async def test_a_confirmation_that_comes_again_skips_nothing(place, api):
    await inferred(place, api, "bob")
    await settle(place)
    await end(place, "confirmed")
    for status in ("sent", "confirmed"):
        await move_intent(place, status, key=KEYS)
    assert (await settled(place))["step"] == 1
    assert await settle(place) == "markWinners"


async def test_a_proof_of_another_finalizer_is_not_given_again(place, api):
    story = await inferred(place, api, "bob")
    await story.mine(pay("ProofSubmitted", resultHash=hash_of("result")))
    assert (await settled(place))["proof_tx_hash"] is not None
    assert await settle(place) == "markWinners"
    await end(place, "confirmed")
    assert (await settled(place))["step"] == 2


async def test_an_undone_proof_is_given(place, api):
    story = await inferred(place, api, "bob")
    block = await story.mine(pay("ProofSubmitted", resultHash=hash_of("result")))
    await story.undo(block)
    assert (await settled(place))["proof_tx_hash"] is None
    assert await settle(place) == "submitProof"


async def test_what_is_over_is_not_settled(place, api):
    story = await inferred(place, api, "bob")
    await story.mine(finalized(1))
    assert await settle(place) is None


async def test_nothing_is_settled_before_the_inference_is_done(place, api):
    await asked(place, api, "bob")
    assert await settle(place) is None
