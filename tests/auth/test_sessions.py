"""Sessions: access tokens, refresh tokens that work once, and their end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from agon.commons.people import sessions
from agon.kernel import clock, jwt
from tests.auth.visitors import PASSWORD, bearer, logged, refused, service, signed_up

REUSE = timedelta(seconds=10)


async def refreshed(door, session):
    token = session["refresh_token"]
    return await door.post("/token?grant_type=refresh_token", json={"refresh_token": token})


async def test_a_session_has_what_clients_read(door, place):
    session = await signed_up(door, data={"name": "Ada"})
    assert session["token_type"] == "bearer"
    assert session["expires_in"] == 3600
    assert abs(session["expires_at"] - clock.now_s() - 3600) < 30
    user = session["user"]
    assert user["email"] == "ada@example.org"
    assert user["aud"] == user["role"] == "authenticated"
    assert user["user_metadata"] == {"name": "Ada"}
    assert user["app_metadata"] == {
        "provider": "email", "providers": ["email"], "roles": [], "permissions": [],
    }  # fmt: skip
    assert user["identities"][0]["identity_data"]["email"] == "ada@example.org"
    assert {"created_at", "updated_at", "last_sign_in_at", "email_confirmed_at"} <= set(user)


async def test_an_access_token_carries_the_claims(door, place):
    session = await signed_up(door)
    claims = jwt.verify(session["access_token"], place.runtime.jwt_keys, clock.now_s())
    assert claims["iss"] == "http://127.0.0.1:8000/auth/v1"
    assert claims["sub"] == session["user"]["id"]
    assert claims["aud"] == claims["role"] == "authenticated"
    assert claims["email"] == "ada@example.org"
    assert claims["aal"] == "aal1"
    assert claims["amr"][0]["method"] == "password"
    assert claims["is_anonymous"] is False
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["app_metadata"]["roles"] == []
    assert claims["session_id"]


async def test_a_new_role_arrives_with_the_next_refresh(door, place):
    session = await signed_up(door)
    await place.owner.execute(
        "insert into public.user_roles (user_id, role) values ($1::text::uuid, 'judge')",
        session["user"]["id"],
    )
    again = (await refreshed(door, session)).json()
    claims = jwt.verify(again["access_token"], place.runtime.jwt_keys, clock.now_s())
    assert claims["app_metadata"]["roles"] == ["judge"]


async def test_a_refresh_token_is_replaced(door):
    session = await signed_up(door)
    again = (await refreshed(door, session)).json()
    assert again["refresh_token"] != session["refresh_token"]
    third = (await refreshed(door, again)).json()
    assert (await door.get("/user", headers=bearer(third))).status_code == 200


async def test_two_refreshes_at_once_get_the_same_token_and_it_works(door):
    session = await signed_up(door)
    answers = await asyncio.gather(*(refreshed(door, session) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    tokens = {answer.json()["refresh_token"] for answer in answers}
    assert len(tokens) == 1
    assert (await refreshed(door, answers[0].json())).status_code == 200


async def test_the_parent_of_the_active_token_leads_to_it_at_any_time(door, place):
    session = await signed_up(door)
    active = (await refreshed(door, session)).json()
    await place.set_clock(datetime.now(UTC) + timedelta(days=2))
    again = await refreshed(door, session)
    assert again.json()["refresh_token"] == active["refresh_token"]


async def test_a_grandparent_leads_to_the_active_token_within_the_window(door, place):
    session = await signed_up(door)
    active = (await refreshed(door, (await refreshed(door, session)).json())).json()
    again = await refreshed(door, session)
    assert again.json()["refresh_token"] == active["refresh_token"]


async def test_a_stolen_refresh_token_revokes_its_family(door, place):
    session = await signed_up(door)
    body = {"email": "ada@example.org", "password": PASSWORD}
    other = (await door.post("/token?grant_type=password", json=body)).json()
    active = (await refreshed(door, (await refreshed(door, session)).json())).json()
    await place.set_clock(datetime.now(UTC) + REUSE + timedelta(seconds=5))
    refused(await refreshed(door, session), 400, "refresh_token_already_used")
    refused(await refreshed(door, active), 400, "refresh_token_not_found")
    refused(await door.get("/user", headers=bearer(active)), 403, "session_not_found")
    assert (await refreshed(door, other)).status_code == 200
    assert [str(row["user_id"]) for row in await logged(place, "token_reused")] == [
        session["user"]["id"]
    ]


@pytest.mark.parametrize("token", ["short", "A" * 43, "é" * 43, "A" * 4000])
async def test_a_token_that_nobody_has_is_refused(door, token):
    refused(await refreshed(door, {"refresh_token": token}), 400, "refresh_token_not_found")


@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": None}])
async def test_a_refresh_needs_a_token(door, body):
    answer = await door.post("/token?grant_type=refresh_token", json=body)
    refused(answer, 400, "validation_failed")


async def test_a_banned_user_cannot_refresh(door, place):
    session = await signed_up(door)
    path = f"/admin/users/{session['user']['id']}"
    await door.put(path, json={"ban_duration": "24h"}, headers=service(place))
    refused(await refreshed(door, session), 400, "user_banned")
    refused(await door.get("/user", headers=bearer(session)), 403, "user_banned")
    await door.put(path, json={"ban_duration": "none"}, headers=service(place))
    assert (await refreshed(door, session)).status_code == 200


async def _three_sessions(door):
    first = await signed_up(door)
    body = {"email": "ada@example.org", "password": PASSWORD}
    more = [(await door.post("/token?grant_type=password", json=body)).json() for _ in range(2)]
    return [first, *more]


@pytest.mark.parametrize(
    ("scope", "left"),
    [("local", [False, True, True]), ("others", [True, False, False]), ("global", [False] * 3)],
)
async def test_a_logout_ends_the_sessions_of_its_scope(door, place, scope, left):
    opened = await _three_sessions(door)
    answer = await door.post(f"/logout?scope={scope}", headers=bearer(opened[0]))
    assert answer.status_code == 204
    assert answer.content == b""
    stand = [(await refreshed(door, one)).status_code == 200 for one in opened]
    assert stand == left
    assert len(await logged(place, "logout")) == 1


async def test_a_logout_touches_nobody_else(door):
    ada, bob = await signed_up(door), await signed_up(door, "bob@example.org")
    await door.post("/logout", headers=bearer(ada))
    assert (await refreshed(door, bob)).status_code == 200


async def test_a_logout_twice_is_refused_as_clients_expect(door):
    session = await signed_up(door)
    await door.post("/logout", headers=bearer(session))
    refused(await door.post("/logout", headers=bearer(session)), 403, "session_not_found")


async def test_a_logout_of_no_known_scope_is_refused(door):
    session = await signed_up(door)
    answer = await door.post("/logout?scope=all", headers=bearer(session))
    refused(answer, 400, "validation_failed")
    refused(await door.post("/logout"), 401, "no_authorization")


def test_a_child_needs_its_parent_and_its_salt():
    salt = b"s" * 32
    child = sessions._child("parent", salt)
    assert child == sessions._child("parent", salt)
    assert child != sessions._child("another", salt)
    assert child != sessions._child("parent", b"t" * 32)
    assert len(child) == 43


async def test_clients_call_none_of_the_acts(place):
    rows = await place.owner.fetch(
        """
        select p.proname from pg_proc p cross join unnest(array['anon', 'authenticated']) r (role)
        where p.pronamespace = 'agon'::regnamespace
          and p.proname = any (array['open_session', 'refresh_session', 'user_json', 'make_code',
            'use_code', 'sign_up', 'begin_sign_in', 'admin_update_user', 'close_sessions',
            'link_identity', 'use_flow_code', 'note_security', 'spend'])
          and has_function_privilege(r.role, p.oid, 'execute')
        """
    )
    assert [row["proname"] for row in rows] == []
