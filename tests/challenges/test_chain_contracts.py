"""Several contracts of one name on a chain: each speaks for its own alone."""

from __future__ import annotations

from dataclasses import replace

from tests.challenges.stories import Log, begun, created, finalized, hash_of, joined, pay
from tests.challenges.test_chain_claims import log as claimed
from tests.challenges.test_chain_effects import challenge, participants, state
from tests.challenges.test_chain_jobs import aivm, asked, done, job, requested
from tests.places import wallet

OTHER = wallet("another contract of the name")


def there(log: Log) -> Log:
    """The same, said by the other contract."""
    return replace(log, address=OTHER)


async def test_another_contract_says_nothing_of_a_challenge_of_that_number(place):
    story = await begun(place)
    await story.mine(created(), joined("bob"))
    for log in (
        created(creator="mallory"), pay("Approved"), joined("mallory"), joined("bob"),
        claimed("principal", "mallory"), finalized(1),
    ):  # fmt: skip
        await story.mine(there(log))
    row = await challenge(place)
    assert (row["subject"], row["status"], row["chain_outcome"]) == (wallet("ada"), "pending", None)
    assert list(await participants(place)) == [wallet("bob")]
    assert (await participants(place))[wallet("bob")]["tx_hash"] == hash_of("1 2")
    assert await place.owner.fetchval("select count(*) from public.claims") == 0
    await story.mine(pay("Approved"))
    assert await state(place) == ("approved", None)
    await story.undo(2)
    assert await state(place) == ("pending", None)
    assert list(await participants(place)) == [wallet("bob")]


async def test_a_number_goes_to_who_came_first(place):
    story = await begun(place)
    await story.mine(there(created(creator="mallory")), created(), pay("Approved"), joined("bob"))
    assert (await challenge(place))["subject"] == wallet("mallory")
    assert await state(place) == ("pending", None)
    assert await participants(place) == {}


async def test_a_number_goes_to_the_next_when_the_first_is_undone(place):
    story = await begun(place)
    await story.mine(there(created(creator="mallory")))
    await story.undo(1)
    await story.mine(created(), pay("Approved"))
    assert (await challenge(place))["subject"] == wallet("ada")
    assert await state(place) == ("approved", None)


async def test_another_aivm_says_nothing_of_a_request_of_that_number(place, api):
    story = await asked(place, api, "bob")
    await story.mine(await requested(place))
    for event in ("InferenceCommitted", "InferenceRevealed"):
        await story.mine(there(aivm(event)))
    await story.mine(there(done()))
    assert (await job(place))["status"] == "submitted"
    await story.mine(done())
    assert (await job(place))["status"] == "done"


async def test_a_request_to_another_aivm_is_not_ours(place, api):
    story = await asked(place, api, "bob")
    await story.mine(there(await requested(place)), there(done()))
    assert (await job(place))["task_id"] is None
