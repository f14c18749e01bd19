"""The shape of providers; Strava against its stand-in, when it works and when it fails."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agon.challenges import providers
from agon.challenges.providers import party as parties
from agon.challenges.providers import strava
from agon.challenges.providers.party import Account, Fetched, Party
from agon.challenges.readers import strava as strava_reader
from agon.challenges.records import TRUST_PROVIDER, Reading, Source
from tests.places import refusal_of
from tests.standins import server
from tests.standins import strava as strava_standin
from tests.standins.server import Standin, calling
from tests.writers import games, tracks

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


def strava_party(party: Standin, secret: str = "strava-secret") -> Party:
    return Party(base_url=party.url, client_id="7", client_secret=secret)


def athlete(**tokens: Any) -> Account:
    fresh = {
        "access_token": "access-1",
        "refresh_token": "refresh-1",
        "token_expires_ms": NOW_MS + HOUR_MS,
    }
    return Account(subject="0xabc", external_id=str(strava_standin.ATHLETE), **(fresh | tokens))


async def from_strava(
    party: Standin, account: Account | None = None, *, total_ms: int = 10_000, **given: Any
) -> Fetched:
    given = {"since_ms": 0, "now_ms": NOW_MS} | given
    async with calling(party, total_ms=total_ms) as client:
        return await strava.fetch(client, strava_party(party), account or athlete(), **given)


def runs(count: int) -> list[dict[str, Any]]:
    """One an hour, the last of them an hour ago; ids from 1."""
    track = tracks.run(1, 500, 300, NOW_MS - HOUR_MS)
    return [
        games.strava_activity(tracks.shifted(track, -HOUR_MS * (count - n)), activity_id=n)
        for n in range(1, count + 1)
    ]


def ids(fetched: Fetched) -> list[int]:
    documents = [json.loads(data) for data in fetched.documents]
    return [(document.get("activity") or document)["id"] for document in documents]


class TestEveryProvider:
    def test_each_is_a_module_of_one_shape(self) -> None:
        assert all(callable(provider.fetch) for provider in providers.PROVIDERS.values())
        for provider in providers.LINKED_BY_OAUTH.values():
            assert callable(provider.authorize_url)
            assert callable(provider.exchange)
            assert callable(provider.refresh)

    def test_secrets_are_not_shown(self) -> None:
        party = Party(base_url="https://x.example", client_secret="hush", api_key="hush")
        tokens = parties.Tokens(access_token="hush", refresh_token="hush", expires_ms=1)
        account = athlete(access_token="hush", refresh_token="hush")
        assert "hush" not in f"{party} {tokens} {account}"


class TestStravaLink:
    def test_the_athlete_is_sent_to_grant_the_least(self) -> None:
        party = Party(base_url="https://www.strava.com", client_id="7", client_secret="hush")
        url = strava.authorize_url(party, "state&1", "https://agon.example/back?x=1")
        query = parse_qs(urlsplit(url).query)
        assert url.startswith("https://www.strava.com/oauth/authorize?")
        assert query["state"] == ["state&1"]
        assert query["redirect_uri"] == ["https://agon.example/back?x=1"]
        assert query["scope"] == ["read,activity:read"]
        assert "hush" not in url

    async def test_a_code_is_exchanged_for_the_athlete_and_tokens(self) -> None:
        async with strava_standin.standin() as party, calling(party) as client:
            linked = await strava.exchange(
                client, strava_party(party), strava_standin.CODE, "https://agon.example/", NOW_MS
            )
        assert (linked.external_id, linked.handle) == ("1513", "marianne_t")
        assert linked.tokens.access_token == "access-2"
        assert linked.tokens.expires_ms == strava_standin.EXPIRES_AT * 1000

    async def test_a_false_code_is_refused(self) -> None:
        async with strava_standin.standin() as party, calling(party) as client:
            exchange = strava.exchange(client, strava_party(party), "stolen", "", NOW_MS)
            assert (await refusal_of(exchange)).code == "account_link_refused"

    async def test_a_wrong_secret_of_ours_unlinks_nobody(self) -> None:
        async with strava_standin.standin() as party, calling(party) as client:
            ours = strava_party(party, secret="wrong")
            assert (await refusal_of(strava.refresh(client, ours, "refresh-1", NOW_MS))).code == (
                "provider_failed"
            )

    async def test_a_withdrawn_grant_is_unlinked(self) -> None:
        async with strava_standin.standin() as party, calling(party) as client:
            for token in ("withdrawn", None):
                refresh = strava.refresh(client, strava_party(party), token, NOW_MS)
                assert (await refusal_of(refresh)).code == "account_unlinked"


class TestStravaFetch:
    async def test_activities_come_with_their_streams_oldest_first(self) -> None:
        track = tracks.run(1, 500, 300, NOW_MS - HOUR_MS)
        streams = {2: games.strava_streams(track)}
        async with strava_standin.standin(runs(2)[::-1], streams) as party:
            fetched = await from_strava(party)
        assert ids(fetched) == [1, 2]
        assert (fetched.stopped, fetched.tokens) == (None, None)
        assert fetched.next_since_ms == NOW_MS - HOUR_MS + 1
        readings = [read_strava(data) for data in fetched.documents]
        assert [reading.records[0]["measures"] is None for reading in readings] == [True, False]
        assert readings[1].records[0]["trust"] == TRUST_PROVIDER

    async def test_the_next_fetch_finds_nothing_twice(self) -> None:
        async with strava_standin.standin(runs(3)) as party:
            first = await from_strava(party)
            second = await from_strava(party, since_ms=first.next_since_ms)
        assert (len(first.documents), second.documents) == (3, ())
        assert second.next_since_ms == first.next_since_ms

    async def test_what_started_earlier_is_left_out(self) -> None:
        async with strava_standin.standin(runs(3)) as party:
            assert ids(await from_strava(party, since_ms=NOW_MS - 2 * HOUR_MS)) == [2, 3]
            assert ids(await from_strava(party, since_ms=NOW_MS - 2 * HOUR_MS + 1)) == [3]

    async def test_what_is_known_is_not_fetched_again(self) -> None:
        async with strava_standin.standin(runs(3)) as party:
            fetched = await from_strava(party, known={"1", "3"})
        assert ids(fetched) == [2]
        assert fetched.next_since_ms == NOW_MS - HOUR_MS + 1
        assert "/api/v3/activities/1" not in party.paths()

    async def test_a_manual_activity_is_not_asked_for_streams(self) -> None:
        by_hand = runs(1)[0] | {"manual": True}
        async with strava_standin.standin([by_hand]) as party:
            assert ids(await from_strava(party)) == [1]
        assert party.paths() == ["/api/v3/athlete/activities", "/api/v3/activities/1"]

    async def test_pages_are_read_on_and_documents_are_bounded(self) -> None:
        count = strava.PAGE_ITEMS + 5
        async with strava_standin.standin([a | {"manual": True} for a in runs(count)]) as party:
            first = await from_strava(party)
            assert ids(first) == list(range(1, parties.DOCUMENTS_MAX + 1))
            second = await from_strava(party, since_ms=first.next_since_ms)
        assert ids(second)[0] == parties.DOCUMENTS_MAX + 1
        pages = [heard.query["page"] for heard in party.heard if "page" in heard.query]
        assert pages == ["1", "2", "1"]

    async def test_an_expired_token_is_refreshed_first(self) -> None:
        async with strava_standin.standin(runs(1)) as party:
            fetched = await from_strava(party, athlete(token_expires_ms=NOW_MS + 1))
        assert party.paths()[0] == "/oauth/token"
        assert party.heard[1].headers["Authorization"] == "Bearer access-2"
        assert fetched.tokens is not None
        assert (fetched.tokens.access_token, fetched.tokens.refresh_token) == (
            "access-2",
            "refresh-2",
        )
        assert ids(fetched) == [1]

    async def test_a_token_void_before_its_time_is_refreshed(self) -> None:
        async with strava_standin.standin(runs(1), accepts="access-9") as party:
            fetched = await from_strava(party)
        assert ids(fetched) == [1]
        assert fetched.tokens is not None

    async def test_a_token_refused_though_fresh_unlinks_the_account(self) -> None:
        async with strava_standin.standin(runs(1)) as party:
            party.order("/api/v3/athlete", server.Fault(status=401), times=2)
            fetched = await from_strava(party)
        assert fetched.stopped is not None
        assert fetched.stopped.code == "account_unlinked"

    async def test_rotated_tokens_survive_a_failure_behind_them(self) -> None:
        async with strava_standin.standin(runs(1)) as party:
            party.order("/api/v3/", server.broken())
            fetched = await from_strava(party, athlete(token_expires_ms=0))
        assert fetched.stopped is not None
        assert fetched.stopped.code == "provider_failed"
        assert fetched.tokens is not None
        assert (fetched.documents, fetched.next_since_ms) == ((), 0)

    async def test_documents_before_a_failure_are_kept_and_the_next_fetch_goes_on(self) -> None:
        async with strava_standin.standin(runs(3)) as party:
            party.order("/api/v3/activities/2", server.broken())
            first = await from_strava(party)
            assert ids(first) == [1]
            assert ids(await from_strava(party, since_ms=first.next_since_ms)) == [2, 3]

    async def test_a_rate_limit_is_not_pressed_and_waits_for_the_quarter_hour(self) -> None:
        now_ms = NOW_MS + 60_000
        async with strava_standin.standin(runs(1)) as party:
            party.order("/api/v3/athlete", server.rate_limited())
            fetched = await from_strava(party, now_ms=now_ms)
        assert fetched.next_poll_ms == NOW_MS + strava.LIMIT_WINDOW_MS
        assert len(party.heard) == 1

    @pytest.mark.parametrize("path", ["/athlete", "/activities/1", "/activities/1/streams"])
    async def test_a_truncated_answer_stops_and_is_no_document(self, path: str) -> None:
        streams = {1: games.strava_streams(tracks.run(1, 500, 300))}
        async with strava_standin.standin(runs(1), streams) as party:
            party.order(f"/api/v3{path}", server.truncated())
            fetched = await from_strava(party)
        assert fetched.documents == ()
        assert fetched.stopped is not None
        assert fetched.stopped.code == "outbound_malformed"

    @pytest.mark.parametrize(
        "body",
        [b"{}", b"[1]", b'[{"id": 1}]', b'[{"id": 1, "start_date": "yesterday"}]'],
    )
    async def test_a_listing_of_another_shape_stops(self, body: bytes) -> None:
        async with strava_standin.standin() as party:
            party.order("/api/v3/athlete", server.Fault(status=200, body=body))
            fetched = await from_strava(party)
        assert fetched.stopped is not None
        assert fetched.stopped.code == "provider_failed"

    async def test_a_party_that_hangs_stops_the_fetch(self) -> None:
        async with strava_standin.standin(runs(1)) as party:
            party.order("/api/v3/athlete", server.hanging(5))
            fetched = await from_strava(party, total_ms=200)
        assert fetched.stopped is not None
        assert fetched.stopped.code == "outbound_timeout"


def read_strava(data: bytes) -> Reading:
    reading = strava_reader.read(io.BytesIO(data), Source(provider="strava", origin="provider"))
    assert isinstance(reading, Reading), reading
    return reading
