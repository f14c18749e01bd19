"""OpenDota and Riot against their stand-ins: linking, fetching, and what happens on failure."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from agon.challenges.providers import opendota, riot
from agon.challenges.providers.party import Account, Fetched, Party
from agon.challenges.readers import opendota as opendota_reader
from agon.challenges.readers import riot as riot_reader
from agon.challenges.records import Reading, Source
from tests.places import refusal_of
from tests.standins import opendota as opendota_standin
from tests.standins import riot as riot_standin
from tests.standins import server
from tests.standins.server import Standin, calling
from tests.writers import games

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
ACCOUNT = 124_801_257
PUUID = "puuid/1 ?"
"""With what a path must not take literally."""


def riot_party(party: Standin, key: str = riot_standin.API_KEY) -> Party:
    return Party(
        base_url=party.url + "/{route}",
        auth_url=party.url,
        client_id="agon",
        client_secret="riot-secret",
        api_key=key,
    )


async def from_opendota(party: Standin, **given: Any) -> Fetched:
    given = {"since_ms": NOW_MS - 10 * 24 * HOUR_MS, "now_ms": NOW_MS} | given
    account = Account(subject="0xabc", external_id=str(ACCOUNT))
    async with calling(party) as client:
        return await opendota.fetch(client, Party(base_url=party.url), account, **given)


async def from_riot(party: Standin, key: str = riot_standin.API_KEY, **given: Any) -> Fetched:
    given = {"since_ms": 0, "now_ms": NOW_MS} | given
    account = Account(subject="0xabc", external_id=PUUID)
    async with calling(party) as client:
        return await riot.fetch(client, riot_party(party, key), account, **given)


def dota_matches(count: int) -> list[dict[str, Any]]:
    return [
        games.opendota_match(ACCOUNT, match_id=n, start_ms=NOW_MS - HOUR_MS * (count - n + 1))
        for n in range(1, count + 1)
    ]


def lol_matches(count: int) -> list[dict[str, Any]]:
    return [
        games.riot_match(PUUID, number=n, start_ms=NOW_MS - HOUR_MS * (count - n + 1))
        for n in range(1, count + 1)
    ]


class TestOpenDota:
    async def test_matches_come_in_full_oldest_first(self) -> None:
        async with opendota_standin.standin(dota_matches(3), now_s=NOW_MS // 1000) as party:
            fetched = await from_opendota(party)
        assert [json.loads(data)["match_id"] for data in fetched.documents] == [1, 2, 3]
        source = Source(provider="opendota", origin="provider", player=str(ACCOUNT))
        reading = opendota_reader.read(io.BytesIO(fetched.documents[0]), source)
        assert isinstance(reading, Reading)
        assert reading.records[0]["won"]

    async def test_only_new_and_unknown_matches_are_fetched(self) -> None:
        async with opendota_standin.standin(dota_matches(4), now_s=NOW_MS // 1000) as party:
            fetched = await from_opendota(party, since_ms=NOW_MS - 3 * HOUR_MS, known={"3"})
            again = await from_opendota(party, since_ms=fetched.next_since_ms)
        assert [json.loads(data)["match_id"] for data in fetched.documents] == [2, 4]
        assert again.documents == ()

    async def test_a_match_that_is_lost_does_not_stop_the_rest(self) -> None:
        async with opendota_standin.standin(dota_matches(3), now_s=NOW_MS // 1000) as party:
            party.order("/matches/2", server.broken(404))
            fetched = await from_opendota(party)
        assert [json.loads(data)["match_id"] for data in fetched.documents] == [1, 3]
        assert fetched.stopped is None

    async def test_a_rate_limit_is_waited_out_and_then_left_to_later(self) -> None:
        async with opendota_standin.standin(dota_matches(2), now_s=NOW_MS // 1000) as party:
            party.order("/players/", server.rate_limited(5))
            party.order("/matches/2", server.rate_limited(120))
            fetched = await from_opendota(party)
        assert len(fetched.documents) == 1
        assert fetched.next_poll_ms == NOW_MS + 120_000

    async def test_the_key_is_sent_in_a_header_only(self) -> None:
        account = Account(subject="0xabc", external_id=str(ACCOUNT))
        async with opendota_standin.standin() as party, calling(party) as client:
            keyed = Party(base_url=party.url, api_key="opendota-key")
            await opendota.fetch(client, keyed, account, since_ms=0, now_ms=NOW_MS)
        assert party.heard[0].headers["Authorization"] == "Bearer opendota-key"
        assert "opendota-key" not in str(party.heard[0].query)


class TestRiot:
    async def test_a_code_is_exchanged_for_the_puuid(self) -> None:
        async with riot_standin.standin(puuid=PUUID) as party, calling(party) as client:
            ours = riot_party(party)
            linked = await riot.exchange(client, ours, riot_standin.CODE, "https://a.b/", NOW_MS)
            fresh = await riot.refresh(client, ours, linked.tokens.refresh_token, NOW_MS)
        assert (linked.external_id, linked.handle) == (PUUID, "Riot Tuxedo#TUXC1")
        assert linked.tokens.expires_ms == NOW_MS + HOUR_MS
        assert fresh.refresh_token == riot_standin.REFRESH, "an old one that stays valid is kept"
        assert party.paths()[1] == "/americas/riot/account/v1/accounts/me"

    async def test_a_false_code_and_a_withdrawn_grant_are_refused(self) -> None:
        async with riot_standin.standin() as party, calling(party) as client:
            ours = riot_party(party)
            found = await refusal_of(riot.exchange(client, ours, "stolen", "", NOW_MS))
            assert found.code == "account_link_refused"
            assert (await refusal_of(riot.refresh(client, ours, "old", NOW_MS))).code == (
                "account_unlinked"
            )

    def test_the_player_is_sent_to_sign_on(self) -> None:
        ours = Party(base_url="x", auth_url="https://auth.riotgames.com", client_id="agon")
        url = riot.authorize_url(ours, "s", "https://agon.example/back")
        assert url.startswith("https://auth.riotgames.com/authorize?client_id=agon&")

    @pytest.mark.parametrize(
        ("platform", "route"), [("kr", "asia"), ("EUW1", "europe"), ("na1", "americas")]
    )
    async def test_matches_come_from_the_route_of_the_platform(
        self, platform: str, route: str
    ) -> None:
        async with riot_standin.standin(lol_matches(2), puuid=PUUID, platform=platform) as party:
            fetched = await from_riot(party)
        names = [json.loads(data)["metadata"]["matchId"] for data in fetched.documents]
        assert names == ["EUW1_1", "EUW1_2"]
        assert all(path.startswith(f"/{route}/lol/match/v5/") for path in party.paths()[1:])
        source = Source(provider="riot", origin="provider", player=PUUID)
        assert isinstance(riot_reader.read(io.BytesIO(fetched.documents[0]), source), Reading)

    async def test_only_new_and_unknown_matches_are_fetched(self) -> None:
        async with riot_standin.standin(lol_matches(3), puuid=PUUID) as party:
            fetched = await from_riot(party, since_ms=NOW_MS - 2 * HOUR_MS, known={"EUW1_2"})
            again = await from_riot(party, since_ms=fetched.next_since_ms)
        assert len(fetched.documents) == 1
        assert again.documents == ()

    async def test_one_who_never_played_has_nothing(self) -> None:
        async with riot_standin.standin(puuid=PUUID, platform="") as party:
            fetched = await from_riot(party)
        assert (fetched.documents, fetched.stopped) == ((), None)

    async def test_an_unknown_platform_stops(self) -> None:
        async with riot_standin.standin(puuid=PUUID, platform="mars1") as party:
            fetched = await from_riot(party)
        assert fetched.stopped is not None
        assert fetched.stopped.details == "platform mars1 is not known"

    async def test_our_own_expired_key_unlinks_nobody(self) -> None:
        async with riot_standin.standin(lol_matches(1), puuid=PUUID) as party:
            fetched = await from_riot(party, key="expired")
        assert fetched.stopped is not None
        assert fetched.stopped.code == "provider_failed"

    async def test_a_rate_limit_in_the_middle_keeps_what_came(self) -> None:
        async with riot_standin.standin(lol_matches(3), puuid=PUUID) as party:
            party.order("/asia/lol/match/v5/matches/EUW1_2", server.rate_limited(90))
            first = await from_riot(party)
            second = await from_riot(party, since_ms=first.next_since_ms)
        assert (len(first.documents), len(second.documents)) == (1, 2)
        assert first.next_poll_ms == NOW_MS + 90_000
