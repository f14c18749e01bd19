"""When a challenge on a chain is over, and who can hold its outcome up."""

from __future__ import annotations

import pytest

from agon.challenges import chain_jobs, jobs
from agon.kernel import clock
from agon.kernel.errors import Refused
from agon.kernel.jobs import Work
from tests.challenges.stories import END_S
from tests.challenges.test_chain_effects import submit
from tests.challenges.test_chain_jobs import ENDED, dispatch, judge, ready
from tests.challenges.test_duplicates import hand_in, run
from tests.places import wallet
from tests.writers import gpx


async def test_a_challenge_ends_by_the_chains_final_blocks_not_by_our_clock(place, api):
    story = await ready(place, api, "bob", ended=False)
    await place.set_clock(ENDED)
    assert (await dispatch(place))["opened"] == 0, "a join may stand in a block that is not read"
    await story.reach(END_S)
    await story.finalize(1)
    assert (await dispatch(place))["opened"] == 0, "the last block may still be undone"
    await story.finalize()
    assert (await dispatch(place))["opened"] == 1


async def test_evidence_of_who_did_not_join_holds_nobody_up(place, api):
    await ready(place, api, "bob")
    for name in ("bob", "mallory"):
        await submit(place, name)
    await judge(place, "bob", True)
    assert (await dispatch(place))["opened"] == 1


async def test_evidence_is_taken_until_a_day_after_the_end(place, api):
    await ready(place, api, "bob")
    await place.set_clock(clock.from_ms(1000 * (END_S + 86_400)))
    await hand_in(place, 2, "bob", gpx.write(run()))
    await place.set_clock(clock.from_ms(1000 * (END_S + 86_401)))
    with pytest.raises(Refused) as caught:
        await hand_in(place, 2, "bob", gpx.write(run(seed=2)))
    assert caught.value.refusal.code == "challenge_ended"


async def test_evidence_is_waited_for_after_the_end_and_the_last_verdict_opens_the_job(place, api):
    story = await ready(place, api, "bob")
    await submit(place, "bob")
    work = Work(database=place.database, runtime=place.runtime)
    grace_s = place.runtime.settings["settle_grace_s"]
    for ended_s, opened in ((0, 0), (grace_s - 1, 0), (grace_s, 1)):
        await story.reach(END_S + ended_s)
        await jobs.judge(work, {"challenge_id": 2, "subject": wallet("bob")})
        assert await place.owner.fetchval("select count(*) from public.aivm_jobs") == opened
    assert grace_s == 3600


async def test_the_dispatcher_waits_as_long(place, api):
    story = await ready(place, api)
    work = Work(database=place.database, runtime=place.runtime)
    for ended_s, opened in ((3599, 0), (3600, 1)):
        await story.reach(END_S + ended_s)
        await chain_jobs.dispatch(work)
        assert await place.owner.fetchval("select count(*) from public.aivm_jobs") == opened
