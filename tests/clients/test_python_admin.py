"""supabase-py administers users with the secret key, and with no other."""

from __future__ import annotations

import uuid

import pytest
from supabase_auth.errors import AuthApiError

from tests.clients import letters
from tests.clients.conftest import PASSWORD, fresh

NOBODY = str(uuid.UUID(int=1, version=4))


def address() -> str:
    return f"{fresh('managed')}@agon.example"


@pytest.fixture
def admin(service):
    return service.auth.admin


@pytest.fixture
async def managed(admin):
    """A user that was made by the administration."""
    made = await admin.create_user(
        {
            "email": address(),
            "password": PASSWORD,
            "email_confirm": True,
            "user_metadata": {"name": "Bo"},
            "app_metadata": {"plan": "gold"},
        }
    )
    return made.user


async def refusal(call):
    with pytest.raises(AuthApiError) as caught:
        await call
    return caught.value.code, caught.value.status


async def test_a_user_is_made_with_all_that_was_said(managed, connect):
    assert managed.user_metadata["name"] == "Bo"
    assert managed.app_metadata["plan"] == "gold"
    assert managed.email_confirmed_at is not None
    client = await connect()
    signed_in = await client.auth.sign_in_with_password(
        {"email": managed.email, "password": PASSWORD}
    )
    assert signed_in.user.id == managed.id


async def test_an_address_is_given_once(admin, managed):
    again = admin.create_user({"email": managed.email, "password": PASSWORD})
    assert await refusal(again) == ("email_exists", 422)


async def test_users_are_listed_by_pages(admin, managed):
    assert managed.id in {user.id for user in await admin.list_users(page=1, per_page=1000)}
    assert managed.id in {user.id for user in await admin.list_users()}
    first, second = await admin.list_users(1, 1), await admin.list_users(2, 1)
    assert (len(first), len(second)) == (1, 1)
    assert first[0].id != second[0].id


async def test_a_user_is_found_by_id(admin, managed):
    assert (await admin.get_user_by_id(managed.id)).user.email == managed.email
    assert await refusal(admin.get_user_by_id(NOBODY)) == ("user_not_found", 404)


async def test_a_user_is_changed(admin, managed, connect):
    other = "quite another phrase 3"
    changed = await admin.update_user_by_id(
        managed.id, {"password": other, "app_metadata": {"plan": "tin"}, "role": "authenticated"}
    )
    assert changed.user.app_metadata["plan"] == "tin"
    client = await connect()
    await client.auth.sign_in_with_password({"email": managed.email, "password": other})
    assert (await client.auth.get_claims())["claims"]["app_metadata"]["plan"] == "tin"
    assert await refusal(admin.update_user_by_id(NOBODY, {"email": address()})) == (
        "user_not_found",
        404,
    )


async def test_a_banned_user_stays_out(admin, managed, connect):
    await admin.update_user_by_id(managed.id, {"ban_duration": "24h"})
    client = await connect()
    credentials = {"email": managed.email, "password": PASSWORD}
    assert await refusal(client.auth.sign_in_with_password(credentials)) == ("user_banned", 400)
    await admin.update_user_by_id(managed.id, {"ban_duration": "none"})
    await client.auth.sign_in_with_password(credentials)


@pytest.mark.parametrize("softly", [False, True])
async def test_a_deleted_user_is_gone(admin, managed, connect, softly):
    await admin.delete_user(managed.id, should_soft_delete=softly)
    client = await connect()
    credentials = {"email": managed.email, "password": PASSWORD}
    code, status = await refusal(client.auth.sign_in_with_password(credentials))
    assert (code, status) == ("invalid_credentials", 400)
    assert await refusal(admin.delete_user(NOBODY)) == ("user_not_found", 404)


@pytest.mark.parametrize("kind", ["magiclink", "recovery"])
async def test_a_link_is_made_without_mail(admin, managed, connect, kind):
    made = await admin.generate_link({"type": kind, "email": managed.email})
    properties = made.properties
    assert properties.verification_type == kind
    assert properties.hashed_token
    client = await connect()
    params = {"token_hash": properties.hashed_token, "type": kind}
    assert (await client.auth.verify_otp(params)).user.id == managed.id


async def test_a_link_signs_somebody_up(admin, connect):
    email = address()
    made = await admin.generate_link({"type": "signup", "email": email, "password": PASSWORD})
    assert len(made.properties.email_otp) == 6
    client = await connect()
    params = {"email": email, "token": made.properties.email_otp, "type": "signup"}
    assert (await client.auth.verify_otp(params)).user.email == email


async def test_an_invited_person_comes_in(admin, doors, connect):
    email = address()
    invited = await admin.invite_user_by_email(email, {"data": {"team": "red"}})
    assert invited.user.invited_at is not None
    mail = await letters.newest(doors.home, email)
    client = await connect()
    answer = await client.auth.verify_otp({"email": email, "token": mail.code, "type": "invite"})
    assert answer.user.user_metadata["team"] == "red"


async def test_an_administrator_signs_a_user_out(admin, managed, connect):
    client = await connect()
    credentials = {"email": managed.email, "password": PASSWORD}
    session = (await client.auth.sign_in_with_password(credentials)).session
    await admin.sign_out(session.access_token)
    with pytest.raises(AuthApiError):
        await client.auth.refresh_session(session.refresh_token)


async def test_only_the_secret_key_administers(anon, member, managed):
    for client in (anon, member):
        for call in (
            client.auth.admin.list_users(),
            client.auth.admin.create_user({"email": address(), "password": PASSWORD}),
            client.auth.admin.delete_user(managed.id),
            client.auth.admin.generate_link({"type": "magiclink", "email": managed.email}),
        ):
            _, status = await refusal(call)
            assert status in (401, 403)
