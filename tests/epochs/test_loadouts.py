"""A bot wears what its owner of now chose of its own approved avatars."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from agon.kernel.database import ANONYMOUS
from tests.epochs import looks
from tests.epochs.ledger import ADA, BOB, Transfer, tell
from tests.places import ADMIN, SERVICE, bearer, refusal_of


@pytest.fixture
async def ada(place):
    return await place.own("ada")


@pytest.fixture
async def slug(place, ada):
    """With two avatars that are approved."""
    slug = await looks.bot_of(place)
    for number in (1, 2):
        await looks.brought(place, ada, slug, str(number))
        await looks.approve(place, slug, number)
    return slug


async def worn(place) -> int | None:
    """The number of the avatar that the bot wears."""
    return await place.owner.fetchval(
        "select a.generation_index from bot_identities i "
        "join bot_avatars a on a.id = i.active_avatar_id order by i.token_id limit 1"
    )


async def loadouts(place) -> int:
    return await place.owner.fetchval("select count(*) from bot_avatar_loadouts")


async def test_a_loadout_sets_what_the_bot_wears(place, ada, slug):
    assert await worn(place) is None
    row = await looks.wear(place, ada, slug, 1)
    assert row["selected_by_address"] == ADA
    assert await worn(place) == 1
    await looks.wear(place, ada, slug, 2)
    assert (await worn(place), await loadouts(place)) == (2, 2)
    await looks.wear(place, ada, slug, 1)
    assert (await worn(place), await loadouts(place)) == (1, 3)


async def test_the_same_loadout_twice_is_one(place, ada, slug):
    first = await looks.wear(place, ada, slug, 1)
    assert await looks.wear(place, ada, slug, 1) == first
    assert await loadouts(place) == 1
    came = await asyncio.gather(*(looks.wear(place, ada, slug, 2) for _ in range(4)))
    assert len({row["id"] for row in came}) == 1


async def test_only_the_owner_of_now_chooses(place, ada, slug):
    bob = await place.own("bob")
    assert (await refusal_of(looks.wear(place, bob, slug, 1))).code == "not_your_bot"
    assert (await refusal_of(looks.wear(place, ADMIN, slug, 1))).code == "not_your_bot"
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver=BOB)])
    assert (await refusal_of(looks.wear(place, ada, slug, 1))).code == "not_your_bot"
    assert (await looks.wear(place, bob, slug, 1))["selected_by_address"] == BOB
    for actor in (ANONYMOUS, SERVICE):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await looks.wear(place, actor, slug, 1)


async def test_a_burned_bot_wears_what_it_wore(place, ada, slug):
    await looks.wear(place, ada, slug, 1)
    await tell(place.owner, [Transfer(block=11, sender=ADA, receiver="0x" + "0" * 40)])
    assert (await refusal_of(looks.wear(place, ada, slug, 2))).code == "not_your_bot"
    assert await worn(place) == 1


async def test_what_is_pending_or_rejected_is_not_worn(place, ada, slug):
    await looks.brought(place, ada, slug, "3")
    assert (await refusal_of(looks.wear(place, ada, slug, 3))).code == "avatar_not_approved"
    await looks.act(place, ADMIN, "public.reject_avatar($1, 3, 'no')", slug)
    assert (await refusal_of(looks.wear(place, ada, slug, 3))).code == "avatar_not_approved"
    assert (await worn(place), await loadouts(place)) == (None, 0)


async def test_an_avatar_of_another_bot_is_not_worn(place, ada, slug):
    other = await looks.bot_of(place, token=2)
    assert (await refusal_of(looks.wear(place, ada, other, 1))).code == "avatar_unknown"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await place.owner.execute(
            "update bot_identities set active_avatar_id = (select id from bot_avatars limit 1) "
            "where token_id = 2"
        )
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await place.owner.execute(
            "insert into bot_avatar_loadouts (bot_identity_id, avatar_id, selected_by_address) "
            f"select i.id, a.id, '{ADA}' from bot_identities i, bot_avatars a where i.token_id = 2"
        )


@pytest.mark.parametrize("act", ["suspend_bot($1, 'why')", "retire_bot($1)"])
async def test_a_bot_that_is_not_active_does_not_change_clothes(place, ada, slug, act):
    await looks.act(place, ADMIN, f"public.{act}", slug)
    assert (await refusal_of(looks.wear(place, ada, slug, 1))).code == "bot_not_active"
    assert await worn(place) is None


async def test_a_transfer_waits_for_the_loadout_of_the_owner(place, ada, slug):
    async with place.database.as_caller(ada) as conn:
        await conn.execute("select public.wear_avatar($1, 1)", slug)
        sale = asyncio.create_task(
            tell(place.owner, [Transfer(block=11, sender=ADA, receiver=BOB)])
        )
        done, _ = await asyncio.wait([sale], timeout=0.3)
        assert not done
    await sale
    assert (await refusal_of(looks.wear(place, ada, slug, 2))).code == "not_your_bot"


async def test_loadouts_are_for_everyone_to_read_and_for_nobody_to_change(place, ada, slug):
    await looks.wear(place, ada, slug, 1)
    for actor in (ANONYMOUS, ada, SERVICE):
        async with place.database.as_caller(actor) as conn:
            assert await conn.fetchval("select count(*) from bot_avatar_loadouts") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with place.database.as_caller(actor) as conn:
                await conn.execute("delete from bot_avatar_loadouts")
    with pytest.raises(asyncpg.PostgresError, match="only grows"):
        await place.owner.execute("update bot_avatar_loadouts set selected_at = now()")


@pytest.mark.parametrize("body", [{}, {"generation_index": 9}, {"generation_index": "x"}])
async def test_http_refuses_a_loadout_of_nothing(place, api, ada, slug, body):
    head = bearer(place, ada)
    answer = await api.post(f"/api/bots/{slug}/loadout", json=body, headers=head)
    assert answer.json()["code"] in ("avatar_unknown", "value_malformed"), answer.text
