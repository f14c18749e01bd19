"""Linked accounts: authorised at a stand-in, sealed, collected, judged, forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from agon.app import serve
from agon.challenges import evidence
from agon.challenges import jobs as tasks
from agon.kernel import clock
from agon.kernel.database import Actor
from agon.kernel.jobs import Work
from agon.kernel.processes import Processes
from tests import places
from tests.challenges.drafts import RULE, created
from tests.places import Place, bearer, wallet
from tests.standins import strava
from tests.standins.server import Standin, rate_limited
from tests.writers import games, tracks

NOW_S = clock.now_s()
DAY_S = 86_400


def activity(number: int = 1) -> dict:
    """A run of 11 km, yesterday."""
    track = tracks.run(number, 11_000, 330, (NOW_S - DAY_S) * 1000)
    return games.strava_activity(track, activity_id=number)


@asynccontextmanager
async def linked_place(server, folder, party: Standin) -> AsyncIterator[Place]:
    """A place that is configured for the stand-in."""
    environ = {
        "AGON_STRAVA_URL": party.url, "AGON_STRAVA_CLIENT_ID": "7",
        "AGON_STRAVA_CLIENT_SECRET": "strava-secret", "AGON_OPENDOTA_URL": party.url,
        "AGON_OUTBOUND_ALLOW": "{}:{}".format(*party.address),
    }  # fmt: skip
    name = f"agon_linked_{abs(hash(str(folder)))}"
    async with places.opened(server, name, folder, environ) as place:
        await place.work()  # a worker publishes the key that tokens are sealed to
        yield place


def client(place: Place, actor: Actor) -> httpx.AsyncClient:
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes = place.database, None
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = bearer(place, actor)
    return httpx.AsyncClient(transport=transport, base_url="http://agon.test", headers=headers)


async def link(place: Place, name: str = "bob") -> httpx.Response:
    """The whole way over Strava, up to our callback's answer."""
    async with client(place, await place.own(name)) as api:
        body = {"subject": wallet(name), "provider": "strava"}
        begun = await api.post("/api/accounts/link", json=body)
        query = parse_qs(urlsplit(begun.json()["authorize_url"]).query)
        params = {"state": query["state"][0], "code": strava.CODE}
        return await api.get("/api/accounts/strava/callback", params=params)


async def join(place: Place, challenge: int) -> None:
    """Bob takes part."""
    async with place.database.as_worker(place.actor("bob")) as conn:
        await conn.execute("select agon.join_challenge($1, $2, null)", challenge, wallet("bob"))


async def collect(place: Place) -> None:
    """One turn of the schedule, and the work that follows."""
    await place.owner.execute("update public.linked_accounts set next_poll_at = now()")
    await place.owner.execute("select agon.enqueue_collections(15)")
    await place.work()


async def test_a_linked_account_is_collected_and_judged(server, tmp_path):
    async with (
        strava.standin([activity()]) as party,
        linked_place(server, tmp_path, party) as place,
    ):
        answer = await link(place)
        assert answer.json() == {"linked": True, "provider": "strava", "subject": wallet("bob")}
        challenge = await created(
            place, timeline={"start": NOW_S - 7 * DAY_S, "end": NOW_S + DAY_S},
            proof={"params": {"rule": {**RULE, "trust": 4}}},
        )  # fmt: skip
        await join(place, challenge)
        await collect(place)
        row = await place.owner.fetchrow("select pass, reasons from public.verdicts")
        assert row["pass"] is True, row["reasons"]
        await collect(place)
        assert await place.owner.fetchval("select count(*) from public.evidence") == 1
        asked = [heard for heard in party.paths() if heard == "/api/v3/activities/1"]
        assert len(asked) == 1, "what is known is not fetched again"


class Reader(Processes):
    """Says what was read elsewhere, here."""

    async def run(self, work, *arguments):
        self.read = [*getattr(self, "read", []), work.__name__]
        return work(*arguments)


async def test_a_worker_reads_large_files_in_another_process(server, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "READ_INLINE_BYTES_MAX", 0)
    async with (
        strava.standin([activity()]) as party,
        linked_place(server, tmp_path, party) as place,
    ):
        await link(place)
        await join(place, await created(place))
        account = await place.owner.fetchval("select id from public.linked_accounts")
        reader = Reader(1)
        work = Work(database=place.database, runtime=place.runtime, processes=reader)
        await tasks.collect(work, {"account_id": account})
        assert reader.read == ["read_file"]


async def test_tokens_are_sealed_and_unreadable(server, tmp_path):
    async with strava.standin() as party, linked_place(server, tmp_path, party) as place:
        await link(place)
        row = await place.owner.fetchrow("select * from public.linked_accounts")
        assert row["access_token"].startswith("sealed:v1:")
        assert "access-2" not in str(dict(row))
        async with client(place, place.actor("bob")) as api:
            listed = await api.get("/api/accounts/link", params={"subject": wallet("bob")})
        assert listed.json()[0]["handle"] == "marianne_t"
        assert not {"access_token", "refresh_token"} & set(listed.json()[0])
        with pytest.raises(Exception, match="is_sealed"):
            await place.owner.execute("update public.linked_accounts set access_token = 'clear'")


async def test_a_state_works_once_and_for_ten_minutes(server, tmp_path):
    async with strava.standin() as party, linked_place(server, tmp_path, party) as place:
        bob = await place.own("bob")
        async with client(place, bob) as api:
            body = {"subject": wallet("bob"), "provider": "strava"}
            url = (await api.post("/api/accounts/link", json=body)).json()["authorize_url"]
            params = {"state": parse_qs(urlsplit(url).query)["state"][0], "code": strava.CODE}
            path = "/api/accounts/strava/callback"
            wrong = await api.get(path, params={**params, "state": "guessed"})
            assert wrong.json()["code"] == "linking_expired"
            assert (await api.get(path, params=params)).status_code == 200
            again = await api.get(path, params=params)
            assert again.json()["code"] == "linking_expired"
            late = (await api.post("/api/accounts/link", json=body)).json()["authorize_url"]
            await place.owner.execute("update agon.oauth_states set expires_at = now()")
            await place.set_clock(clock.from_ms(clock.now_ms() + 60_000))
            params["state"] = parse_qs(urlsplit(late).query)["state"][0]
            assert (await api.get(path, params=params)).json()["code"] == "linking_expired"


async def test_an_expired_token_is_renewed_and_sealed_again(server, tmp_path):
    async with (
        strava.standin([activity()]) as party,
        linked_place(server, tmp_path, party) as place,
    ):
        await link(place)
        challenge = await created(place, timeline={"start": NOW_S - 7 * DAY_S, "end": NOW_S})
        await join(place, challenge)
        before = await place.owner.fetchval("select access_token from public.linked_accounts")
        await place.owner.execute(
            "update public.linked_accounts set token_expires_at = now() - interval '1 hour'"
        )
        await collect(place)
        after = await place.owner.fetchval("select access_token from public.linked_accounts")
        assert before != after
        assert await place.owner.fetchval("select count(*) from public.evidence") == 1


async def test_a_rate_limit_is_noted_and_waited_for(server, tmp_path):
    async with (
        strava.standin([activity()]) as party,
        linked_place(server, tmp_path, party) as place,
    ):
        await link(place)
        challenge = await created(place, timeline={"start": NOW_S - 7 * DAY_S, "end": NOW_S})
        await join(place, challenge)
        party.order("/api/v3/athlete/activities", rate_limited(3600))
        await collect(place)
        row = await place.owner.fetchrow(
            """
            select last_error, next_poll_at > now() + interval '50 minutes' as waits
            from public.linked_accounts
            """
        )
        assert "outbound_rate_limited" in row["last_error"]
        assert row["waits"]


async def test_an_account_has_one_wallet(server, tmp_path):
    async with strava.standin() as party, linked_place(server, tmp_path, party) as place:
        for name, status in (("bob", 201), ("carol", 409)):
            async with client(place, await place.own(name)) as api:
                body = {"subject": wallet(name), "provider": "opendota", "external_id": "310000001"}
                answer = await api.post("/api/accounts/link", json=body)
                assert answer.status_code == status, answer.text
        assert answer.json()["code"] == "account_taken"
        async with client(place, place.actor("bob")) as api:
            params = {"subject": wallet("bob"), "provider": "opendota"}
            assert (await api.delete("/api/accounts/link", params=params)).json() == {
                "removed": True
            }
            assert (await api.delete("/api/accounts/link", params=params)).json() == {
                "removed": False
            }


@pytest.mark.parametrize("spelling", [310000001, "0310000001", "76561198270265729"])
async def test_another_spelling_of_an_account_is_the_same_account(server, tmp_path, spelling):
    async with strava.standin() as party, linked_place(server, tmp_path, party) as place:
        for name, number in (("bob", "310000001"), ("carol", spelling)):
            async with client(place, await place.own(name)) as api:
                body = {"subject": wallet(name), "provider": "opendota", "external_id": number}
                answer = await api.post("/api/accounts/link", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "account_taken")
        kept = await place.owner.fetch("select external_id from public.linked_accounts")
        assert [row["external_id"] for row in kept] == ["310000001"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"provider": "fax"}, "provider_not_linkable"),
        ({"provider": "opendota"}, "external_id_missing"),
        ({"provider": "opendota", "external_id": "4294967295"}, "external_id_missing"),
        ({"provider": "opendota", "external_id": "٣١"}, "external_id_missing"),
        ({"provider": "riot"}, "provider_not_configured"),
        ({"provider": "strava", "subject": wallet("carol")}, "not_your_wallet"),
    ],
)
async def test_wrong_links_are_refused(server, tmp_path, body, code):
    async with strava.standin() as party, linked_place(server, tmp_path, party) as place:
        async with client(place, await place.own("bob")) as api:
            answer = await api.post("/api/accounts/link", json={"subject": wallet("bob"), **body})
        assert answer.json()["code"] == code


async def test_a_stranger_neither_sees_nor_unlinks(server, tmp_path):
    async with strava.standin() as party, linked_place(server, tmp_path, party) as place:
        await link(place)
        async with client(place, await place.own("carol")) as api:
            params = {"subject": wallet("bob"), "provider": "strava"}
            assert (await api.get("/api/accounts/link", params=params)).json() == []
            answer = await api.delete("/api/accounts/link", params=params)
            assert answer.json()["code"] == "not_your_wallet"
