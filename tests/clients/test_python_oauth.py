"""supabase-py signs in at GitHub, and adds GitHub to an account."""

from __future__ import annotations

import httpx
import pytest
from supabase_auth.errors import AuthApiError

from tests.clients import letters
from tests.clients.conftest import PASSWORD, fresh

PAGE = "https://app.agon.example/welcome"
OPTIONS = {"redirect_to": PAGE}
EMAIL = "octocat@github.com"
STEPS_MAX = 5


async def travel(url: str) -> dict[str, str]:
    """What a browser that says yes to everything brings to the page."""
    async with httpx.AsyncClient() as browser:
        for _ in range(STEPS_MAX):
            answer = await browser.get(url)
            assert answer.is_redirect, (answer.status_code, answer.text)
            url = answer.headers["location"]
            if url.startswith(PAGE):
                return letters.said(url)
    raise AssertionError(f"the way ended at {url}")


async def signed_in(client):
    asked = await client.auth.sign_in_with_oauth({"provider": "github", "options": OPTIONS})
    code = (await travel(asked.url))["code"]
    return await client.auth.exchange_code_for_session({"auth_code": code})


async def test_somebody_signs_up_at_github(connect, service):
    answer = await signed_in(await connect())
    try:
        assert (answer.user.email, answer.user.user_metadata["user_name"]) == (EMAIL, "octocat")
        assert answer.user.app_metadata["provider"] == "github"
        assert answer.user.identities[0].provider == "github"
        assert answer.session.provider_token.startswith("gho_")
        assert (await signed_in(await connect())).user.id == answer.user.id
    finally:
        await service.auth.admin.delete_user(answer.user.id)


async def test_the_implicit_way_brings_the_session(connect, service):
    client = await connect(flow_type="implicit")
    asked = await client.auth.sign_in_with_oauth({"provider": "github", "options": OPTIONS})
    brought = await travel(asked.url)
    assert brought["provider_token"].startswith("gho_")
    answer = await client.auth.set_session(brought["access_token"], brought["refresh_token"])
    assert answer.user.email == EMAIL
    await service.auth.admin.delete_user(answer.user.id)


async def test_github_is_added_to_an_account_and_taken_away(member, connect, service):
    asked = await member.auth.link_identity({"provider": "github", "options": OPTIONS})
    code = (await travel(asked.url))["code"]
    listed = (await member.auth.get_user_identities()).identities
    assert [one.provider for one in listed] == ["email"], "not before the exchange"
    await member.auth.exchange_code_for_session({"auth_code": code})
    listed = (await member.auth.get_user_identities()).identities
    assert sorted(one.provider for one in listed) == ["email", "github"]
    user = (await member.auth.get_user()).user
    assert (await signed_in(await connect())).user.id == user.id
    await member.auth.unlink_identity(next(one for one in listed if one.provider == "github"))
    listed = (await member.auth.get_user_identities()).identities
    assert [one.provider for one in listed] == ["email"]
    with pytest.raises(AuthApiError) as caught:
        await member.auth.unlink_identity(listed[0])
    assert (caught.value.code, caught.value.status) == ("single_identity_not_deletable", 422)


async def test_github_is_not_added_without_a_challenge(doors, connect):
    client = await connect(flow_type="implicit")
    credentials = {"email": f"{fresh('person')}@agon.example", "password": PASSWORD}
    await client.auth.sign_up(credentials)
    with pytest.raises(AuthApiError) as caught:
        await client.auth.link_identity({"provider": "github", "options": OPTIONS})
    assert (caught.value.code, caught.value.status) == ("validation_failed", 400)
    assert "pkce" in caught.value.message


async def test_another_provider_is_refused_politely(connect):
    client = await connect()
    asked = await client.auth.sign_in_with_oauth({"provider": "apple", "options": OPTIONS})
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(asked.url)
    assert answer.status_code == 400
    assert "Unsupported provider" in answer.text
