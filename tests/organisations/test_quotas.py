"""A key's requests of an hour: exact over all serving processes, and most of them touch no row."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest

from agon.app import serve
from agon.commons.organisations import keys
from agon.kernel.errors import Refused
from agon.rest.batch import BATCH_TYPE
from agon.web.quotas import Quota
from tests.organisations.walks import SLUG, as_, found, key_of, shown, shows
from tests.rest.doors import served

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def org(place):
    await place.set_clock(NOON + timedelta(minutes=10))
    return await found(place)


class Process:
    """A serving process as its quota sees it; asked: how often it went to Postgres."""

    def __init__(self, place, key):
        self.asked = 0
        self._take = partial(keys.quota, place.database, {"api_key": key["id"]})
        self.quota = Quota(self._ask)

    async def _ask(self, wanted):
        self.asked += 1
        return await self._take(wanted)

    async def spend(self, requests=1):
        try:
            await self.quota.spend(requests)
        except Refused as refused:
            assert refused.refusal.code == "rate_limited"
            return 0
        return requests


@pytest.mark.parametrize("limit", [1, 7, 500])
async def test_several_processes_together_let_in_exactly_the_limit(place, org, limit):
    key = await key_of(place, "org:read", rate_limit=limit)
    processes = [Process(place, key) for _ in range(4)]
    # Each brings more than all of them may, 40 at a time.
    calls = [process.spend() for process in processes for _ in range(limit + 10)]
    let_in = 0
    for at in range(0, len(calls), 40):
        let_in += sum(await asyncio.gather(*calls[at : at + 40]))
    assert let_in == limit
    asked = sum(process.asked for process in processes)
    if limit > 100:
        assert asked < limit / 4
    # Those that are refused go to Postgres no more, until the lease is over.
    assert await processes[0].spend() == 0
    assert sum(process.asked for process in processes) == asked


async def test_what_a_lease_leaves_is_given_back_and_batches_count_whole(place, org, monkeypatch):
    key = await key_of(place, "org:read", rate_limit=100)
    first, second = Process(place, key), Process(place, key)
    assert await first.spend() == 1
    taken = await place.owner.fetchval("select taken from agon.api_key_hours")
    assert 1 < taken <= 100 // 16
    assert await second.spend(100) == 0  # all or none
    assert await second.spend(100 - taken) == 100 - taken
    assert await second.spend() == 0
    monkeypatch.setattr(first.quota, "_holds_until_s", 0)
    assert await first.spend(taken - 1) == taken - 1
    assert await first.spend() == 0
    assert await place.owner.fetchval("select taken from agon.api_key_hours") == 100


async def test_a_new_hour_begins_anew_also_for_who_waited(place, org):
    key = await key_of(place, "org:read", rate_limit=3)
    process = Process(place, key)
    await place.set_clock(NOON + timedelta(minutes=59, seconds=59.8))
    assert [await process.spend() for _ in range(4)] == [1, 1, 1, 0]
    await place.set_clock(NOON + timedelta(hours=1))
    await asyncio.sleep(0.25)
    assert [await process.spend() for _ in range(4)] == [1, 1, 1, 0]
    # A transaction that began in the hour before does not bring that hour back.
    await place.set_clock(NOON + timedelta(minutes=59))
    assert await Process(place, key).spend() == 0


async def test_use_is_noted_to_the_minute(place, org):
    key = await key_of(place, "org:read")
    process = Process(place, key)
    used = "select last_used_at from api_keys"
    assert await place.owner.fetchval(used) is None
    await place.set_clock(NOON + timedelta(minutes=11, seconds=30))
    await process.spend()
    assert await place.owner.fetchval(used) == NOON + timedelta(minutes=11)


async def test_a_revoked_key_gets_no_lease(place, org):
    key = await key_of(place, "org:read")
    await place.owner.execute("update api_keys set revoked_at = now()")
    with pytest.raises(Refused, match="credential_unknown"):
        await Process(place, key).quota.spend()


async def test_two_servers_answer_429_after_the_limit(place, org):
    key = await key_of(place, "org:read", rate_limit=20)
    answers = []
    async with served(place) as one:
        app = serve(place.runtime, work=False)
        app.state.database, app.state.processes = place.database, None
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as other:
            for n in range(15):
                by = shows(key) if n % 2 else {"apikey": key["key"]}
                answers += await asyncio.gather(
                    one.get("/rest/v1/organizations", headers=by),
                    other.get(f"/api/org/{SLUG}", headers=by),
                )
            refused = [each for each in answers if each.status_code == 429]
            assert len(answers) - len(refused) == 20
            for each in (refused[0], await other.get("/api/org", headers=shows(key))):
                assert shown(each) == (429, "rate_limited")
                assert 2900 <= int(each.headers["retry-after"]) <= 3000
            # Others are not held up by it.
            assert (await other.get("/api/org", headers=as_(place, "ada"))).status_code == 200


async def test_each_request_of_a_batch_counts(place, org):
    key = await key_of(place, "org:read", rate_limit=5)
    batch = json.dumps([{"path": "/organizations"}] * 4)
    kind = {"content-type": BATCH_TYPE}
    async with served(place) as api:
        answer = await api.post("/rest/v1/", content=batch, headers=shows(key) | kind)
        assert answer.status_code == 200, answer.text
        answer = await api.post("/rest/v1/", content=batch, headers=shows(key) | kind)
        assert shown(answer) == (429, "rate_limited")
