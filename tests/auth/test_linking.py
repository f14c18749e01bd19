"""Adding GitHub to an account: only in the browser in which its user began."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest

from tests.auth.test_codes import path_of
from tests.auth.test_flows import PKCE, at_github, code_in, exchanged, fragment_of, through
from tests.auth.visitors import bearer, refused, signed_up
from tests.standins import github as standin

LINK = "/user/identities/authorize?" + urlencode({"provider": "github", **PKCE})


async def providers_of(door, session):
    user = (await door.get("/user", headers=bearer(session))).json()
    return user["app_metadata"]["providers"]


async def test_a_user_links_github_and_parts_from_it(server, tmp_path):
    async with at_github(server, tmp_path, "agon_link_both") as (_, door, _party):
        session = await signed_up(door)
        path = LINK + "&skip_http_redirect=true"
        refused(await door.get(path), 401, "no_authorization")
        code = code_in(await through(door, path, bearer(session)))
        assert await providers_of(door, session) == ["email"], "not before the exchange"
        answer = await exchanged(door, code)
        assert answer.status_code == 200, answer.text
        assert answer.json()["provider_token"]
        user = answer.json()["user"]
        assert user["id"] == session["user"]["id"]
        linked = {one["provider"]: one["identity_id"] for one in user["identities"]}
        assert set(linked) == {"email", "github"}
        other = await signed_up(door, "bob@example.org")
        answer = await door.delete(f"/user/identities/{linked['github']}", headers=bearer(other))
        refused(answer, 404, "identity_not_found")
        answer = await door.delete(f"/user/identities/{linked['github']}", headers=bearer(session))
        assert answer.status_code == 200
        answer = await door.delete(f"/user/identities/{linked['email']}", headers=bearer(session))
        refused(answer, 422, "single_identity_not_deletable")


async def test_whoever_follows_anothers_link_is_not_joined_to_them(server, tmp_path):
    """An attacker sends out the address at which linking goes on."""
    async with at_github(server, tmp_path, "agon_link_forced") as (_, door, _party):
        attacker = await signed_up(door, "attacker@example.org")
        code = code_in(await through(door, LINK, bearer(attacker)))
        refused(await exchanged(door, code, "w" * 60), 400, "bad_code_verifier")
        assert await providers_of(door, attacker) == ["email"]
        victim = fragment_of(await through(door))
        user = (await door.get("/user", headers=bearer(victim))).json()
        assert user["email"] == "octocat@github.com"
        assert user["id"] != attacker["user"]["id"]


async def test_linking_without_a_challenge_is_refused(server, tmp_path):
    async with at_github(server, tmp_path, "agon_link_bare") as (place, door, _):
        session = await signed_up(door)
        path = "/user/identities/authorize?provider=github"
        refused(await door.get(path, headers=bearer(session)), 400, "validation_failed")
        assert await place.owner.fetchval("select count(*) from agon.flow_states") == 0


async def test_anothers_identity_is_not_linked(server, tmp_path):
    async with at_github(server, tmp_path, "agon_link_taken") as (_, door, _party):
        await through(door)
        session = await signed_up(door)
        code = code_in(await through(door, LINK, bearer(session)))
        refused(await exchanged(door, code), 422, "identity_already_exists")
        assert await providers_of(door, session) == ["email"]


@pytest.mark.parametrize("when", ["before the callback", "before the exchange"])
async def test_linking_ends_with_the_session_that_began_it(server, tmp_path, when):
    name = "agon_link_" + when.split()[-1]
    async with at_github(server, tmp_path, name) as (place, door, _):
        session = await signed_up(door)
        leaving = await door.get(LINK, headers=bearer(session))
        async with httpx.AsyncClient() as browser:
            back = (await browser.get(leaving.headers["location"])).headers["location"]
        if when == "before the callback":
            await door.post("/logout?scope=local", headers=bearer(session))
            answer = await door.get(path_of(back))
            assert fragment_of(answer)["error_code"] == "bad_oauth_state"
        else:
            code = code_in(await door.get(path_of(back)))
            await door.post("/logout?scope=local", headers=bearer(session))
            refused(await exchanged(door, code), 404, "flow_state_not_found")
        providers = await place.owner.fetch("select provider from agon.identities")
        assert [row["provider"] for row in providers] == ["email"]


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("null", {"user": {"name": "a\x00b"}}),
        ("half", {"user": {"name": "a\ud800b", "avatar_url": "https://x.example/\ud800"}}),
        ("long", {"user": {"name": "日" * 5000, "avatar_url": "https://" + "x" * 5000}}),
        ("mail", {"email": "x" * 300 + "@example.org"}),
        ("zero", {"email": "a\x00b@example.org"}),
        ("kelvin", {"email": "\u212aay@example.org"}),
    ],
)
async def test_a_profile_that_does_not_fit_signs_in_without_what_does_not(
    server, tmp_path, name, account
):
    user = {**standin.OCTOCAT, **account.get("user", {})}
    email = account.get("email", "octocat@github.com")
    emails = ({"email": email, "verified": True, "primary": True, "visibility": None},)
    opening = at_github(server, tmp_path, "agon_profile_" + name, user=user, emails=emails)
    async with opening as (_, door, _party):
        session = fragment_of(await through(door))
        found = (await door.get("/user", headers=bearer(session))).json()
        assert found["email"] == ("" if "email" in account else email)
        assert found["user_metadata"]["user_name"] == "octocat"
        assert len(found["user_metadata"]["name"]) <= 128


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("nologin", {"login": "a\x00b"}),
        ("toolong", {"login": "x" * 500}),
        ("negative", {"id": -1}),
        ("huge", {"id": 2**63}),
    ],
)
async def test_an_account_that_is_none_brings_the_browser_back_with_an_error(
    server, tmp_path, name, user
):
    opening = at_github(server, tmp_path, "agon_odd_" + name, user={**standin.OCTOCAT, **user})
    async with opening as (place, door, _):
        answer = await through(door)
        assert answer.headers["location"].startswith("https://play.example")
        assert fragment_of(answer)["error_code"] == "provider_failed"
        assert await place.owner.fetchval("select count(*) from auth.users") == 0


async def test_what_postgres_does_not_take_brings_the_browser_back_with_an_error(server, tmp_path):
    async with at_github(server, tmp_path, "agon_odd_refused") as (place, door, _):
        await place.owner.execute(
            "alter table auth.users add constraint users_are_short check (length(email) < 3)"
        )
        answer = await through(door)
        assert answer.headers["location"].startswith("https://play.example")
        assert fragment_of(answer)["error_code"] == "validation_failed"


async def test_new_users_of_github_count_as_sign_ups(server, tmp_path):
    few = {"AGON_AUTH_SIGN_UPS_PER_HOUR": "1"}
    async with at_github(server, tmp_path, "agon_gh_count", environ=few) as (place, door, _):
        await door.post("/signup", json={})
        answer = await through(door)
        assert fragment_of(answer)["error_code"] == "over_request_rate_limit"
        await place.owner.execute("delete from agon.rate_counters")
        assert fragment_of(await through(door))["access_token"]
        assert fragment_of(await through(door))["access_token"], "who is known is no new user"
