"""A process's keys: whose tokens hold, and where its secrets lie."""

from __future__ import annotations

import stat

import pytest
from aiohttp import web

from agon.kernel import clock, jwt, runtime
from agon.kernel.errors import Refused
from agon.systems import SYSTEMS
from tests.standins.server import serve

SECRET = "a secret of more than thirty-two bytes"
CLAIMS = {"role": "authenticated", "sub": "00000000-0000-4000-8000-000000000001"}


def begun(folder, **environ: str) -> runtime.Runtime:
    return runtime.begin(
        SYSTEMS, environ={"AGON_HOME": str(folder), "AGON_LOG_LEVEL": "error", **environ},
        folder=folder,
    )  # fmt: skip


def token(key: jwt.Key, **claims: object) -> str:
    return jwt.mint({**CLAIMS, **claims}, key, clock.now_s(), 60)


async def test_our_own_key_is_made_once_and_closed_to_others(tmp_path):
    first, second = begun(tmp_path), begun(tmp_path)
    assert first.jwt_keys[0].kid == second.jwt_keys[0].kid
    assert list(first.sealing_keys) == list(second.sealing_keys)
    for path in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    claims = await first.verify_token(token(second.jwt_keys[0]), clock.now_s())
    assert claims["sub"] == CLAIMS["sub"]


async def test_a_shared_secret_signs_instead(tmp_path):
    at = begun(tmp_path, AGON_JWT_SECRET=SECRET)
    assert await at.verify_token(token(jwt.secret_key(SECRET)), clock.now_s())
    with pytest.raises(Refused):
        await at.verify_token(token(jwt.secret_key(SECRET[::-1])), clock.now_s())


async def test_another_issuers_keys_are_learned_and_not_asked_for_each_time(tmp_path):
    theirs = jwt.generate()

    async def document(_request: web.Request) -> web.Response:
        return web.json_response(jwt.jwks([theirs]))

    async with serve({"GET /jwks": document}) as issuer:
        at = begun(
            tmp_path, AGON_JWKS_URL=issuer.url + "/jwks",
            AGON_OUTBOUND_ALLOW="{}:{}".format(*issuer.address),
        )  # fmt: skip
        now_s = clock.now_s()
        assert await at.verify_token(token(theirs), now_s)
        assert await at.verify_token(token(at.jwt_keys[0]), now_s), "our own still holds"
        for _ in range(3):
            with pytest.raises(Refused):
                await at.verify_token(token(jwt.generate()), now_s)
        assert issuer.paths() == ["/jwks"]


@pytest.mark.parametrize(
    "body",
    ["no JSON", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "x"}]}', None, 500],
)
async def test_an_issuer_without_keys_is_not_the_callers_mistake(tmp_path, body):
    async def document(_request: web.Request) -> web.Response:
        return web.Response(text=str(body), status=500 if body == 500 else 200)

    routes = {} if body is None else {"GET /jwks": document}
    async with serve(routes) as issuer:
        at = begun(
            tmp_path, AGON_JWKS_URL=issuer.url + "/jwks",
            AGON_OUTBOUND_ALLOW="{}:{}".format(*issuer.address),
        )  # fmt: skip
        now_s = clock.now_s()
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await at.verify_token(token(jwt.generate()), now_s)
            assert (caught.value.refusal.code, caught.value.refusal.status) == ("PGRST301", 401)
        assert await at.verify_token(token(at.jwt_keys[0]), now_s), "our own still holds"


async def test_an_issuer_that_is_away_is_not_the_callers_mistake(tmp_path):
    async with serve({}) as issuer:
        url, address = issuer.url + "/jwks", issuer.address
    at = begun(
        tmp_path, AGON_JWKS_URL=url, AGON_OUTBOUND_ALLOW="{}:{}".format(*address)
    )  # fmt: skip
    with pytest.raises(Refused) as caught:
        await at.verify_token(token(jwt.generate()), clock.now_s())
    assert (caught.value.refusal.code, caught.value.refusal.status) == ("PGRST301", 401)


async def test_keys_are_sought_for_signatures_alone(tmp_path):
    async def document(_request: web.Request) -> web.Response:
        return web.json_response(jwt.jwks([jwt.generate()]))

    async with serve({"GET /jwks": document}) as issuer:
        at = begun(
            tmp_path, AGON_JWKS_URL=issuer.url + "/jwks",
            AGON_OUTBOUND_ALLOW="{}:{}".format(*issuer.address),
        )  # fmt: skip
        expired = jwt.mint(CLAIMS, at.jwt_keys[0], 1_600_000_000, 60)
        with pytest.raises(Refused) as caught:
            await at.verify_token(expired, clock.now_s())
        assert caught.value.refusal.code == "PGRST303"
        assert issuer.paths() == []


async def test_the_issuer_is_demanded_where_it_is_set(tmp_path):
    at = begun(tmp_path, AGON_JWT_ISSUER="https://agon.example")
    key = at.jwt_keys[0]
    assert await at.verify_token(token(key, iss="https://agon.example"), clock.now_s())
    with pytest.raises(Refused):
        await at.verify_token(token(key, iss="https://elsewhere.example"), clock.now_s())


@pytest.mark.parametrize("value", ["localhost", "host:port", ":80"])
def test_a_wrong_exemption_is_a_mistake_in_the_configuration(tmp_path, value):
    with pytest.raises(Refused) as refused:
        begun(tmp_path, AGON_OUTBOUND_ALLOW=value).outbound()
    assert refused.value.refusal.code == "configuration_wrong"


def test_another_database_needs_the_login_secret(tmp_path):
    at = begun(tmp_path, AGON_DATABASE_URL="postgresql://owner:pw@db.example:5432/agon")
    with pytest.raises(Refused) as refused:
        _ = at.urls
    assert refused.value.refusal.code == "login_secret_missing"


def test_the_logins_of_another_database_follow_from_the_secret(tmp_path):
    environ = {
        "AGON_DATABASE_URL": "postgresql://owner:pw@db.example:5432/agon?sslmode=require",
        "AGON_DATABASE_LOGIN_SECRET": "s",
    }
    first, second = begun(tmp_path, **environ).urls, begun(tmp_path, **environ).urls
    assert first == second
    assert first["agon_web"].startswith("postgresql://agon_web:")
    assert first["agon_web"].endswith("@db.example:5432/agon?sslmode=require")
    passwords = {url.split(":")[2].split("@")[0] for url in first.values()}
    assert len(passwords) == 4
