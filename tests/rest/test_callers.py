"""Callers: key and token make one actor, and what does not hold is refused for what it is."""

from __future__ import annotations

import json

import pytest

from agon.kernel import clock, jwt
from agon.kernel.errors import Refused
from agon.web import callers
from agon.web.callers import Callers
from agon.web.headers import challenge, headers_of
from tests.rest.doors import begun

USER = "3f6b8c1e-0b4e-4c39-a9f5-1de8b2fbb8f1"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def process(tmp_path):
    return begun(tmp_path)


def user_token(process, ttl_s: int = 3600, now_s: int | None = None, **claims: object) -> str:
    claims = {"sub": USER, "role": "authenticated", "aud": "authenticated", **claims}
    return jwt.mint(claims, process.jwt_keys[0], now_s or clock.now_s(), ttl_s)


async def found(process, now_s: int | None = None, **headers: str) -> callers.Caller:
    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return await Callers(process).identify(sent, now_s or clock.now_s())


async def refused(process, **headers: str) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await found(process, **headers)
    return caught.value.refusal.status, caught.value.refusal.code


async def test_without_anything_the_caller_is_anon(process):
    caller = await found(process)
    assert caller.actor.role == "anon"
    assert json.loads(caller.claims_json) == {"role": "anon"}
    assert (caller.user, caller.key) == (None, None)


async def test_a_signed_out_client_sends_its_key_twice(process):
    key = process.api_keys.publishable
    for headers in ({"apikey": key}, {"authorization": f"Bearer {key}"},
                    {"apikey": key, "authorization": f"Bearer {key}"}):  # fmt: skip
        caller = await found(process, **headers)
        assert caller.actor.role == "anon"
        assert caller.key


async def test_a_users_token_wins_over_the_key(process):
    token = user_token(process, app_metadata={"roles": ["admin"]})
    for key in (process.api_keys.publishable, process.api_keys.secret):
        caller = await found(process, apikey=key, authorization=f"Bearer {token}")
        assert caller.actor.role == "authenticated"
        assert caller.actor.user_id == caller.user == USER
        assert json.loads(caller.claims_json)["app_metadata"] == {"roles": ["admin"]}
        assert json.loads(caller.claims_json)["role"] == "authenticated"


async def test_the_scheme_is_read_in_any_case(process):
    for scheme in ("Bearer ", "bearer ", "BEARER  ", ""):
        caller = await found(process, authorization=scheme + user_token(process))
        assert caller.user == USER


async def test_two_keys_that_differ_are_refused(process):
    keys = process.api_keys
    sent = {"apikey": keys.publishable, "authorization": f"Bearer {keys.secret}"}
    assert await refused(process, **sent) == (401, "api_keys_differ")


async def test_an_unknown_key_is_refused_whatever_else_is_sent(process):
    unknown = "sb_secret_" + "0" * 32
    token = f"Bearer {user_token(process)}"
    assert await refused(process, apikey=unknown) == (401, "api_key_unknown")
    assert await refused(process, authorization=f"Bearer {unknown}") == (401, "api_key_unknown")
    assert await refused(process, apikey=unknown, authorization=token) == (401, "api_key_unknown")


async def test_a_key_of_another_installation_is_unknown(process, tmp_path):
    other = begun(tmp_path / "other").api_keys.secret
    assert await refused(process, apikey=other) == (401, "api_key_unknown")


async def test_no_browser_holds_the_secret_key(process):
    keys, token = process.api_keys, user_token(process)
    secret = {"apikey": keys.secret, "user_agent": FIREFOX}
    assert await refused(process, **secret) == (401, "secret_key_in_browser")
    signed_in = {**secret, "authorization": f"Bearer {token}"}
    assert await refused(process, **signed_in) == (401, "secret_key_in_browser")
    assert await found(process, apikey=keys.publishable, user_agent=FIREFOX)


async def test_a_browser_is_noticed_although_the_caller_is_remembered(process):
    remembering = Callers(process)
    headers = {b"apikey": process.api_keys.secret.encode()}
    await remembering.identify(headers, clock.now_s())
    with pytest.raises(Refused):
        await remembering.identify({**headers, b"user-agent": FIREFOX.encode()}, clock.now_s())


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer", "PGRST301"),
        ("Bearer ", "PGRST301"),
        ("Bearer abc", "PGRST301"),
        ("Basic dXNlcjpwYXNz", "PGRST301"),
        ("Bearer a.b.c", "PGRST301"),
        ("Bearer é.é.é", "PGRST301"),
    ],
)
async def test_what_is_no_token_is_refused(process, header, code):
    assert await refused(process, authorization=header) == (401, code)
    key = process.api_keys.publishable
    assert await refused(process, apikey=key, authorization=header) == (401, code)


async def test_a_strangers_signature_is_refused(process):
    forged = jwt.mint({"role": "service_role"}, jwt.generate(), clock.now_s(), 60)
    assert await refused(process, authorization=f"Bearer {forged}") == (401, "PGRST301")
    assert await refused(process, apikey=forged) == (401, "PGRST301")


async def test_a_token_that_has_expired_is_refused_although_it_is_remembered(process):
    now_s = clock.now_s()
    headers = {b"authorization": b"Bearer " + user_token(process, ttl_s=10, now_s=now_s).encode()}
    remembering = Callers(process)
    assert (await remembering.identify(headers, now_s)).user == USER
    with pytest.raises(Refused) as caught:
        await remembering.identify(headers, now_s + 10 + jwt.LEEWAY_S + 1)
    assert caught.value.refusal.code == "PGRST303"


async def test_beside_a_key_a_token_expires_all_the_same(process):
    now_s = clock.now_s()
    token = user_token(process, ttl_s=10, now_s=now_s)
    key = process.api_keys.publishable.encode()
    headers = {b"apikey": key, b"authorization": f"Bearer {token}".encode()}
    remembering = Callers(process)
    first = await remembering.identify(headers, now_s)
    last_s = now_s + 10 + jwt.LEEWAY_S
    assert last_s < now_s + callers.REMEMBER_S
    assert await remembering.identify(headers, last_s) is first
    with pytest.raises(Refused) as caught:
        await remembering.identify(headers, last_s + 1)
    assert caught.value.refusal.code == "PGRST303"


async def test_a_known_caller_is_not_verified_again(process, monkeypatch):
    remembering, now_s = Callers(process), clock.now_s()
    headers = {b"authorization": b"Bearer " + user_token(process).encode()}
    first = await remembering.identify(headers, now_s)
    assert await remembering.identify(headers, now_s + 1) is first


async def test_memory_of_callers_is_bounded(process, monkeypatch):
    monkeypatch.setattr(callers, "CALLERS_MAX", 3)
    remembering, now_s = Callers(process), clock.now_s()
    for number in range(6):
        token = user_token(process, session_id=str(number))
        await remembering.identify({b"authorization": f"Bearer {token}".encode()}, now_s)
    assert len(remembering._seen) == 3


def test_repeated_headers_are_joined():
    pairs = [(b"prefer", b"count=exact"), (b"accept", b"*/*"), (b"prefer", b"tx=rollback")]
    assert headers_of(pairs) == {b"prefer": b"count=exact, tx=rollback", b"accept": b"*/*"}


async def test_a_challenge_names_what_is_wrong_with_the_token(process):
    with pytest.raises(Refused) as caught:
        await found(process, authorization=f"Bearer {user_token(process, now_s=1)}")
    said = challenge(caught.value.refusal)
    assert said == 'Bearer error="invalid_token", error_description="JWT expired"'
    with pytest.raises(Refused) as caught:
        await found(process, apikey="sb_x")
    assert challenge(caught.value.refusal) == "Bearer"


async def test_a_route_knows_the_same_callers(api, place):
    async def code(key: str) -> str:
        answer = await api.post("/api/challenges", json={}, headers={"apikey": key})
        return answer.json()["code"]

    assert await code("sb_secret_x") == "api_key_unknown"
    assert await code(place.runtime.api_keys.publishable) == "subject_missing"
