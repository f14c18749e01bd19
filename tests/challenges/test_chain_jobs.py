"""Jobs of the AIVM: who gets one, retries and their end, and what only the indexer may say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agon.challenges import inferences, outcomes
from agon.kernel import clock
from agon.kernel.errors import Refused
from tests.challenges.stories import (
    END_S,
    MINED_S,
    SIGNER,
    Story,
    aivm,
    attested,
    begun,
    created,
    finalized,
    hash_of,
    joined,
    pay,
)
from tests.challenges.test_chain_describing import described, move_intent
from tests.challenges.test_chain_effects import submit
from tests.places import SERVICE, wallet

ENDED = clock.from_ms(1000 * (END_S + 60))
REQUESTS = "challenges.request_inference:%"


async def ready(
    place, api, *names: str, missing: tuple[str, ...] = (), ended: bool = True
) -> Story:
    """An approved, described, ended challenge, which these people have joined."""
    story = await begun(place, *missing)
    await story.mine(created(), pay("Approved"), *(joined(name) for name in names))
    await described(place, api)
    await place.set_clock(ENDED if ended else clock.from_ms(1000 * MINED_S))
    if ended:
        await story.reach(END_S)
    return story


async def judge(place, name: str, passed: bool) -> None:
    """A verdict as the judge records it, on the newest evidence."""
    cid = "b" + wallet(name)[2:].translate(str.maketrans("01289", "abcde")).ljust(58, "a")
    await place.owner.execute(
        """
        with kept as (
          insert into agon.results (cid, kind, version, bundle, subject)
          values ($3, 'example', 1, '', $1) on conflict do nothing)
        insert into public.verdicts (challenge_id, subject, pass, reasons, evidence_hash, evaluator,
          result_cid, basis, enrolled_ms)
        select 2, $1, $2, case when $2 then '{}' else '{no}' end::text[], '', 'fitness', $3,
          (select array_agg(id order by provider) from agon.newest_evidence(2, $1)),
          agon.enrolled_ms(2, $1)
        """,
        wallet(name),
        passed,
        cid,
    )


async def dispatch(place) -> dict:
    return await place.owner.fetchval("select agon.dispatch_challenges()")


async def job(place):
    return await place.owner.fetchrow("select * from public.aivm_jobs")


async def infer(place) -> str:
    return await inferences.infer(place.database, 2, 0)


async def asked(place, api, *winners: str) -> Story:
    """A challenge whose request is on its way; of two participants these pass."""
    story = await ready(place, api, "bob", "carol")
    for name in ("bob", "carol"):
        await submit(place, name)
        await judge(place, name, name in winners)
    await dispatch(place)
    assert await infer(place) == "meant"
    for status in ("signed", "sent"):
        await move_intent(place, status, key=REQUESTS)
    return story


async def requested(place, request: int = 1, requester: str = SIGNER, **changes: str):
    """The log of a request for our job."""
    args = {
        "requester": requester, "taskId": hash_of(f"task {request}"), "model": "m",
        "promptHash": (await job(place))["prompt_hash"], "promptId": f"0x{2:064x}",
        "modelDigest": hash_of("m"), "detConfigHash": hash_of("c"), **changes,
    }  # fmt: skip
    return aivm("InferenceRequestedV2", request, **args)


def done(request: int = 1):
    return aivm(
        "InferenceFinalized", request, taskId=hash_of(f"task {request}"), worker=wallet("w"),
        resultHash=hash_of("result"), workerPaidWei="0", protocolFeeWei="0",
    )  # fmt: skip


async def test_an_ended_and_judged_challenge_gets_one_job(place, api):
    await ready(place, api, "bob")
    assert await dispatch(place) == {"opened": 1, "canceled": 0}
    assert await dispatch(place) == {"opened": 0, "canceled": 0}
    row = await job(place)
    assert (row["challenge_id"], row["status"], row["attempts"]) == (2, "queued", 0)
    queued = "select count(*) from agon.pgqueuer where entrypoint = 'challenges.infer'"
    assert await place.owner.fetchval(queued) == 1


async def test_a_challenge_that_still_runs_gets_none(place, api):
    await ready(place, api, "bob", ended=False)
    assert (await dispatch(place))["opened"] == 0


@pytest.mark.parametrize("log", [None, pay("Rejected"), pay("Canceled"), finalized(1)])
async def test_only_an_approved_challenge_gets_one(place, api, log):
    story = await begun(place)
    await story.mine(created(), *([log] if log else []))
    await described(place, api)
    await place.set_clock(ENDED)
    await story.reach(END_S)
    assert (await dispatch(place))["opened"] == 0


async def test_an_undescribed_challenge_gets_none(place):
    story = await begun(place)
    await story.mine(created(), pay("Approved"))
    await place.set_clock(ENDED)
    await story.reach(END_S)
    assert (await dispatch(place))["opened"] == 0


async def test_evidence_without_a_verdict_holds_the_job_back(place, api):
    await ready(place, api, "bob")
    await submit(place, "bob")
    assert (await dispatch(place))["opened"] == 0
    await judge(place, "bob", True)
    assert (await dispatch(place))["opened"] == 1


@pytest.mark.parametrize(
    "stale",
    [
        "insert into public.evidence (challenge_id, subject, provider, data, evidence_hash)"
        " select challenge_id, subject, provider, data, repeat('1', 64) from public.evidence",
        "update public.participants set joined_at = joined_at + interval '1 second'",
    ],
)
async def test_a_stale_verdict_holds_the_job_back(place, api, stale):
    await ready(place, api, "bob")
    await submit(place, "bob")
    await judge(place, "bob", True)
    await place.owner.execute(stale)
    assert (await dispatch(place))["opened"] == 0


async def test_the_worker_claims_asks_and_fixes_the_outcome(place, api):
    await ready(place, api, "bob", "carol")
    for name in ("bob", "carol", "dave"):
        await submit(place, name)
        await judge(place, name, name != "carol")
    await dispatch(place)
    assert await infer(place) == "meant"
    row = await job(place)
    assert (row["status"], row["attempts"], row["last_error"]) == ("processing", 1, None)
    settled = await place.owner.fetchrow("select * from agon.challenge_settlements")
    assert (settled["outcome"], settled["winners"]) == (1, [wallet("bob")])
    bundle = await place.owner.fetchval(
        "select bundle from agon.results where cid = $1", settled["result_cid"]
    )
    verified = outcomes.results.verify(
        bundle, {("challenges.outcome", 1): outcomes.KIND}, settled["result_cid"]
    )
    assert verified.ok
    intent = await place.owner.fetchrow(
        "select * from agon.chain_intents where key like $1", REQUESTS
    )
    assert bytes.fromhex(row["prompt_hash"][2:]) in bytes(intent["data"])
    assert intent["id"] == row["intent_id"]
    assert await infer(place) == "nothing", "a second run changes nothing"


async def test_nobody_passed_is_a_failure(place, api):
    await asked(place, api)
    settled = await place.owner.fetchrow("select * from agon.challenge_settlements")
    assert (settled["outcome"], settled["winners"]) == (2, [])


async def test_what_is_being_settled_takes_neither_evidence_nor_verdict(place, api):
    await asked(place, api, "bob")
    with pytest.raises(Refused, match="challenge_not_open"):
        async with place.database.as_caller(SERVICE) as conn:
            await conn.execute("select agon.admit_evidence(2, $1, 'garmin')", wallet("bob"))
    basis = await place.owner.fetchval("select basis from public.verdicts limit 1")
    async with place.database.as_worker() as conn:
        recorded = await conn.fetchval(
            "select agon.record_verdict(2, $1, $2, '{}', '')", wallet("bob"), basis
        )
    assert recorded == "closed"


async def test_a_job_whose_challenge_is_over_is_skipped_at_the_claim(place, api):
    story = await ready(place, api, "bob")
    await dispatch(place)
    await story.mine(finalized(1))
    assert await infer(place) == "nothing"
    assert (await job(place))["status"] == "skipped"
    assert await place.owner.fetchval("select count(*) from agon.challenge_settlements") == 0


@pytest.mark.parametrize("log", [finalized(1), pay("Canceled")])
async def test_a_cycle_cancels_jobs_of_challenges_that_are_over(place, api, log):
    story = await ready(place, api, "bob")
    await dispatch(place)
    await story.mine(log)
    assert await dispatch(place) == {"opened": 0, "canceled": 1}
    assert (await job(place))["status"] == "canceled"
    assert await infer(place) == "nothing"
    assert await place.owner.fetchval("select agon.cancel_terminal_jobs()") == 0


async def test_a_canceled_job_comes_back_with_its_challenge(place, api):
    story = await ready(place, api, "bob")
    await dispatch(place)
    await story.mine(pay("Canceled"))
    await dispatch(place)
    await story.undo(2)
    assert (await dispatch(place))["opened"] == 1
    assert (await job(place))["status"] == "queued"


async def test_a_submitted_job_is_not_canceled(place, api):
    story = await asked(place, api, "bob")
    await story.mine(finalized(1))
    assert (await dispatch(place))["canceled"] == 0
    assert (await job(place))["status"] == "submitted"


async def test_without_an_aivm_the_job_fails_and_is_dead_after_five(place, api):
    await ready(place, api, "bob", missing=("AIVM",))
    await dispatch(place)
    for attempt in range(1, 6):
        assert await infer(place) == "failed"
        row = await job(place)
        assert row["attempts"] == attempt
        assert "AIVM" in row["last_error"]
        assert row["status"] == ("dead" if attempt == 5 else "failed")
    assert await infer(place) == "nothing"
    assert (await dispatch(place))["opened"] == 0, "dead is dead"


async def test_a_failed_job_waits_longer_each_time(place, api):
    await ready(place, api, "bob", missing=("AIVM",))
    await dispatch(place)
    await infer(place)
    await place.owner.execute("delete from agon.pgqueuer")
    queued = "select count(*) from agon.pgqueuer where entrypoint = 'challenges.infer'"
    for seconds, expected in ((30, 0), (61, 1)):
        await place.set_clock(ENDED + timedelta(seconds=seconds))
        await dispatch(place)
        assert await place.owner.fetchval(queued) == expected


async def test_a_job_whose_worker_died_is_claimed_again_as_the_same_attempt(place, api):
    await ready(place, api, "bob")
    await dispatch(place)
    async with place.database.as_worker() as conn:
        await conn.execute("select agon.claim_aivm_job(2)")
    assert await infer(place) == "meant"
    assert (await job(place))["attempts"] == 1


async def test_a_request_that_reverts_is_tried_again_under_another_key(place, api):
    await asked(place, api, "bob")
    await move_intent(place, "failed", "reverted when it was mined", key=REQUESTS)
    row = await job(place)
    assert (row["status"], row["last_error"]) == ("failed", "reverted when it was mined")
    assert await infer(place) == "meant"
    keys = await place.owner.fetch("select key from agon.chain_intents where key like $1", REQUESTS)
    assert len({row["key"] for row in keys}) == 2
    assert (await job(place))["attempts"] == 2


async def test_a_failure_that_a_reorganisation_takes_back_is_none(place, api):
    await asked(place, api, "bob")
    await move_intent(place, "failed", "reverted", key=REQUESTS)
    await move_intent(place, "sent", key=REQUESTS)
    row = await job(place)
    assert (row["status"], row["last_error"], row["worker_address"]) == ("submitted", None, SIGNER)


async def test_the_worker_never_marks_a_job_done(place, api):
    await asked(place, api, "bob")
    await move_intent(place, "confirmed", key=REQUESTS)
    assert (await job(place))["status"] == "submitted"


async def test_the_indexer_sees_commit_reveal_attest_and_finalize(place, api):
    story = await asked(place, api, "bob")
    steps = [
        (await requested(place), "submitted"),
        (aivm("InferenceCommitted", worker=wallet("w"), commitment=hash_of("c")), "committed"),
        (
            aivm("InferenceRevealed", worker=wallet("w"), responseHash="0x", response="r"),
            "revealed",
        ),
        (attested(), "revealed"),
        (done(), "done"),
    ]
    for log, status in steps:
        await story.mine(log)
        assert (await job(place))["status"] == status
    row = await job(place)
    assert (row["task_id"], row["attestations"]) == (hash_of("task 1"), 1)
    assert row["result_hash"] == hash_of("result")
    first = story.head - 4
    for block, (_, _) in reversed(list(enumerate(steps, first))):
        await story.undo(block)
        expected = steps[block - first - 1][1] if block > first else "submitted"
        assert (await job(place))["status"] == expected
    row = await job(place)
    assert (row["task_id"], row["attestations"], row["result_hash"]) == (None, 0, None)


async def test_all_of_it_in_one_range_is_done_at_once(place, api):
    story = await asked(place, api, "bob")
    logs = [
        await requested(place),
        aivm("InferenceCommitted", worker=wallet("w"), commitment=hash_of("c")),
        aivm("InferenceRevealed", worker=wallet("w"), responseHash="0x", response="r"),
        attested(),
        done(),
    ]
    await story.mine(*logs)
    assert (await job(place))["status"] == "done"
    queued = "select count(*) from agon.pgqueuer where entrypoint = 'challenges.settle'"
    assert await place.owner.fetchval(queued) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"requester": wallet("mallory")},
        {"promptHash": hash_of("another prompt")},
        {"promptId": f"0x{3:064x}"},
    ],
)
async def test_a_strangers_request_is_not_ours(place, api, changes):
    story = await asked(place, api, "bob")
    await story.mine(await requested(place, **changes), done())
    row = await job(place)
    assert (row["status"], row["task_id"]) == ("submitted", None)


async def test_a_dead_job_stays_dead_whatever_is_seen(place, api):
    story = await asked(place, api, "bob")
    log = await requested(place)
    await place.owner.execute("update public.aivm_jobs set attempts = 5")
    await move_intent(place, "failed", "reverted", key=REQUESTS)
    await story.mine(log, done())
    assert (await job(place))["status"] == "dead"


async def test_nobody_but_the_service_role_sees_jobs(place, api):
    await ready(place, api, "bob")
    await dispatch(place)
    async with place.database.as_caller(SERVICE) as conn:
        assert await conn.fetchval("select count(*) from public.aivm_jobs") == 1
    with pytest.raises(Exception, match="permission denied"):
        async with place.database.as_caller(place.actor("bob")) as conn:
            await conn.fetchval("select count(*) from public.aivm_jobs")
