"""supabase-py with every kind of key, and the client that does not wait."""

from __future__ import annotations

import asyncio

import pytest
from postgrest import APIError
from supabase import ClientOptions, create_client

from agon.kernel import apikeys, clock
from tests.clients import serving
from tests.clients.conftest import PASSWORD, fresh

# Supabase's own, of every local installation: role anon and service_role, until 2032.
DEMO_ANON = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24iLCJleHAiOjE5ODM4MTI5OTZ9."
    "CRXP1A7WOeoJeXxjNni43kdQwgnWNReilDMblYTn_I0"
)
DEMO_SERVICE = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6InNlcnZpY2Vfcm9sZSIsImV4cCI6MTk4MzgxMjk5Nn0."
    "EGIM96RAZx35lJzdJsyH-qQwv8Hdp7fsn3W0YpN81IU"
)


async def role_of(client) -> str:
    return (await client.rpc("whoami").execute()).data["role"]


async def test_both_keys_have_a_token_form(doors, connect):
    runtime = doors.place.runtime
    forms = apikeys.jwt_forms(runtime.jwt_keys[0], clock.now_s(), runtime.settings["jwt_issuer"])
    for role, key in forms.items():
        assert await role_of(await connect(key)) == role


async def test_the_well_known_development_keys_work_with_their_secret(doors, connect):
    for role, key in (("anon", DEMO_ANON), ("service_role", DEMO_SERVICE)):
        assert await role_of(await connect(key, url=doors.strict_url)) == role


async def test_the_well_known_development_keys_are_nothing_without_their_secret(connect):
    with pytest.raises(APIError) as caught:
        await role_of(await connect(DEMO_SERVICE))
    assert caught.value.code == "PGRST301"


async def test_a_session_signed_with_a_secret_is_verified_by_asking(doors, connect):
    email = f"{fresh('shared')}@agon.example"
    admin = await connect(DEMO_SERVICE, url=doors.strict_url)
    await admin.auth.admin.create_user(
        {"email": email, "password": PASSWORD, "email_confirm": True}
    )
    client = await connect(DEMO_ANON, url=doors.strict_url)
    await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    answer = await client.auth.get_claims()
    assert (answer["headers"]["alg"], answer["claims"]["email"]) == ("HS256", email)
    assert await role_of(client) == "authenticated"


async def test_a_key_that_is_not_ours_signs_nobody_up(connect):
    client = await connect("sb_publishable_not_ours_at_all_0123456789")
    with pytest.raises(Exception) as caught:
        await client.auth.sign_up({"email": f"{fresh('x')}@agon.example", "password": PASSWORD})
    assert caught.value.status == 401


async def test_the_client_that_does_not_wait_works_the_same(doors: serving.Doors):
    def walk() -> tuple[list[dict[str, int]], str]:
        client = create_client(
            doors.url, doors.publishable, ClientOptions(auto_refresh_token=False)
        )
        rows = client.table("films").select("id").lt("id", 3).order("id").execute().data
        credentials = {"email": f"{fresh('sync')}@agon.example", "password": PASSWORD}
        client.auth.sign_up(credentials)
        role = client.rpc("whoami").execute().data["role"]
        client.auth.sign_out()
        return rows, role

    assert await asyncio.to_thread(walk) == ([{"id": 1}, {"id": 2}], "authenticated")
