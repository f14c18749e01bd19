"""Signing in with GitHub, against its stand-in: when it works, and how it fails."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agon.auth import github
from agon.kernel import outbound
from agon.kernel.errors import Refused, retry_after_s
from tests.standins import github as standin
from tests.standins import server
from tests.standins.server import Standin, calling, refusal

NOW_S = 1_800_000_000
VERIFIER = "v" * 43
PLAIN = github.Application(client_id="7&8", client_secret="hush")


def app_at(party: Standin) -> github.Application:
    return github.Application(
        client_id=standin.CLIENT_ID,
        client_secret=standin.CLIENT_SECRET,
        url=party.url,
        api_url=party.url + standin.API,
    )


def back_at(party: Standin) -> str:
    """A callback of ours that the stand-in hears, in place of the browser's."""
    return f"{party.url}/back"


async def sent_back(client: outbound.Client, party: Standin, **asked: Any) -> dict[str, str]:
    """The query that the browser comes back with."""
    await client.request(
        "GET", github.authorize_url(app_at(party), back_at(party), "state-1", **asked)
    )
    back = next(heard for heard in reversed(party.heard) if heard.path == "/back")
    return dict(back.query)


async def exchanged(client: outbound.Client, party: Standin, **asked: Any) -> github.Tokens:
    code = github.code_of(await sent_back(client, party, **asked))
    return await github.exchange(client, app_at(party), code, back_at(party))


async def whoever(client: outbound.Client, party: Standin) -> github.Profile:
    token = (await exchanged(client, party)).access_token
    return await github.profile(client, app_at(party), token, NOW_S)


class TestAuthorize:
    def test_it_asks_for_the_least_and_escapes_what_it_is_given(self) -> None:
        url = urlsplit(github.authorize_url(PLAIN, "https://a.example/back?x=1", "st&1"))
        assert (url.netloc, url.path) == ("github.com", "/login/oauth/authorize")
        assert parse_qs(url.query) == {
            "client_id": ["7&8"],
            "redirect_uri": ["https://a.example/back?x=1"],
            "scope": ["read:user user:email"],
            "state": ["st&1"],
        }

    def test_further_scopes_are_asked_for_once(self) -> None:
        url = github.authorize_url(PLAIN, "https://a.example", "s", ("repo", "user:email"))
        assert parse_qs(urlsplit(url).query)["scope"] == ["read:user user:email repo"]

    def test_the_secret_shows_nowhere(self) -> None:
        url = github.authorize_url(PLAIN, "https://a.example", "s")
        tokens = github.Tokens(access_token="hush", refresh_token="hush")
        assert "hush" not in f"{url} {PLAIN} {tokens}"

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"error": "access_denied", "error_description": "No."}, "access_denied"),
            ({"error": "application_suspended"}, "bad_oauth_callback"),
            ({"state": "s"}, "bad_oauth_callback"),
            ({"code": ""}, "bad_oauth_callback"),
        ],
    )
    def test_coming_back_without_a_code_is_refused(self, query, code) -> None:
        with pytest.raises(Refused) as caught:
            github.code_of(query)
        assert caught.value.refusal.code == code
        assert caught.value.refusal.status < 500

    async def test_somebody_who_says_no_comes_back_with_that(self) -> None:
        async with standin.standin(denies=True) as party, calling(party) as client:
            back = await sent_back(client, party)
        assert back["state"] == "state-1"
        with pytest.raises(Refused, match="access_denied"):
            github.code_of(back)

    @pytest.mark.parametrize("missing", ["AGON_GITHUB_CLIENT_ID", "AGON_GITHUB_CLIENT_SECRET"])
    def test_an_app_that_is_not_configured_is_refused(self, missing) -> None:
        settings = {
            "github_client_id": "7", "github_client_secret": "hush",
            "github_url": "https://github.example/", "github_api_url": "https://api.example",
        }  # fmt: skip
        app = github.application(settings)  # type: ignore[arg-type]
        assert (app.url, app.api_url) == ("https://github.example", "https://api.example")
        name = missing.removeprefix("AGON_").lower()
        with pytest.raises(Refused, match="provider_disabled"):
            github.application({**settings, name: None})  # type: ignore[arg-type]


class TestExchange:
    async def test_a_code_becomes_a_token_with_its_scopes(self) -> None:
        async with standin.standin() as party, calling(party) as client:
            tokens = await exchanged(client, party, scopes=("repo",))
        assert tokens.access_token.startswith("gho_")
        assert tokens.scopes == ("read:user", "user:email", "repo")
        assert tokens.refresh_token is None
        sent = party.heard[-1]
        assert sent.headers["Accept"] == "application/json"
        assert "client_secret" not in sent.query

    async def test_a_code_works_once(self) -> None:
        async with standin.standin() as party, calling(party) as client:
            code = github.code_of(await sent_back(client, party))
            await github.exchange(client, app_at(party), code, back_at(party))
            found = await refusal(github.exchange(client, app_at(party), code, back_at(party)))
        assert (found.code, found.status) == ("bad_oauth_callback", 400)
        assert "incorrect or expired" in found.details

    async def test_a_code_belongs_to_whoever_has_the_verifier(self) -> None:
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        async with standin.standin() as party, calling(party) as client:
            given = {"code_challenge": challenge}
            code = github.code_of(await sent_back(client, party, **given))
            tokens = await github.exchange(client, app_at(party), code, back_at(party), VERIFIER)
            assert tokens.access_token
            stolen = github.code_of(await sent_back(client, party, **given))
            found = await refusal(
                github.exchange(client, app_at(party), stolen, back_at(party), "w" * 43)
            )
        assert found.code == "bad_oauth_callback"

    async def test_a_wrong_secret_is_the_operators_to_mend(self) -> None:
        async with standin.standin() as party, calling(party) as client:
            code = github.code_of(await sent_back(client, party))
            app = replace(app_at(party), client_secret="wrong")
            found = await refusal(github.exchange(client, app, code, back_at(party)))
        assert (found.code, found.status) == ("provider_misconfigured", 502)

    async def test_another_callback_is_the_operators_to_mend(self) -> None:
        async with standin.standin() as party, calling(party) as client:
            code = github.code_of(await sent_back(client, party))
            found = await refusal(
                github.exchange(client, app_at(party), code, "https://elsewhere.example")
            )
        assert found.code == "provider_misconfigured"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b'{"error":"unverified_user_email"}', "provider_email_needs_verification"),
            (b'{"error":"something_new","error_description":"x"}', "provider_failed"),
            (b'{"access_token":7,"scope":""}', "provider_failed"),
            (b'{"access_token":"gho_1"}', "provider_failed"),
            (b"[]", "provider_failed"),
            (b"access_token=gho_1", "outbound_malformed"),
        ],
    )
    async def test_other_answers_are_refused(self, body, code) -> None:
        async with standin.standin() as party, calling(party) as client:
            party.order("/login/oauth/access_token", server.Fault(status=200, body=body))
            found = await refusal(github.exchange(client, app_at(party), "c", back_at(party)))
        assert found.code == code

    async def test_tokens_that_expire_say_so(self) -> None:
        body = b'{"access_token":"ghu_1","expires_in":28800,"refresh_token":"ghr_1","scope":""}'
        async with standin.standin() as party, calling(party) as client:
            party.order("/login/oauth/access_token", server.Fault(status=200, body=body))
            tokens = await github.exchange(client, app_at(party), "c", back_at(party))
        assert (tokens.expires_in_s, tokens.refresh_token, tokens.scopes) == (28800, "ghr_1", ())

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            (server.broken(), "provider_failed"),
            (server.rate_limited(30), "outbound_rate_limited"),
            (server.truncated(), "outbound_malformed"),
        ],
    )
    async def test_a_party_in_trouble_is_asked_once(self, fault, code) -> None:
        async with standin.standin() as party, calling(party) as client:
            code_given = github.code_of(await sent_back(client, party))
            party.order("/login/oauth/access_token", fault)
            found = await refusal(
                github.exchange(client, app_at(party), code_given, back_at(party))
            )
        assert found.code == code
        assert party.paths().count("/login/oauth/access_token") == 1


class TestProfile:
    async def test_the_account_is_known_by_its_number_and_its_verified_address(self) -> None:
        async with standin.standin() as party, calling(party) as client:
            found = await whoever(client, party)
        assert (found.subject, found.login) == ("583231", "octocat")
        assert (found.email, found.email_verified) == ("octocat@github.com", True)
        data = found.identity_data()
        assert (data["sub"], data["user_name"]) == ("583231", "octocat")
        assert data["full_name"] == "monalisa octocat"
        asked = party.heard[-1]
        assert asked.headers["X-GitHub-Api-Version"] == github.API_VERSION
        assert asked.headers["User-Agent"]

    async def test_an_account_without_a_name_goes_by_its_login(self) -> None:
        user = {**standin.OCTOCAT, "name": None}
        async with standin.standin(user) as party, calling(party) as client:
            data = (await whoever(client, party)).identity_data()
        assert data["name"] == "octocat"

    async def test_an_unverified_primary_address_is_not_called_verified(self) -> None:
        emails = [
            {"email": "a@x.example", "verified": False, "primary": True},
            {"email": "b@x.example", "verified": True, "primary": False},
        ]
        async with standin.standin(emails=emails) as party, calling(party) as client:
            found = await whoever(client, party)
        assert (found.email, found.email_verified) == ("a@x.example", False)

    @pytest.mark.parametrize("granted", [["read:user"], []])
    async def test_without_the_scope_there_is_no_address(self, granted) -> None:
        """Not even the public one, of which nobody says whether it is verified."""
        async with standin.standin(granted=granted) as party, calling(party) as client:
            found = await whoever(client, party)
        assert (found.email, found.email_verified) == (None, False)
        assert "email" not in found.identity_data()

    async def test_no_address_at_all_is_no_address(self) -> None:
        async with standin.standin(emails=[]) as party, calling(party) as client:
            assert (await whoever(client, party)).email is None

    async def test_a_token_that_was_withdrawn_is_refused(self) -> None:
        async with standin.standin() as party, calling(party) as client:
            found = await refusal(github.profile(client, app_at(party), "gho_gone", NOW_S))
        assert (found.code, found.status) == ("provider_token_refused", 400)

    @pytest.mark.parametrize(
        ("headers", "wait_s"),
        [
            ({"Retry-After": "60"}, 60),
            ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOW_S + 90)}, 90),
            ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOW_S - 5)}, 0),
        ],
    )
    async def test_a_rate_limit_names_the_wait(self, headers, wait_s) -> None:
        fault = server.Fault(status=403, headers=headers, body=b'{"message":"rate limit"}')
        async with standin.standin() as party, calling(party) as client:
            token = (await exchanged(client, party)).access_token
            party.order(f"{standin.API}/user", fault)
            found = await refusal(github.profile(client, app_at(party), token, NOW_S))
        assert found.code == "outbound_rate_limited"
        assert retry_after_s(found) == wait_s

    @pytest.mark.parametrize("path", ["/user", "/user/emails"])
    @pytest.mark.parametrize(
        "fault",
        [
            server.broken(),
            server.rate_limited(7),
            server.truncated(),
            server.Fault(status=200, body=b'[{"primary":1}]'),
            server.Fault(status=200, body=b'{"id":true}'),
        ],
        ids=["broken", "limited", "truncated", "list", "object"],
    )
    async def test_a_party_in_trouble_gives_no_profile(self, path, fault) -> None:
        async with standin.standin() as party, calling(party) as client:
            token = (await exchanged(client, party)).access_token
            # The first path is the beginning of the second; it is asked for first.
            party.order(standin.API + path, fault)
            found = await refusal(github.profile(client, app_at(party), token, NOW_S))
        assert found.code in ("provider_failed", "outbound_rate_limited", "outbound_malformed")
        assert found.status in (502, 503)
