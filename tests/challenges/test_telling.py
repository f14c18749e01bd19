"""What the worker tells by itself: once each, in time or not at all, also after it was down."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from agon.challenges import claims, telling, telling_jobs
from agon.kernel import clock
from agon.kernel.errors import Refused, refuse
from agon.kernel.jobs import Work
from tests.chain.following import configured
from tests.challenges.stories import END_S, begun, finalized, joined, pay
from tests.challenges.stories import created as on_chain
from tests.challenges.test_challenges import created
from tests.places import Place, wallet

END = clock.from_ms(1000 * END_S)
HOUR = timedelta(hours=1)


async def told(place: Place) -> list[tuple[str, str]]:
    rows = await place.owner.fetch(
        "select wallet, type from public.notifications order by type, wallet"
    )
    return [tuple(row) for row in rows]


async def joins(place: Place, challenge: int, *names: str) -> None:
    for name in names:
        async with place.database.as_worker(await place.own(name)) as conn:
            await conn.execute("select agon.join_challenge($1, $2, null)", challenge, wallet(name))


async def passes(place: Place, challenge: int, name: str) -> None:
    cid = "b" + "a" * 58
    await place.owner.execute(
        "insert into agon.results (cid, kind, version, bundle) values ($1, 'example', 1, '')", cid
    )
    await place.owner.execute(
        """
        insert into public.verdicts
          (challenge_id, subject, pass, reasons, evidence_hash, evaluator, result_cid)
        values ($1, $2, true, '{}', repeat('0', 64), 'fitness', $3)
        """,
        challenge, wallet(name), cid,
    )  # fmt: skip


async def at(place: Place, when: Any) -> int:
    await place.set_clock(when)
    return await telling.tell_participants(place.database)


async def test_those_who_have_not_passed_are_told_once_of_each(place):
    await place.set_clock(END - timedelta(days=3))
    challenge = await created(place)
    await created(place, "carol", timeline=None)
    await joins(place, challenge, "bob", "carol", "dave")
    await passes(place, challenge, "carol")
    assert await at(place, END - timedelta(days=2)) == 0
    await place.set_clock(END - 20 * HOUR)
    turns = (telling.tell_participants(place.database) for _ in range(3))
    assert sum(await asyncio.gather(*turns)) == 2, "two workers at once tell once"
    assert await at(place, END - 19 * HOUR) == 0
    assert await at(place, END + HOUR) == 2
    assert await at(place, END + 2 * HOUR) == 0
    bob, dave = sorted((wallet("bob"), wallet("dave")))
    assert await told(place) == [
        (bob, "challenge_final_push"), (dave, "challenge_final_push"),
        (bob, "proof_window_open"), (dave, "proof_window_open"),
    ]  # fmt: skip
    row = await place.owner.fetchrow(
        "select data, body from public.notifications where type = 'proof_window_open' limit 1"
    )
    assert row["data"] == {"challengeId": challenge, "deepLink": f"/challenges/{challenge}"}
    assert "“Run”" in row["body"]


@pytest.mark.parametrize(
    ("down_until", "types"),
    [
        (END - HOUR, ["challenge_final_push"]),
        (END + 23 * HOUR, ["proof_window_open"]),
        (END + 25 * HOUR, []),
    ],
)
async def test_a_worker_that_was_down_says_what_still_holds(place, down_until, types):
    await place.set_clock(END - timedelta(days=3))
    await joins(place, await created(place), "bob")
    await at(place, down_until)
    assert [type for _, type in await told(place)] == types


class Paying:
    """What the contracts would pay, by wallet; broken: why the node cannot say."""

    def __init__(self) -> None:
        self.wei: dict[str, int] = {}
        self.broken: str | None = None
        self.asked = 0

    async def simulate(self, _node, _challenge, subject, asked) -> list[dict[str, str]]:
        assert {each["claim_type"] for each in asked} == set(claims.CLAIM_TYPES)
        self.asked += 1
        if self.broken:
            raise refuse(self.broken, "The node cannot say.")
        wei = self.wei.get(subject, 0)
        return [{"claim_type": "principal", "amount_wei": str(wei)}] if wei else []


@pytest.fixture
def paying(monkeypatch: pytest.MonkeyPatch) -> Paying:
    found = Paying()
    monkeypatch.setattr(telling.claims, "simulate", found.simulate)
    return found


async def claimants(place: Place, when: Any) -> int:
    await place.set_clock(when)
    work: Work = configured(place, rpc_url="http://127.0.0.1:9/")
    await place.work()
    return await telling.tell_claimants(place.database, work.runtime)


async def over(place: Place, last: Any) -> Any:
    """A challenge on a chain that bob and carol have joined, and that ends with a log."""
    story = await begun(place)
    await story.mine(on_chain())
    await story.mine(pay("Approved"))
    await story.mine(joined("bob"), joined("carol"))
    await place.set_clock(END)
    await story.mine(last)
    return story


async def test_who_can_claim_is_told_and_reminded_while_it_lies_there(place, paying):
    paying.wei = {wallet("bob"): 5, wallet("ada"): 7}
    await over(place, finalized(1))
    assert await claimants(place, END + HOUR) == 2
    assert await claimants(place, END + 2 * HOUR) == 0
    assert paying.asked == 3, "who has nothing to claim is asked about once"
    del paying.wei[wallet("ada")]  # ada claims
    assert await claimants(place, END + timedelta(days=2)) == 0
    assert await claimants(place, END + timedelta(days=4)) == 1
    assert await claimants(place, END + timedelta(days=9)) == 0
    assert await told(place) == [
        *sorted((wallet(name), "claim_available") for name in ("ada", "bob")),
        (wallet("bob"), "claim_reminder"),
    ]
    data = await place.owner.fetchval(
        "select data from public.notifications where type = 'claim_reminder'"
    )
    assert data["claimable"] == [{"claim_type": "principal", "amount_wei": "5"}]


async def test_a_node_that_cannot_say_is_asked_again(place, paying):
    paying.wei, paying.broken = {wallet("bob"): 5}, "chain_unreachable"
    await over(place, pay("Canceled"))
    with pytest.raises(Refused, match="chain_unreachable"):
        await claimants(place, END + HOUR)
    assert paying.asked == 1, "the others would wait as long, one by one"
    paying.broken = claims.CALL_FAILED
    assert await claimants(place, END + HOUR) == 0
    assert paying.asked == 4
    paying.broken = None
    assert await claimants(place, END + HOUR + timedelta(minutes=5)) == 0
    assert await claimants(place, END + HOUR + timedelta(minutes=11)) == 1
    assert await told(place) == [(wallet("bob"), "claim_available")]


async def test_an_outcome_that_is_taken_back_or_old_is_told_to_nobody(place, paying):
    paying.wei = {wallet("bob"): 5}
    story = await over(place, finalized(1))
    await place.work()
    await story.undo(story.head)
    assert await claimants(place, END + HOUR) == 0
    assert await told(place) == []
    assert await place.owner.fetchval("select count(*) from agon.claim_prompts") == 0


async def test_after_a_month_of_downtime_nobody_is_told_of_claims(place, paying):
    paying.wei = {wallet("bob"): 5}
    await over(place, finalized(1))
    assert await claimants(place, END + timedelta(days=31)) == 0
    assert paying.asked == 0


async def test_without_a_chain_there_is_nothing_to_claim(place):
    challenge = await created(place)
    await joins(place, challenge, "bob")
    await place.owner.execute("select agon.open_claim_prompts($1, now())", challenge)
    assert await place.owner.fetchval("select count(*) from agon.claim_prompts") == 0
    work = Work(database=place.database, runtime=place.runtime)
    await telling_jobs.tell(work, {})
    await telling_jobs.remind(work, {})
    assert await told(place) == []
