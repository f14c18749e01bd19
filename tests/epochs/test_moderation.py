"""Moderators decide once; what is rejected is never worn. Where a bot stands, and who moves it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from agon.kernel.database import ANONYMOUS, Actor
from agon.kernel.errors import Refused
from tests.content.walks import png
from tests.epochs import looks
from tests.epochs.ledger import ADA, BOB, Transfer, tell
from tests.places import ADMIN, SERVICE, bearer, refusal_of

MODERATOR = Actor(
    role="authenticated",
    claims={
        "sub": "00000000-0000-4000-8000-00000000ad22",
        "app_metadata": {"roles": ["curator"], "permissions": ["avatars.moderate"]},
    },
)


@pytest.fixture
async def ada(place):
    return await place.own("ada")


@pytest.fixture
async def slug(place, ada):
    """With an avatar that is pending."""
    slug = await looks.bot_of(place)
    await looks.brought(place, ada, slug, preview=png())
    return slug


async def reject(place, slug, by=ADMIN, reason="It is a copy.", number=1):
    return await looks.act(place, by, "public.reject_avatar($1, $2, $3)", slug, number, reason)


async def standing(place, call, slug, by=ADMIN) -> str:
    more = ", 'It cheats.'" if call == "suspend" else ""
    return (await looks.act(place, by, f"public.{call}_bot($1{more})", slug))["status"]


@pytest.mark.parametrize("by", [ADMIN, MODERATOR, SERVICE], ids=["admin", "permission", "service"])
async def test_a_moderator_approves_and_then_everyone_sees(place, slug, by):
    assert await looks.published(place) == set()
    row = await looks.approve(place, slug, 1, by)
    assert (row["moderation_status"], row["moderation_note"]) == ("approved", None)
    assert await looks.seen(place, ANONYMOUS, slug) == [(1, "approved")]
    uris = {row["glb_uri"], row["preview_image_uri"], row["manifest_uri"]}
    assert {f"ipfs://{cid}" for cid in await looks.published(place)} == uris


async def test_what_is_rejected_stays_with_its_owner_who_reads_why(place, ada, slug):
    row = await reject(place, slug, MODERATOR)
    assert (row["moderation_status"], row["moderation_note"]) == ("rejected", "It is a copy.")
    assert await looks.seen(place, ada, slug) == [(1, "rejected")]
    assert await looks.seen(place, ANONYMOUS, slug) == []
    assert await looks.seen(place, await place.own("bob"), slug) == []
    assert await looks.published(place) == set()


async def test_nobody_else_decides(place, ada, slug):
    for actor in (ada, await place.own("bob")):
        assert (await refusal_of(looks.approve(place, slug, 1, actor))).code == "permission_missing"
        assert (await refusal_of(reject(place, slug, actor))).code == "permission_missing"
    with pytest.raises(Refused, match="permission_missing"):
        async with place.database.as_caller(ada) as conn:
            await conn.fetchval("select agon.avatars_to_moderate()")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await looks.approve(place, slug, 1, ANONYMOUS)


async def test_a_decision_twice_is_one(place, slug):
    first = await looks.approve(place, slug, 1)
    assert await looks.approve(place, slug, 1) == first
    events = "select count(*) from agon.events where topic = 'bot_avatar.approved'"
    assert await place.owner.fetchval(events) == 1


async def test_a_decision_stands(place, ada, slug):
    await looks.approve(place, slug, 1)
    assert (await refusal_of(reject(place, slug))).code == "move_not_allowed"
    await looks.brought(place, ada, slug, "b")
    await reject(place, slug, number=2)
    assert (await refusal_of(looks.approve(place, slug, 2))).code == "move_not_allowed"


async def test_of_two_moderators_at_once_one_decides(place, slug):
    outcomes = await asyncio.gather(
        looks.approve(place, slug, 1), reject(place, slug), return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert [each.refusal.code for each in refused] == ["move_not_allowed"]


@pytest.mark.parametrize("reason", [None, "", "x" * 501])
async def test_a_rejection_gives_a_reason(place, slug, reason):
    assert (await refusal_of(reject(place, slug, reason=reason))).code == "reason_missing"


async def test_an_unknown_avatar_is_not_decided_on(place, slug):
    assert (await refusal_of(looks.approve(place, slug, 2))).code == "avatar_unknown"
    assert (await refusal_of(looks.approve(place, "bot_0", 1))).code == "bot_unknown"


async def test_the_queue_holds_what_is_pending_the_oldest_first(place, ada, slug):
    other = await looks.bot_of(place, token=2)
    await looks.brought(place, ada, other)
    await looks.brought(place, ada, slug, "b")
    await looks.approve(place, slug, 1)
    async with place.database.as_caller(MODERATOR) as conn:
        rows = await conn.fetchval("select agon.avatars_to_moderate()")
    assert [(row["slug"], row["generation_index"]) for row in rows] == [(other, 1), (slug, 2)]


async def test_no_move_but_the_listed_ones(place, slug):
    await looks.approve(place, slug, 1)
    for state in ("pending", "rejected"):
        with pytest.raises(asyncpg.PostgresError, match="cannot go"):
            await place.owner.execute(
                "update bot_avatars set moderation_status = $1, moderation_note = 'x', "
                "moderated_at = null",
                state,
            )


async def test_an_admin_suspends_and_reinstates(place, slug):
    assert await standing(place, "suspend", slug) == "suspended"
    assert await standing(place, "suspend", slug) == "suspended"
    assert await standing(place, "reinstate", slug) == "active"
    topics = await place.owner.fetch(
        "select topic from agon.events where topic like 'bot_identity.%' order by id"
    )
    assert [row["topic"] for row in topics] == ["bot_identity.suspended", "bot_identity.active"]


async def test_an_owner_retires_a_bot_for_good(place, ada, slug):
    assert await standing(place, "retire", slug, ada) == "retired"
    assert await standing(place, "retire", slug, ada) == "retired"
    assert (await refusal_of(standing(place, "reinstate", slug))).code == "move_not_allowed"
    assert (await refusal_of(standing(place, "suspend", slug))).code == "move_not_allowed"


async def test_an_owner_does_not_retire_a_suspended_bot(place, ada, slug):
    await standing(place, "suspend", slug)
    assert (await refusal_of(standing(place, "retire", slug, ada))).code == "bot_not_active"
    assert await standing(place, "retire", slug) == "retired"


async def test_strangers_and_former_owners_move_no_bot(place, ada, slug):
    bob = await place.own("bob")
    assert (await refusal_of(standing(place, "retire", slug, bob))).code == "not_your_bot"
    for call in ("suspend", "reinstate"):
        assert (await refusal_of(standing(place, call, slug, ada))).code == "admin_only"
        assert (await refusal_of(standing(place, call, slug, MODERATOR))).code == "admin_only"
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=BOB)])
    assert (await refusal_of(standing(place, "retire", slug, ada))).code == "not_your_bot"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await standing(place, "retire", slug, ANONYMOUS)


@pytest.mark.parametrize("state", ["suspended", "retired"])
async def test_a_bot_begins_as_active(place, slug, state):
    with pytest.raises(asyncpg.PostgresError, match="cannot go"):
        await place.owner.execute(
            "insert into bot_identities (slug, chain_id, contract_address, token_id, status) "
            f"values ('x', 1, '{ADA}', 9, '{state}')"
        )


async def test_a_bot_with_avatars_outlives_a_reorganisation(place, ada, slug):
    await standing(place, "suspend", slug)
    async with place.owner.transaction():
        await place.owner.execute("select agon.undo_bot_transfers(31337, 0)")
    rows = await place.owner.fetch("select slug, status from bot_identities")
    assert [tuple(row) for row in rows] == [(slug, "suspended")]
    assert await looks.seen(place, ada, slug) == []


async def test_http_moves_a_bot_and_says_who_may(place, api, ada, slug):
    async def post(actor, act, **body):
        head = bearer(place, actor)
        answer = await api.post(f"/api/bots/{slug}/{act}", json=body, headers=head)
        return answer.status_code, answer.json().get("status") or answer.json()["code"]

    assert await post(ada, "suspend", reason="x") == (403, "admin_only")
    assert await post(ADMIN, "suspend", reason="it cheats") == (200, "suspended")
    assert await post(ADMIN, "reinstate") == (200, "active")
    assert await post(ADMIN, "suspend", reason="x" * 501) == (400, "reason_missing")
    assert await post(ADMIN, "suspend") == (400, "reason_missing")
    assert await post(ada, "avatars/1/reject", reason="x") == (403, "permission_missing")
    assert await post(ada, "retire") == (200, "retired")
