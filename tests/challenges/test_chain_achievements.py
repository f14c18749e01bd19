"""Achievements: meant once when an outcome is final, indexed back, and the reputation they make."""

from __future__ import annotations

import pytest

from agon.challenges import mintings
from tests.challenges.stories import begun, created, finalized, joined, minted, pay
from tests.challenges.test_chain_describing import described
from tests.challenges.test_chain_effects import submit
from tests.challenges.test_chain_jobs import judge
from tests.places import bearer, wallet

ENQUEUE = "select agon.enqueue_mintings()"


async def keys(place):
    rows = await place.owner.fetch(
        "select key from agon.chain_intents where key like 'challenges.mint:%' order by id"
    )
    return [row["key"].removeprefix("challenges.mint:2:") for row in rows]


async def over(place, api, outcome):
    """A finalized challenge: bob passed, carol did not, dave submitted and never joined."""
    story = await begun(place)
    await story.mine(created(), pay("Approved"), joined("bob"), joined("carol"))
    await described(place, api)
    for name in ("bob", "carol", "dave"):
        await submit(place, name)
        await judge(place, name, name != "carol")
    await story.mine(finalized(outcome))
    return story


async def points(place, name):
    row = await place.owner.fetchrow(
        "select points, level, completions, victories from public.reputation where subject = $1",
        wallet(name),
    )
    return row and tuple(row)


async def test_achievements_wait_until_the_outcome_is_final(place, api):
    story = await over(place, api, 1)
    await story.finalize(1)
    assert await place.owner.fetchval(ENQUEUE) == 0
    await story.finalize()
    assert await place.owner.fetchval(ENQUEUE) == 1
    await place.work()
    assert sorted(await keys(place)) == sorted(
        f"{wallet(name)}:{kind}"
        for name, kind in (("bob", "completion"), ("bob", "victory"), ("carol", "completion"))
    )
    assert await place.owner.fetchval(ENQUEUE) == 0, "each challenge once"
    assert await mintings.mint(place.database, 2) == 0


async def test_a_failure_has_no_victory(place, api):
    story = await over(place, api, 2)
    await story.finalize()
    assert await mintings.mint(place.database, 2) == 2
    assert {key.rpartition(":")[2] for key in await keys(place)} == {"completion"}


async def test_winners_are_those_that_we_marked(place, api):
    await over(place, api, 1)
    await place.owner.execute(
        "insert into agon.challenge_settlements (challenge_id, result_cid, outcome, winners) "
        "select 2, cid, 1, array[$1] from agon.results limit 1",
        wallet("carol"),
    )
    await mintings.mint(place.database, 2)
    assert [key for key in await keys(place) if key.endswith("victory")] == [
        f"{wallet('carol')}:victory"
    ]


@pytest.mark.parametrize("log", [pay("Canceled"), pay("Approved")])
async def test_what_is_not_finalized_earns_nothing(place, log):
    story = await begun(place)
    await story.mine(created(), joined("bob"), log)
    await story.finalize()
    assert await place.owner.fetchval(ENQUEUE) == 0
    assert await mintings.mint(place.database, 2) == 0
    assert await keys(place) == []


async def test_mints_make_reputation_and_undoing_unmakes_it(place):
    story = await begun(place)
    await story.mine(minted(1, "bob", 0), minted(2, "bob", 1), minted(3, "carol", 0))
    assert await points(place, "bob") == (50, 2, 1, 1)
    assert await points(place, "carol") == (10, 1, 1, 0)
    block = await story.mine(minted(4, "bob", 1, 3))
    assert await points(place, "bob") == (90, 2, 1, 2)
    await story.apply(block, block)
    assert await points(place, "bob") == (90, 2, 1, 2), "a second time changes nothing"
    await story.undo(block)
    assert await points(place, "bob") == (50, 2, 1, 1)
    await story.undo(1)
    assert await points(place, "bob") is None


async def test_the_five_levels_are_data(place):
    rows = await place.owner.fetch("select * from agon.reputation_levels order by level")
    assert [row["name"] for row in rows] == [
        "Newcomer", "Challenger", "Competitor", "Champion", "Legend",
    ]  # fmt: skip
    story = await begun(place)
    token = 0
    for row in rows[1:]:
        while (found := await points(place, "bob")) is None or found[0] < row["points_min"]:
            assert found is None or found[1] < row["level"]
            token += 1
            await story.mine(minted(token, "bob", 1, token))
        assert found[1] == row["level"]


async def test_one_sees_ones_achievements_and_reputation(place, api):
    story = await begun(place)
    await story.mine(minted(1, "bob", 0), minted(2, "carol", 1))
    bob = await place.own("bob")
    headers = bearer(place, bob)
    mine = (await api.get("/api/me/achievements", headers=headers)).json()
    assert [(row["token_id"], row["achievement_type"]) for row in mine] == [(1, "completion")]
    (reputation,) = (await api.get("/api/me/reputation", headers=headers)).json()
    assert (reputation["points"], reputation["level_name"]) == (10, "Newcomer")
    assert (reputation["next_level"], reputation["next_level_points"]) == ("Challenger", 50)
    dave = await place.own("dave")
    (nothing,) = (await api.get("/api/me/reputation", headers=bearer(place, dave))).json()
    assert (nothing["points"], nothing["level"]) == (0, 1)
    for path in ("/api/me/achievements", "/api/me/reputation"):
        assert (await api.get(path)).status_code == 401


async def test_everyone_reads_achievements_and_reputation_and_nobody_writes_them(place):
    story = await begun(place)
    await story.mine(minted(1, "bob", 0))
    async with place.database.as_caller(place.actor("eve")) as conn:
        assert await conn.fetchval("select count(*) from public.achievement_mints") == 1
        assert await conn.fetchval("select points from public.reputation") == 10
    with pytest.raises(Exception, match="permission denied"):
        async with place.database.as_caller(place.actor("eve")) as conn:
            await conn.execute("update public.reputation set points = 9999")
