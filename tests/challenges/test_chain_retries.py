"""What was given up, what was lost, and how it goes on: each time as another attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agon.challenges import mintings
from agon.kernel.errors import Refused
from tests.challenges.drafts import created as created_here
from tests.challenges.stories import begun, created, finalized, pay
from tests.challenges.test_chain_achievements import over
from tests.challenges.test_chain_describing import described, move_intent
from tests.challenges.test_chain_effects import challenge
from tests.challenges.test_chain_jobs import (
    ENDED,
    REQUESTS,
    asked,
    dispatch,
    done,
    infer,
    job,
    ready,
    requested,
)
from tests.challenges.test_chain_settlements import end, inferred, settle, settled

NOTHING = {"inference": False, "settlement": False, "transactions": 0}


async def retry(place, number: int = 2) -> dict:
    async with place.database.as_worker() as conn:
        return await conn.fetchval("select agon.retry_challenge($1)", number)


async def status(place) -> str:
    return (await job(place))["status"]


async def test_a_job_that_comes_back_makes_another_request(place, api):
    story = await asked(place, api, "bob")
    await move_intent(place, "failed", "reverted when it was mined", key=REQUESTS)
    await story.mine(pay("Canceled"))
    await dispatch(place)
    assert await status(place) == "canceled"
    await story.undo(story.head)
    await dispatch(place)
    assert await infer(place) == "meant"
    intent = await place.owner.fetchrow(
        "select i.* from agon.chain_intents i join public.aivm_jobs j on j.intent_id = i.id"
    )
    assert intent["status"] == "queued", "the failed one would never move again"


async def test_a_dead_job_has_five_more_attempts_each_time(place, api):
    await ready(place, api, "bob", missing=("AIVM",))
    await dispatch(place)
    for attempts in (5, 10):
        for _ in range(5):
            assert await status(place) in ("queued", "failed")
            assert await infer(place) == "failed"
        assert ((await job(place))["attempts"], await status(place)) == (attempts, "dead")
        assert await retry(place) == NOTHING | {"inference": True}
        assert await retry(place) == NOTHING
    queued = "select count(*) from agon.pgqueuer where entrypoint = 'challenges.infer'"
    assert await place.owner.fetchval(queued) == 1


async def test_a_request_that_nobody_answers_is_asked_again_after_an_hour(place, api):
    story = await asked(place, api, "bob")
    await story.mine(await requested(place))
    await place.set_clock(ENDED + timedelta(days=30))
    assert await retry(place) == NOTHING, "it is not mined for good"
    await move_intent(place, "confirmed", key=REQUESTS)
    assert await retry(place) == NOTHING, "the AIVM has some time"
    await place.set_clock(ENDED + timedelta(days=31))
    assert await retry(place) == NOTHING | {"inference": True}
    assert await infer(place) == "meant"
    for step in ("signed", "sent"):
        await move_intent(place, step, key=REQUESTS)
    assert await status(place) == "submitted"
    await story.mine(done())
    assert await status(place) == "done", "the first request counts, if it is answered after all"


async def test_what_is_over_is_not_asked_again(place, api):
    story = await ready(place, api, "bob", missing=("AIVM",))
    await dispatch(place)
    for _ in range(5):
        await infer(place)
    await story.mine(finalized(1))
    assert await retry(place) == NOTHING


async def test_a_settlement_that_was_given_up_has_another_attempt(place, api):
    await inferred(place, api, "bob")
    for _ in range(5):
        assert await retry(place) == NOTHING
        assert await settle(place) == "submitProof"
        await end(place, "failed", "reverted when it was mined")
    await place.owner.execute("delete from agon.pgqueuer")
    assert await retry(place) == NOTHING | {"settlement": True}
    assert await retry(place) == NOTHING, "it waits already"
    assert await settle(place) == "submitProof"
    assert await retry(place) == NOTHING, "it is on its way"
    await end(place, "confirmed")
    assert await settle(place) == "markWinners"
    assert (await settled(place))["attempts"] == 0


async def test_a_settlement_whose_job_was_lost_goes_on(place, api):
    await inferred(place, api, "bob")
    await place.owner.execute("delete from agon.pgqueuer")
    due = "select agon.enqueue_settlements()"
    await place.set_clock(ENDED + timedelta(days=30))
    assert await place.owner.fetchval(due) == 1
    assert await place.owner.fetchval(due) == 0, "it waits already"
    await settle(place)
    await place.owner.execute("delete from agon.pgqueuer")
    assert await place.owner.fetchval(due) == 0, "it is on its way"
    await end(place, "confirmed")
    await place.owner.execute("delete from agon.pgqueuer")
    await place.set_clock(ENDED + timedelta(days=60))
    assert await place.owner.fetchval(due) == 1


async def test_a_registry_entry_that_failed_is_written_again(place, api):
    story = await begun(place)
    await story.mine(created())
    await described(place, api)
    await place.work()
    await move_intent(place, "failed", "the chain would refuse it")
    assert (await challenge(place))["registry_status"] == "failed"
    await place.owner.execute(
        "insert into agon.chain_proposals (safe_tx_hash, intent_id, body)"
        " select '0x' || repeat('7', 64), id, '{}' from agon.chain_intents"
    )
    assert await retry(place) == NOTHING | {"transactions": 1}
    proposals = "select count(*) from agon.chain_proposals"
    assert await place.owner.fetchval(proposals) == 0, "a Safe is asked again, too"
    row = await challenge(place)
    assert (row["registry_status"], row["registry_error"]) == ("submitted", None)
    assert await retry(place) == NOTHING


async def test_achievements_that_failed_are_minted_again(place, api):
    await over(place, api, 1)
    assert await mintings.mint(place.database, 2) == 3
    await move_intent(place, "failed", "out of gas", key="challenges.mint:%")
    assert await retry(place) == NOTHING | {"transactions": 1}
    failed = "select count(*) from agon.chain_intents where status = 'failed'"
    assert await place.owner.fetchval(failed) == 0


async def test_only_challenges_on_a_chain_are_tried_again(place, api):
    here = await created_here(place)
    for number, code in ((here, "challenge_not_on_chain"), (77, "challenge_unknown")):
        with pytest.raises(Refused, match=code):
            await retry(place, number)
