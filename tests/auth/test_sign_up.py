"""Signing up and signing in: with a password, without a name, and how often one may try."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from agon.app import serve
from agon.commons.people import users
from tests import places
from tests.auth.visitors import (
    ANOTHER,
    PASSWORD,
    bearer,
    door_of,
    logged,
    mail,
    publish_key,
    refused,
    service,
    signed_up,
)


async def signed_in(door, email="ada@example.org", password=PASSWORD):
    return await door.post(
        "/token?grant_type=password", json={"email": email, "password": password}
    )


async def test_a_sign_up_without_proof_opens_a_session(door, place):
    session = await signed_up(door, "Ada@Example.org ")
    assert session["user"]["email"] == "ada@example.org"
    assert (await door.get("/user", headers=bearer(session))).json()["id"] == session["user"]["id"]
    assert (await signed_in(door, "ADA@example.org")).status_code == 200
    assert [row["kind"] for row in await logged(place, "sign_up")] == ["sign_up"]


async def test_a_taken_address_is_refused_where_no_mail_is_sent(door):
    await signed_up(door)
    answer = await door.post("/signup", json={"email": "ada@example.org", "password": ANOTHER})
    refused(answer, 422, "user_already_exists")
    refused(await signed_in(door, password=ANOTHER), 400, "invalid_credentials")


async def test_two_sign_ups_at_once_make_one_user(door, place):
    body = {"email": "ada@example.org", "password": PASSWORD}
    answers = await asyncio.gather(*(door.post("/signup", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]
    assert await place.owner.fetchval("select count(*) from auth.users") == 1


async def test_where_addresses_need_proof_there_is_no_session_before_it(gate, strict):
    answer = await gate.post("/signup", json={"email": "ada@example.org", "password": PASSWORD})
    assert answer.status_code == 200
    assert "access_token" not in answer.json()
    assert answer.json()["confirmation_sent_at"]
    refused(await signed_in(gate), 400, "email_not_confirmed")
    refused(await signed_in(gate, password=ANOTHER), 400, "invalid_credentials")
    code = (await mail(strict, "ada@example.org")).code
    body = {"type": "signup", "email": "ada@example.org", "token": code}
    assert (await gate.post("/verify", json=body)).json()["user"]["email_confirmed_at"]
    assert (await signed_in(gate)).status_code == 200


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@example.org", "a b@example.org", "ada@exa mple.org", "a@b@c.org",
     "ada@example..org", "x" * 300 + "@example.org", "ada@-example.org", "a\nb@example.org",
     "\u212aay@example.org", "ada@\u212aay.example", "ad\u00e4@example.org"],
)  # fmt: skip
async def test_what_is_no_address_is_refused(door, email):
    answer = await door.post("/signup", json={"email": email, "password": PASSWORD})
    refused(answer, 400, "validation_failed")


@pytest.mark.parametrize(
    "body",
    [{"email": "ada@example.org"}, {"password": PASSWORD}, {"email": 7, "password": PASSWORD},
     {"email": "ada@example.org", "password": ["x"]},
     {"email": "ada@example.org", "password": PASSWORD, "data": []},
     {"email": "ada@example.org", "password": PASSWORD, "data": {"a": "\x00"}},
     {"email": "ada@example.org", "password": PASSWORD, "data": {"a": "x" * 70_000}},
     {"phone": "+4912345", "password": PASSWORD}],
)  # fmt: skip
async def test_a_malformed_sign_up_is_the_clients_mistake(door, body):
    refused(await door.post("/signup", json=body), 400, "validation_failed")


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b"null", b'{"email": "\\ud800"}'])
async def test_a_body_that_is_no_object_is_the_clients_mistake(door, text):
    headers = {"Content-Type": "application/json"}
    answer = await door.post("/token?grant_type=password", content=text, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("bad_json", "validation_failed")


@pytest.mark.parametrize(("password", "reason"), [("short1!", "length"), ("password", "pwned")])
async def test_a_weak_password_is_refused_with_its_reasons(door, place, password, reason):
    answer = await door.post("/signup", json={"email": "ada@example.org", "password": password})
    body = refused(answer, 422, "weak_password")
    assert reason in body["weak_password"]["reasons"]
    assert await place.owner.fetchval("select count(*) from auth.users") == 0


async def test_an_older_client_gets_the_older_shape(api, place):
    answer = await api.post("/auth/v1/token?grant_type=password",
                            json={"email": "ada@example.org", "password": "x"})  # fmt: skip
    assert answer.status_code == 400
    assert answer.json() == {
        "code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials",
    }  # fmt: skip
    assert "X-Supabase-Api-Version" not in answer.headers


async def test_a_wrong_password_and_nobody_get_one_answer(door, place):
    session = await signed_up(door)
    wrong = await signed_in(door, password=ANOTHER)
    nobody = await signed_in(door, "bob@example.org", ANOTHER)
    refused(wrong, 400, "invalid_credentials")
    assert (wrong.status_code, wrong.content) == (nobody.status_code, nobody.content)
    assert set(wrong.headers) == set(nobody.headers)
    users_tried = [row["user_id"] for row in await logged(place, "sign_in_failed")]
    assert [str(one) for one in users_tried] == [session["user"]["id"], "None"]


async def test_a_password_is_verified_also_for_nobody(door, monkeypatch):
    verified = []
    true = users.passwords.verify_password

    async def noted(text, hashed):
        verified.append(hashed)
        return await true(text, hashed)

    monkeypatch.setattr(users.passwords, "verify_password", noted)
    await signed_in(door, "nobody@example.org")
    assert verified == [users.passwords.DUMMY_HASH]


async def test_failed_sign_ins_are_limited_for_the_address_of_mail(door, place):
    await signed_up(door)
    answers = await asyncio.gather(*(signed_in(door, password=ANOTHER) for _ in range(14)))
    codes = [answer.json()["code"] for answer in answers]
    assert codes.count("invalid_credentials") == 10
    late = await signed_in(door)
    refused(late, 429, "over_request_rate_limit")
    assert 0 < int(late.headers["Retry-After"]) <= 300
    assert (await signed_in(door, "bob@example.org", ANOTHER)).status_code == 400
    await place.set_clock(datetime.now(UTC) + timedelta(minutes=6))
    assert (await signed_in(door)).status_code == 200


async def test_good_sign_ins_do_not_count(door):
    await signed_up(door)
    for _ in range(12):
        assert (await signed_in(door)).status_code == 200


@pytest.mark.parametrize("grant", ["", "magic", "password'--"])
async def test_an_unknown_grant_is_refused(door, grant):
    refused(await door.post(f"/token?grant_type={grant}", json={}), 400, "invalid_credentials")


async def test_a_nameless_user_becomes_somebody(door, place):
    session = (await door.post("/signup", json={"data": {"x": 1}})).json()
    assert session["user"]["is_anonymous"] is True
    assert session["user"]["email"] == ""
    assert session["user"]["app_metadata"] == {"roles": [], "permissions": []}
    alone = await door.put("/user", json={"password": PASSWORD}, headers=bearer(session))
    refused(alone, 422, "validation_failed")
    body = {"email": "ada@example.org", "password": PASSWORD}
    user = (await door.put("/user", json=body, headers=bearer(session))).json()
    assert user["is_anonymous"] is False
    assert user["id"] == session["user"]["id"]
    assert user["app_metadata"]["providers"] == ["email"]
    assert (await signed_in(door)).json()["user"]["id"] == user["id"]


async def test_what_is_switched_off_is_refused(server, tmp_path):
    environ = {"AGON_AUTH_ANONYMOUS": "false"}
    opening = places.opened(server, "agon_auth_off", tmp_path, environ)
    async with opening as place, door_of(place) as door:
        refused(await door.post("/signup", json={}), 422, "anonymous_provider_disabled")
        assert (await door.get("/settings")).json()["external"]["anonymous_users"] is False


async def test_without_sign_ups_only_the_service_makes_users(server, tmp_path):
    environ = {"AGON_AUTH_SIGN_UPS": "false"}
    async with places.opened(server, "agon_auth_closed", tmp_path, environ) as place:
        await publish_key(place)
        async with door_of(place) as door:
            body = {"email": "ada@example.org", "password": PASSWORD}
            refused(await door.post("/signup", json=body), 422, "signup_disabled")
            refused(await door.post("/signup", json={}), 422, "signup_disabled")
            assert (await door.post("/otp", json={"email": "bob@example.org"})).json() == {}
            assert await place.owner.fetchval("select count(*) from auth.users") == 0
            made = await door.post("/admin/users", json=body | {"email_confirm": True},
                                   headers=service(place))  # fmt: skip
            assert made.status_code == 200
            assert (await signed_in(door)).status_code == 200


async def test_sign_ups_of_one_network_address_are_limited(server, tmp_path):
    environ = {"AGON_AUTH_SIGN_UPS_PER_HOUR": "2"}
    opening = places.opened(server, "agon_auth_few", tmp_path, environ)
    async with opening as place, door_of(place) as door:
        for _ in range(2):
            assert (await door.post("/signup", json={})).status_code == 200
        refused(await door.post("/signup", json={}), 429, "over_request_rate_limit")


async def test_a_sign_up_makes_the_rows_that_others_registered_once(place, door):
    await place.owner.execute(
        """
        create table public.profiles_of_test (id uuid primary key);
        create function agon.make_profile_of_test(user_id uuid) returns void
        language sql security definer set search_path = ''
        as 'insert into public.profiles_of_test (id) values (user_id)';
        """
    )
    before = await signed_up(door, "before@example.org")
    for _ in range(2):
        await place.owner.execute("select agon.register_sign_up_hook('agon.make_profile_of_test')")
    after = await signed_up(door, "after@example.org")
    nameless = (await door.post("/signup", json={})).json()
    rows = await place.owner.fetch("select id::text from public.profiles_of_test")
    assert {row["id"] for row in rows} == {one["user"]["id"] for one in (before, after, nameless)}


async def test_a_hook_that_does_not_exist_is_not_registered(place):
    with pytest.raises(Exception, match="there is no function"):
        await place.owner.execute("select agon.register_sign_up_hook('agon.nothing_here')")


async def test_on_supabases_own_database_the_door_says_so(place):
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes, app.state.auth_is_ours = place.database, None, False
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as client:
        answer = await client.post("/auth/v1/signup", json={})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "auth_elsewhere")
