"""Snapshots: what a bot has done, under its content id, by the service alone."""

from __future__ import annotations

import hashlib
import json

import asyncpg
import pytest

from agon.epochs import snapshots
from agon.kernel.database import ANONYMOUS
from tests.epochs import looks
from tests.epochs.ledger import CHAIN, CONTRACT
from tests.places import ADMIN, SERVICE, bearer, refusal_of

STATS = {"claims": 3, "wei": "1000000000000000000"}


@pytest.fixture
async def slug(place):
    return await looks.bot_of(place)


async def take(place, slug, stats=STATS, **given):
    return await snapshots.take(place.database, place.runtime, slug, stats, **given)


async def test_a_snapshot_is_published_and_its_hash_is_its_bytes(place, api, slug):
    row = await take(place, slug)
    data = (await api.get(f"/ipfs/{row['snapshot_uri'].removeprefix('ipfs://')}")).content
    assert hashlib.sha256(data).hexdigest() == row["snapshot_hash"]
    document = json.loads(data)
    assert document["stats"] == STATS
    assert document["bot"] == {
        "id": row["bot_identity_id"], "slug": slug, "chain_id": CHAIN,
        "contract_address": CONTRACT, "token_id": "1",
    }  # fmt: skip


async def test_the_same_snapshot_twice_is_one(place, slug):
    first = await take(place, slug)
    assert await take(place, slug) == first
    other = await take(place, slug, {"claims": 4})
    again = await take(place, slug)
    assert len({first["id"], other["id"], again["id"]}) == 3
    assert again["snapshot_uri"] == first["snapshot_uri"]


async def test_everyone_reads_snapshots_and_nobody_changes_them(place, slug):
    await take(place, slug)
    for actor in (ANONYMOUS, await place.own("ada"), SERVICE):
        async with place.database.as_caller(actor) as conn:
            assert await conn.fetchval("select count(*) from bot_stats_snapshots") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(actor) as conn:
                await conn.execute("delete from bot_stats_snapshots")
    with pytest.raises(asyncpg.PostgresError, match="only grows"):
        await place.owner.execute("update bot_stats_snapshots set created_at = now()")


async def test_only_the_service_takes_snapshots(place, slug):
    for actor in (await place.own("ada"), ADMIN, ANONYMOUS):
        assert (await refusal_of(take(place, slug, caller=actor))).status == 403
    assert await looks.published(place) == set()


async def test_there_is_no_snapshot_of_an_unknown_bot_or_epoch(place, slug):
    assert (await refusal_of(take(place, "bot_0"))).code == "bot_unknown"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await take(place, slug, epoch_id="00000000-0000-4000-8000-000000000000")
    assert await looks.published(place) == set()


async def test_stats_hold_no_floats(place, slug):
    assert (await refusal_of(take(place, slug, {"share": 0.5}))).code == "result_value_malformed"


async def test_http_takes_a_snapshot_for_the_service(place, api, slug):
    path, ada = f"/api/bots/{slug}/snapshots", await place.own("ada")

    async def post(actor, body):
        head = bearer(place, actor)
        answer = await api.post(path, json=body, headers=head)
        return answer.status_code, answer.json()

    status, row = await post(SERVICE, {"stats": STATS})
    assert (status, row["snapshot_uri"]) == (201, (await take(place, slug))["snapshot_uri"])
    assert (await post(SERVICE, {}))[1]["code"] == "stats_missing"
    assert (await post(SERVICE, {"stats": STATS, "epoch_id": "x"}))[0] == 400
    assert (await post(ada, {"stats": STATS}))[0] == 403
