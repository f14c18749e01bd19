"""A Steam binding proves an OpenDota account: its matches then count like a provider's own word."""

from __future__ import annotations

from agon.kernel import clock
from tests.challenges.binding_walks import ACCOUNT, STEAM_ID, bound, site, visitor
from tests.challenges.drafts import created
from tests.people import signing
from tests.places import Place
from tests.writers import games

NOW_S = clock.now_s()
DAY_S = 86_400
RULE = {
    "version": 1, "titles": ["dota2"], "metric": "wins", "compare": ">=", "target": 1,
    "trust": 4,
}  # fmt: skip


def match(account: int = ACCOUNT) -> dict:
    """A win, half a day ago."""
    return games.opendota_match(account, start_ms=(NOW_S - DAY_S // 2) * 1000)


async def link(api, name: str, account: object = ACCOUNT):
    body = {"subject": signing.address(name), "provider": "opendota", "external_id": str(account)}
    return await api.post("/api/accounts/link", json=body)


async def joined(place: Place, name: str) -> int:
    """A challenge for games that were fetched from their provider, joined a day ago."""
    challenge = await created(
        place, model_id="agon.gaming@1", proof={"params": {"rule": RULE}},
        timeline={"start": NOW_S - 2 * DAY_S, "end": NOW_S + DAY_S},
    )  # fmt: skip
    await place.set_clock(clock.from_ms((NOW_S - DAY_S) * 1000))
    async with place.database.as_worker(place.actor(name)) as conn:
        await conn.execute(
            "select agon.join_challenge($1, $2, null)", challenge, signing.address(name)
        )
    await place.set_clock(None)
    return challenge


async def collected(place: Place) -> list[int]:
    """One turn of the schedule; the trust of each game that was ever taken, the newest last."""
    await place.owner.execute("update public.linked_accounts set next_poll_at = now()")
    await place.owner.execute("select agon.enqueue_collections(15)")
    await place.work()
    return await place.owner.fetchval(
        """
        select coalesce((select array_agg((r ->> 'trust')::integer order by (r ->> 'trust'))
        from (select data from public.evidence order by id desc limit 1) e,
          jsonb_array_elements(e.data) r), '{}')
        """
    )


async def passed(place: Place) -> bool | None:
    return await place.owner.fetchval("select pass from public.verdicts")


async def test_a_linked_number_proves_nothing_until_steam_says_whose_it_is(server, tmp_path):
    async with site(server, tmp_path, [match()]) as (place, running):
        async with visitor(place, "mia") as api:
            assert (await link(api, "mia")).status_code == 201
            await joined(place, "mia")
            assert await collected(place) == [1]
            assert await passed(place) is False
            assert (await bound(api, running, "mia")).status_code == 201
        assert await collected(place) == [1, 4], "what was fetched before is fetched again"
        assert await passed(place) is True


async def test_another_steam_account_proves_nothing(server, tmp_path):
    async with site(server, tmp_path, [match()]) as (place, running):
        async with visitor(place, "mia") as api:
            await link(api, "mia")
            assert (await bound(api, running, "mia", str(int(STEAM_ID) + 1))).status_code == 201
        await joined(place, "mia")
        assert await collected(place) == [1]


async def test_a_binding_taken_back_proves_nothing_more(server, tmp_path):
    async with site(server, tmp_path, [match()]) as (place, running):
        async with visitor(place, "mia") as api:
            await link(api, "mia")
            await bound(api, running, "mia")
            params = {"subject": signing.address("mia"), "platform": "steam"}
            await api.delete("/api/bindings", params=params)
        await joined(place, "mia")
        assert await collected(place) == [1]


async def test_who_linked_a_number_gives_way_to_who_owns_the_account(server, tmp_path):
    async with site(server, tmp_path) as (place, running):
        async with visitor(place, "nils") as api:
            assert (await link(api, "nils")).status_code == 201
        async with visitor(place, "mia") as api:
            assert (await link(api, "mia")).json()["code"] == "account_taken"
            await bound(api, running, "mia")
            assert (await link(api, "mia", STEAM_ID)).status_code == 201
        async with visitor(place, "nils") as api:
            for spelling in (ACCOUNT, STEAM_ID):
                assert (await link(api, "nils", spelling)).json()["code"] == "account_taken"
        subjects = await place.owner.fetch("select subject from public.linked_accounts")
        assert [row["subject"] for row in subjects] == [signing.address("mia")]
