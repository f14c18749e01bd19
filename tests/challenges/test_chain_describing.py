"""Describing a challenge of the chain, and its entry in the registry."""

from __future__ import annotations

import hashlib
import json

import pytest

from agon.challenges import registry
from agon.kernel import cid, clock
from agon.kernel.errors import Refused
from tests.challenges.drafts import created as created_here
from tests.challenges.stories import (
    CONTENT_HASH,
    DRAFT,
    MINED_S,
    RULE,
    SIGNER,
    begun,
    created,
    joined,
    metadata_set,
    pay,
)
from tests.challenges.test_chain_effects import challenge, submit
from tests.places import bearer, wallet


async def described(place, api, name="ada", **changes):
    actor = await place.own(name)
    body = {"subject": wallet(name), "id": 2, **DRAFT, **changes}
    return await api.post("/api/challenges", json=body, headers=bearer(place, actor))


async def move_intent(place, status, error=None, key="challenges.registry:%"):
    """An intent as the sender moves it: a hash and a block once it was mined."""
    await place.owner.execute(
        """
        insert into agon.chain_signers (chain_id, address, kind, sealed_key)
        select 31337, $1, 'key', 'sealed:v1:0123456789abcdef:' || repeat('A', 107) || ':'
          || repeat('A', 16) || ':' || repeat('A', 43)
        on conflict do nothing
        """,
        SIGNER,
    )
    await place.owner.execute(
        """
        update agon.chain_intents set status = $1, error = $2,
          signer = case when $1 <> 'queued' then $3 end,
          settled_hash = case when $1 in ('confirmed', 'failed') then '0x' || repeat('5', 64) end,
          settled_block = case when $1 in ('confirmed', 'failed') then 9 end
        where id = (select max(id) from agon.chain_intents where key like $4)
        """,
        status,
        error,
        SIGNER,
        key,
    )


async def test_the_creator_says_what_the_chain_has_the_hash_of(place, api):
    story = await begun(place)
    await story.mine(created(), pay("Approved"))
    answer = await described(place, api)
    assert answer.status_code == 201, answer.text
    row = answer.json()
    assert (row["id"], row["title"], row["model_id"]) == (2, "Run", "agon.fitness@1")
    assert row["proof"] == {"params": {"rule": RULE}}
    assert row["status"] == "approved"
    again = await described(place, api)
    assert (again.status_code, again.json()["updated_at"]) == (201, row["updated_at"])


@pytest.mark.parametrize(
    ("name", "changes", "code", "status"),
    [
        ("ada", {"title": "Walk"}, "description_differs", 409),
        ("bob", {}, "not_the_creator", 403),
        ("ada", {"id": 3}, "challenge_unknown", 404),
        ("ada", {"id": "2"}, "challenge_id_malformed", 422),
        ("ada", {"id": True}, "challenge_id_malformed", 422),
        ("ada", {"timeline": {"start": 1, "end": 2}}, "draft_unknown_field", 400),
        ("ada", {"funds": {}}, "draft_unknown_field", 400),
        ("ada", {"model_id": "nothing@1"}, "model_unknown", 404),
        ("ada", {"proof": {"params": {"rule": {**RULE, "target": -1}}}}, "invalid_rule", 422),
    ],
)
async def test_another_description_is_refused(place, api, name, changes, code, status):
    story = await begun(place)
    await story.mine(created())
    answer = await described(place, api, name, **changes)
    assert (answer.json()["code"], answer.status_code) == (code, status)
    assert (await challenge(place))["title"] is None


async def test_a_challenge_without_a_chain_was_described_when_it_was_made(place, api):
    number = await created_here(place)
    answer = await described(place, api, id=number)
    assert (answer.json()["code"], answer.status_code) == ("challenge_not_on_chain", 409)


async def test_nobody_describes_for_a_stranger(place, api):
    story = await begun(place)
    await story.mine(created())
    mallory = await place.own("mallory")
    body = {"subject": wallet("ada"), "id": 2, **DRAFT}
    answer = await api.post("/api/challenges", json=body, headers=bearer(place, mallory))
    assert (answer.json()["code"], answer.status_code) == ("not_your_wallet", 403)


async def test_evidence_waits_for_the_description(place, api):
    story = await begun(place)
    await story.mine(created(), pay("Approved"))
    await place.set_clock(clock.from_ms(1000 * MINED_S))
    bob = await place.own("bob")
    with pytest.raises(Refused, match="challenge_not_described"):
        async with place.database.as_caller(bob) as conn:
            await conn.execute("select agon.admit_evidence(2, $1, 'garmin')", wallet("bob"))
    await described(place, api)
    async with place.database.as_caller(bob) as conn:
        await conn.execute("select agon.admit_evidence(2, $1, 'garmin')", wallet("bob"))


async def test_a_description_outlives_a_reorganisation(place, api):
    story = await begun(place)
    await story.mine(created())
    await described(place, api)
    await story.undo(1)
    assert await challenge(place) is None
    await story.mine(created())
    row = await challenge(place)
    assert (row["title"], row["model_id"]) == ("Run", "agon.fitness@1")
    await story.undo(1)
    await story.mine(created(creator="bob"))
    assert (await challenge(place))["title"] is None, "the same words of another creator"


async def test_the_registry_gets_the_descriptions_content_id_once(place, api):
    story = await begun(place)
    await story.mine(created())
    await described(place, api)
    await place.work()
    row = await challenge(place)
    assert row["registry_status"] == "submitted"
    content = registry.content_of(DRAFT)
    name = cid.of_bytes(content)
    intent = await place.owner.fetchrow("select * from agon.chain_intents")
    assert f"ipfs://{name}".encode() in bytes(intent["data"])
    assert bytes.fromhex(CONTENT_HASH[2:]) in bytes(intent["data"])
    kept = place.runtime.home / "content" / name[-2] / name
    assert json.loads(kept.read_bytes())["title"] == "Run"
    assert kept.read_bytes() == content
    for _ in range(2):
        assert await registry.register(place.database, place.runtime, 2) is False
    assert await place.owner.fetchval("select count(*) from agon.chain_intents") == 1


async def test_only_the_log_confirms_an_entry(place, api):
    story = await begun(place)
    await story.mine(created())
    await described(place, api)
    await place.work()
    for status in ("signed", "sent", "confirmed"):
        await move_intent(place, status)
        assert (await challenge(place))["registry_status"] == "submitted"
    await story.mine(metadata_set())
    assert (await challenge(place))["registry_status"] == "confirmed"
    await story.undo(2)
    assert (await challenge(place))["registry_status"] == "submitted"


async def test_a_refused_entry_says_why_until_it_is_taken_back(place, api):
    story = await begun(place)
    await story.mine(created())
    await described(place, api)
    await place.work()
    await move_intent(place, "failed", "AccessControlUnauthorizedAccount")
    row = await challenge(place)
    assert (row["registry_status"], row["registry_error"]) == (
        "failed", "AccessControlUnauthorizedAccount",
    )  # fmt: skip
    await move_intent(place, "sent")
    row = await challenge(place)
    assert (row["registry_status"], row["registry_error"]) == ("submitted", None)


async def test_without_a_registry_the_entry_waits_for_one(place, api):
    story = await begun(place, "MetadataRegistry")
    await story.mine(created())
    await described(place, api)
    await place.work()
    assert (await challenge(place))["registry_status"] == "pending"
    await place.owner.execute(
        "select agon.keep_contract(31337, 'MetadataRegistry', 1, $1, 0)", wallet("registry")
    )
    assert await place.owner.fetchval("select agon.enqueue_registrations()") == 1
    await place.work()
    assert (await challenge(place))["registry_status"] == "submitted"


async def test_evidence_of_another_challenge_under_the_number_is_judged_by_the_new_rule(place, api):
    story = await begun(place)
    await story.mine(created(), pay("Approved"), joined("bob"))
    await described(place, api)
    await submit(place, "bob")
    await story.undo(1)
    other = {**DRAFT, "title": "Another"}
    digest = hashlib.sha256(registry.content_of(other)).hexdigest()
    await story.mine(created(creator="mallory", content_hash=f"0x{digest}"), joined("bob"))
    await place.owner.execute("delete from agon.pgqueuer")
    answer = await described(place, api, "mallory", title="Another")
    assert answer.status_code == 201, answer.text
    jobs = await place.owner.fetch(
        "select convert_from(payload, 'UTF8')::jsonb as payload from agon.pgqueuer"
        " where entrypoint = 'challenges.judge'"
    )
    assert [row["payload"] for row in jobs] == [{"challenge_id": 2, "subject": wallet("bob")}]
