"""Batches of the data door that claim the same slots in another order."""

from __future__ import annotations

import asyncio

from agon.rest.batch import BATCH_TYPE
from tests.epochs import days
from tests.epochs.ledger import Transfer, tell
from tests.places import wallet
from tests.rest import doors

WAITING = "select count(*) from pg_locks where not granted"
WAIT_S_MAX = 10


async def test_of_two_batches_that_cross_one_is_done_and_the_other_can_be_sent_again(place):
    config = days.profile(minimum_hold_ms=0, cooldown_ms={"bot": 0, "slot": 0})
    day = await days.live(place, config, "ada")
    await tell(
        place.owner,
        [Transfer(block=200, log=n, token=n, receiver=wallet("ada")) for n in range(2, 7)],
    )
    bots = await place.owner.fetch("select id::text from bot_identities order by token_id")

    def batch(order, first):
        """Claims of these slots, each by a bot of its own."""
        return [
            {
                "method": "POST", "path": "/rpc/claim_slot",
                "body": {"slot_index": slot, "code": "abc", "bot_identity_id": bots[first + n][0]},
            }
            for n, slot in enumerate(order)
        ]  # fmt: skip

    headers = {
        "content-type": BATCH_TYPE, "apikey": place.runtime.api_keys.publishable,
        "authorization": f"Bearer {place.token(place.actor('ada'))}",
    }  # fmt: skip
    crossing = [batch((0, 2, 1), 0), batch((1, 2, 0), 3)]
    async with doors.served(place) as client:

        def send(requests):
            return client.post("/rest/v1/", json=requests, headers=headers)

        async with place.owner.transaction():
            # Both have their first slot, and wait for the one between, before either goes on.
            await place.owner.execute(
                "select from epoch_slot_states where slot_index = 2 for update"
            )
            sent = [asyncio.create_task(send(requests)) for requests in crossing]
            async with asyncio.timeout(WAIT_S_MAX):
                while await place.owner.fetchval(WAITING) < len(sent):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        answers = await asyncio.gather(*sent)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        lost = next(n for n, answer in enumerate(answers) if answer.status_code == 409)
        refusal = answers[lost].json()
        assert refusal["code"] == "40P01" and "Send it again" in refusal["hint"]
        assert len(await day.events("slot_claimed", "slot_overwritten")) == 3
        assert (await send(crossing[lost])).status_code == 200
        assert len(await day.events("slot_claimed", "slot_overwritten")) == 6
