"""Users in the hands of the service, and in their own."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from agon.kernel import clock, jwt
from agon.kernel.database import ANONYMOUS
from tests.auth.visitors import (
    ANOTHER,
    PASSWORD,
    bearer,
    confirmed,
    logged,
    mail,
    mails,
    refused,
    service,
    signed_up,
)

ADA = "ada@example.org"


async def signed_in(door, password=PASSWORD, email=ADA):
    return await door.post(
        "/token?grant_type=password", json={"email": email, "password": password}
    )


async def test_the_service_makes_a_user(door, place):
    body = {
        "email": ADA, "password": PASSWORD, "email_confirm": True,
        "user_metadata": {"a": 1}, "app_metadata": {"plan": "gold"},
    }  # fmt: skip
    answer = await door.post("/admin/users", json=body, headers=service(place))
    user = answer.json()
    assert user["app_metadata"]["plan"] == "gold"
    assert user["app_metadata"]["providers"] == ["email"]
    assert user["user_metadata"] == {"a": 1}
    claims = jwt.verify((await signed_in(door)).json()["access_token"],
                        place.runtime.jwt_keys, clock.now_s())  # fmt: skip
    assert claims["app_metadata"]["plan"] == "gold"
    assert len(await logged(place, "admin_user_created")) == 1


async def test_an_unconfirmed_user_of_the_service_cannot_sign_in(door, place):
    body = {"email": ADA, "password": PASSWORD}
    await door.post("/admin/users", json=body, headers=service(place))
    refused(await signed_in(door), 400, "email_not_confirmed")


async def test_the_service_may_choose_the_id_once(door, place):
    body = {"id": str(uuid.uuid4()), "email": ADA}
    made = await door.post("/admin/users", json=body, headers=service(place))
    assert made.json()["id"] == body["id"]
    again = await door.post("/admin/users", json=body, headers=service(place))
    refused(again, 422, "email_exists")


@pytest.mark.parametrize(
    "body",
    [{}, {"email": "nobody"}, {"email": ADA, "role": "service_role"}, {"email": ADA, "id": "7"},
     {"email": ADA, "ban_duration": "for ever"}, {"email": ADA, "app_metadata": "x"},
     {"email": ADA, "email_confirm": "yes"}],
)  # fmt: skip
async def test_a_malformed_user_is_refused(door, place, body):
    answer = await door.post("/admin/users", json=body, headers=service(place))
    refused(answer, 400, "validation_failed")


ADMIN_CALLS = [
    ("GET", "/admin/users"),
    ("POST", "/admin/users"),
    ("GET", "/admin/users/{id}"),
    ("PUT", "/admin/users/{id}"),
    ("DELETE", "/admin/users/{id}"),
    ("POST", "/admin/generate_link"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN_CALLS)
async def test_nobody_but_the_service_is_an_admin_here(door, place, method, path):
    session = await signed_up(door)
    path = path.format(id=session["user"]["id"])
    body = {"email": "new@example.org", "type": "magiclink", "password": PASSWORD}
    content = {"json": body} if method != "GET" else {}
    refused(await door.request(method, path, **content), 401, "no_authorization")
    answer = await door.request(method, path, headers=bearer(session), **content)
    refused(answer, 403, "not_admin")
    moderator = jwt.mint(
        {"role": "authenticated", "sub": session["user"]["id"], "aud": "authenticated",
         "app_metadata": {"roles": ["admin"]}},
        place.runtime.jwt_keys[0], clock.now_s(), 60,
    )  # fmt: skip
    answer = await door.request(method, path, headers=bearer(moderator), **content)
    refused(answer, 403, "not_admin")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_user_who_is_not_there_is_not_found(door, place, method):
    content = {"json": {}} if method == "PUT" else {}
    answer = await door.request(
        method, f"/admin/users/{uuid.uuid4()}", headers=service(place), **content
    )
    refused(answer, 404, "user_not_found")
    answer = await door.request(method, "/admin/users/7", headers=service(place), **content)
    refused(answer, 400, "validation_failed")


async def test_users_are_listed_by_pages(door, place):
    for number in range(5):
        await place.set_clock(datetime.now(UTC) - timedelta(hours=number))
        await signed_up(door, f"user{number}@example.org")
    answer = await door.get("/admin/users?page=2&per_page=2", headers=service(place))
    assert [user["email"] for user in answer.json()["users"]] == [
        "user2@example.org", "user3@example.org",
    ]  # fmt: skip
    assert answer.json()["aud"] == "authenticated"
    assert answer.headers["x-total-count"] == "5"
    assert answer.headers["link"] == (
        '</admin/users?page=3&per_page=2>; rel="next", </admin/users?page=3&per_page=2>; rel="last"'
    )
    last = await door.get("/admin/users?page=3&per_page=2", headers=service(place))
    assert len(last.json()["users"]) == 1
    assert 'rel="next"' not in last.headers["link"]
    beyond = await door.get("/admin/users?page=9&per_page=2", headers=service(place))
    assert beyond.json()["users"] == []


@pytest.mark.parametrize("query", ["page=x", "page=-1", "per_page=100000", "page=99999999999"])
async def test_a_page_out_of_bounds_is_the_clients_mistake(door, place, query):
    answer = await door.get(f"/admin/users?{query}", headers=service(place))
    refused(answer, 400, "validation_failed")


async def test_the_service_changes_a_user(door, place):
    session = await signed_up(door, data={"keep": 1, "drop": 2})
    path = f"/admin/users/{session['user']['id']}"
    body = {"email": "Eve@example.org", "password": ANOTHER, "user_metadata": {"drop": None},
            "app_metadata": {"plan": "gold"}}  # fmt: skip
    user = (await door.put(path, json=body, headers=service(place))).json()
    assert user["email"] == "eve@example.org"
    assert user["user_metadata"] == {"keep": 1}
    assert user["app_metadata"]["plan"] == "gold"
    assert user["app_metadata"]["provider"] == "email"
    assert (await signed_in(door, ANOTHER, "eve@example.org")).status_code == 200
    refused(await door.get("/user", headers=bearer(session)), 403, "session_not_found")


async def test_a_banned_user_cannot_sign_in_until_the_ban_ends(door, place):
    session = await signed_up(door)
    path = f"/admin/users/{session['user']['id']}"
    answer = await door.put(path, json={"ban_duration": "1h30m"}, headers=service(place))
    assert answer.json()["banned_until"]
    assert (await signed_in(door)).json()["code"] == "user_banned"
    await place.set_clock(datetime.now(UTC) + timedelta(minutes=91))
    assert (await signed_in(door)).status_code == 200


async def test_a_deleted_user_is_gone(door, place):
    session = await signed_up(door)
    path = f"/admin/users/{session['user']['id']}"
    answer = await door.request("DELETE", path, json={}, headers=service(place))
    assert answer.status_code == 200
    refused(await door.get("/user", headers=bearer(session)), 403, "user_not_found")
    refused(await signed_in(door), 400, "invalid_credentials")
    refused(await door.get(path, headers=service(place)), 404, "user_not_found")
    assert len(await logged(place, "admin_user_deleted")) == 1


async def test_a_softly_deleted_user_stays_nameless(door, place):
    session = await signed_up(door, data={"name": "Ada"})
    path = f"/admin/users/{session['user']['id']}"
    body = {"should_soft_delete": True}
    await door.request("DELETE", path, json=body, headers=service(place))
    user = (await door.get(path, headers=service(place))).json()
    assert user["deleted_at"]
    assert (user["email"], user["user_metadata"], user["identities"]) == ("", {}, [])
    refused(await signed_in(door), 400, "invalid_credentials")
    refused(await door.get("/user", headers=bearer(session)), 403, "user_not_found")
    assert (await signed_up(door))["user"]["id"] != session["user"]["id"]


@pytest.mark.parametrize("kind", ["signup", "invite", "magiclink", "recovery"])
async def test_a_generated_link_works_once_and_is_not_mailed(gate, strict, kind):
    if kind == "recovery":
        await confirmed(gate, strict, ADA)
    sent = len(await mails(strict, ADA))
    body = {"type": kind, "email": ADA, "password": PASSWORD}
    made = (await gate.post("/admin/generate_link", json=body, headers=service(strict))).json()
    assert made["email"] == ADA
    assert made["verification_type"] == kind
    assert made["hashed_token"] in made["action_link"]
    body = {"type": kind, "email": ADA, "token": made["email_otp"]}
    assert (await gate.post("/verify", json=body)).status_code == 200
    refused(await gate.post("/verify", json=body), 403, "otp_expired")
    assert len(await mails(strict, ADA)) == sent


async def test_a_link_for_nobody_is_refused(gate, strict):
    for body, status, code in (
        ({"type": "recovery", "email": ADA}, 404, "user_not_found"),
        ({"type": "phone", "email": ADA}, 400, "validation_failed"),
        ({"type": "signup", "email": ADA}, 400, "validation_failed"),
    ):
        answer = await gate.post("/admin/generate_link", json=body, headers=service(strict))
        refused(answer, status, code)


async def test_a_user_changes_their_own_metadata(door):
    session = await signed_up(door, data={"a": 1, "b": 2})
    body = {"data": {"b": None, "c": {"d": None}}}
    user = (await door.put("/user", json=body, headers=bearer(session))).json()
    assert user["user_metadata"] == {"a": 1, "c": {"d": None}}


@pytest.mark.parametrize(
    "body",
    [{"app_metadata": {"roles": ["admin"]}}, {"role": "service_role"}, {"is_super_admin": True},
     {"ban_duration": "none"}],
)  # fmt: skip
async def test_a_user_cannot_raise_themselves(door, place, body):
    session = await signed_up(door)
    refused(await door.put("/user", json=body, headers=bearer(session)), 403, "not_admin")
    answer = await door.put("/user", json={"data": {"roles": ["admin"], "role": "service_role"}},
                            headers=bearer(session))  # fmt: skip
    assert answer.json()["role"] == "authenticated"
    assert answer.json()["app_metadata"]["roles"] == []


async def test_nobody_becomes_the_service_in_the_database_either(place, door):
    await signed_up(door)
    with pytest.raises(Exception, match="users_role_is_authenticated"):
        await place.owner.execute("update auth.users set role = 'service_role'")


async def test_a_new_password_ends_the_other_sessions(door, place):
    first = await signed_up(door)
    second = (await signed_in(door)).json()
    answer = await door.put("/user", json={"password": ANOTHER}, headers=bearer(second))
    assert answer.status_code == 200
    assert (await door.get("/user", headers=bearer(second))).status_code == 200
    refused(await door.get("/user", headers=bearer(first)), 403, "session_not_found")
    assert len(await logged(place, "password_changed")) == 1


async def test_the_same_or_a_weak_password_is_refused(door):
    session = await signed_up(door)
    for password, code in ((PASSWORD, "same_password"), ("12345678", "weak_password")):
        answer = await door.put("/user", json={"password": password}, headers=bearer(session))
        refused(answer, 422, code)


async def test_a_change_to_a_taken_address_is_refused_where_no_mail_is_sent(door):
    await signed_up(door, "bob@example.org")
    session = await signed_up(door)
    answer = await door.put("/user", json={"email": "bob@example.org"}, headers=bearer(session))
    refused(answer, 422, "email_exists")


async def test_who_has_no_users_token_has_no_user(door, place):
    refused(await door.get("/user"), 401, "no_authorization")
    for token in (place.token(ANONYMOUS), place.runtime.api_keys.publishable):
        refused(await door.get("/user", headers=bearer(token)), 403, "bad_jwt")
    refused(await door.get("/user", headers=bearer("x.y.z")), 403, "bad_jwt")
    stranger = jwt.mint({"role": "authenticated", "sub": str(uuid.uuid4())},
                        place.runtime.jwt_keys[0], clock.now_s(), 60)  # fmt: skip
    refused(await door.get("/user", headers=bearer(stranger)), 403, "user_not_found")


async def test_a_mailed_nonce_is_for_the_caller(gate, strict):
    session = await confirmed(gate, strict, ADA)
    refused(await gate.get("/reauthenticate"), 401, "no_authorization")
    assert (await gate.get("/reauthenticate", headers=bearer(session))).json() == {}
    assert len((await mail(strict, ADA)).code) == 6


async def test_settings_health_and_keys_are_public(door, place):
    settings = (await door.get("/settings")).json()
    assert settings["external"]["email"] is True
    assert settings["external"]["github"] is False
    assert settings["disable_signup"] is False
    assert settings["mailer_autoconfirm"] is True
    assert (await door.get("/health")).json()["name"]
    keys = (await door.get("/.well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in keys] == [place.runtime.jwt_keys[0].kid]
    assert all("d" not in key for key in keys)


async def test_the_audit_log_only_grows_and_only_admins_read_it(door, place):
    session = await signed_up(door)
    for statement in ("delete from agon.security_events", "truncate agon.security_events",
                      "update agon.security_events set kind = 'x'"):  # fmt: skip
        with pytest.raises(Exception, match="only grows"):
            await place.owner.execute(statement)
    actor = place.actor("ada", app_metadata={"roles": []})
    async with place.database.as_caller(actor) as conn:
        assert await conn.fetchval("select count(*) from agon.security_events") == 0
    actor = place.actor("ada", app_metadata={"roles": ["admin"]})
    async with place.database.as_caller(actor) as conn:
        rows = await conn.fetch("select * from agon.security_events order by id")
    assert [row["kind"] for row in rows] == ["sign_up", "sign_in"]
    assert str(rows[1]["user_id"]) == session["user"]["id"]
    assert rows[1]["address"] == "127.0.0.1"
    assert rows[1]["user_agent"].startswith("python-httpx")
