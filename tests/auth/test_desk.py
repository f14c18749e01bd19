"""Who may come to which desk: keys alone, tokens that hold no more, and too many requests."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from agon.app import serve
from agon.kernel import clock, jwt
from tests.auth.doors import opened
from tests.auth.test_flows import PKCE
from tests.auth.visitors import PASSWORD, bearer, refused, signed_up

ADA = "ada@example.org"
HOUR_S = 3600
GITHUB = {"AGON_GITHUB_CLIENT_ID": "7", "AGON_GITHUB_CLIENT_SECRET": "hush"}


def expired(place, session) -> dict[str, str]:
    """The header that a client sends whose token ran out an hour ago."""
    claims = jwt.verify(session["access_token"], place.runtime.jwt_keys, clock.now_s())
    bare = {name: value for name, value in claims.items() if name not in ("iat", "exp")}
    past_s = clock.now_s() - 2 * HOUR_S
    return bearer(jwt.mint(bare, place.runtime.jwt_keys[0], past_s, HOUR_S))


async def test_an_expired_token_is_renewed_beside_itself(door, place):
    session = await signed_up(door)
    late = expired(place, session)
    body = {"refresh_token": session["refresh_token"]}
    answer = await door.post("/token?grant_type=refresh_token", json=body, headers=late)
    assert answer.status_code == 200, answer.text
    assert (await door.get("/user", headers=bearer(answer.json()))).status_code == 200


@pytest.mark.parametrize("token", ["expired", "x.y.z", "nonsense"])
async def test_a_token_that_does_not_hold_keeps_nobody_from_signing_in(door, place, token):
    session = await signed_up(door, ADA)
    late = expired(place, session) if token == "expired" else bearer(token)
    late["apikey"] = place.runtime.api_keys.publishable
    body = {"email": ADA, "password": PASSWORD}
    for path, sent in (
        ("/token?grant_type=password", body),
        ("/signup", {"email": "new@example.org", "password": PASSWORD}),
        ("/otp", {"email": "other@example.org"}),
        ("/recover", {"email": "third@example.org"}),
    ):
        answer = await door.post(path, json=sent, headers=late)
        assert answer.status_code == 200, (path, answer.text)


async def test_where_somebody_is_needed_a_token_has_to_hold(door, place):
    session = await signed_up(door)
    late = expired(place, session)
    for method, path in (("GET", "/user"), ("PUT", "/user"), ("POST", "/logout"),
                         ("GET", "/user/wallets"), ("GET", "/admin/users")):  # fmt: skip
        refused(await door.request(method, path, headers=late), 403, "bad_jwt")


async def test_a_token_that_does_not_hold_is_no_ones(door, place):
    """Nor does it leave the invitation of the service to anybody."""
    late = expired(place, await signed_up(door))
    answer = await door.post("/invite", json={"email": "new@example.org"}, headers=late)
    refused(answer, 403, "not_admin")


async def test_a_key_that_is_not_ours_is_refused_at_every_desk(door):
    wrong = {"apikey": "sb_publishable_" + "x" * 32}
    answer = await door.post("/otp", json={"email": ADA}, headers=wrong)
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_unknown")
    forged = {"apikey": "a.b.c", **bearer("d.e.f")}
    refused(await door.post("/otp", json={"email": ADA}, headers=forged), 403, "bad_jwt")


async def test_the_secret_key_alone_is_the_service(door, place):
    only = {"apikey": place.runtime.api_keys.secret}
    assert (await door.get("/admin/users", headers=only)).status_code == 200
    body = {"email": ADA, "password": PASSWORD}
    assert (await door.post("/admin/users", json=body, headers=only)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"apikey": "publishable"}])
async def test_nobody_is_no_member(door, place, headers):
    sent = {name: place.runtime.api_keys.publishable for name in headers}
    for path in ("/user", "/admin/users", "/user/wallets"):
        refused(await door.get(path, headers=sent), 401, "no_authorization")


async def test_requests_are_limited_by_network_and_by_user(server, tmp_path):
    rates = {"AGON_AUTH_REQUESTS_PER_S_ADDRESS": "1", "AGON_AUTH_REQUESTS_PER_S_USER": "1"}
    async with opened(server, tmp_path, "agon_auth_rates", **rates) as there:
        door = there.visitor()
        session = await signed_up(door)
        answers = [await door.get("/settings") for _ in range(6)]
        late = next(answer for answer in answers if answer.status_code != 200)
        refused(late, 429, "over_request_rate_limit")
        assert int(late.headers["Retry-After"]) >= 1
        mine = [await door.get("/user", headers=bearer(session)) for _ in range(7)]
        assert [answer.status_code for answer in mine][:5] == [200] * 5
        assert mine[-1].status_code == 429
        assert (await there.visitor("10.0.0.2").get("/settings")).status_code == 200


async def test_leaving_for_a_provider_is_limited_too(server, tmp_path):
    few = {"AGON_AUTH_REQUESTS_PER_S_ADDRESS": "1"}
    async with opened(server, tmp_path, "agon_auth_flood", **few, **GITHUB) as there:
        door = there.visitor()
        answers = [await door.get("/authorize?provider=github") for _ in range(20)]
        assert {answer.status_code for answer in answers} == {302, 429}
        assert await there.place.owner.fetchval("select count(*) from agon.flow_states") < 10


async def test_sign_ins_that_nobody_came_back_from_are_forgotten(server, tmp_path):
    async with opened(server, tmp_path, "agon_auth_left", **GITHUB) as there:
        door, owner = there.visitor(), there.place.owner
        for _ in range(5):
            await door.get("/authorize?provider=github")
        await door.post("/otp", json={"email": ADA, **PKCE})
        past = "update agon.flow_states set created_at = created_at - interval '16 minutes'"
        await owner.execute(past)
        await door.get("/authorize?provider=github")
        rows = await owner.fetch("select provider from agon.flow_states order by 1")
        assert [row["provider"] for row in rows] == ["email", "github"]


@pytest.mark.parametrize("path", ["/nothing", "/user/nothing", "", "/"])
async def test_a_path_that_is_not_here_is_refused_in_the_clients_shape(door, path):
    refused(await door.get(path), 404, "not_found")
    answer = await door.post(path, json={}, headers={"X-Supabase-Api-Version": ""})
    assert answer.status_code == 404


@pytest.mark.parametrize(("method", "path"), [("GET", "/token"), ("DELETE", "/user"),
                                              ("PATCH", "/signup")])  # fmt: skip
async def test_another_method_is_refused_in_the_clients_shape(door, method, path):
    refused(await door.request(method, path), 405, "method_not_allowed")


async def test_without_a_version_a_refusal_has_the_old_shape(place):
    app = serve(place.runtime, work=False)
    app.state.database, app.state.processes = place.database, None
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://agon.test") as old:
        answer = await old.get("/auth/v1/nothing")
        assert answer.json()["error_code"] == "not_found"
        elsewhere = await old.get("/nothing")
        assert elsewhere.json()["code"] == "path_unknown"


async def test_metadata_fits_into_a_token(door, place):
    session = await signed_up(door)
    note = "日" * 1350
    answer = await door.put("/user", json={"data": {"note": note}}, headers=bearer(session))
    assert answer.status_code == 200, answer.text
    body = {"email": "ada@example.org", "password": PASSWORD}
    assert (await door.post("/token?grant_type=password", json=body)).status_code == 200
    for data in ({"note": note, "more": "x" * 100}, {"x": "é" * 2100}, {"n": [1e300] * 14}):
        answer = await door.put("/user", json={"data": data}, headers=bearer(session))
        refused(answer, 400, "validation_failed")
    assert (await door.get("/user", headers=bearer(session))).json()["user_metadata"] == {
        "note": note
    }


async def test_metadata_that_is_refused_is_refused_for_every_address(gate, strict):
    """Known or not: else its size would tell."""
    await gate.post("/otp", json={"email": ADA})
    for data in ({"x": "y" * 5000}, {"n": [1e300] * 14}):
        for email in (ADA, "nobody@example.org"):
            answer = await gate.post("/otp", json={"email": email, "data": data})
            refused(answer, 400, "validation_failed")


async def test_everything_at_its_bound_still_makes_a_token_that_holds(server, tmp_path):
    """Both metadata, roles and permissions, a long address, a long issuer."""
    issuer = "https://" + "a" * 240 + ".example/auth/v1"
    email = "a" * 60 + "@" + ".".join(["b" * 60] * 3) + ".example"
    opening = opened(server, tmp_path, "agon_auth_bound", AGON_JWT_ISSUER=issuer)
    async with opening as there:
        door, owner = there.visitor(), there.place.owner
        session = await signed_up(door, email)
        for column in ("raw_user_meta_data", "raw_app_meta_data"):
            await fill(owner, column)
        await owner.execute(
            "insert into public.role_permissions select 'judge', repeat('p', 100) || n "
            "from generate_series(100, 122) n"
        )
        give = "insert into public.user_roles values ($1::uuid, 'judge')"
        await owner.execute(give, session["user"]["id"])
        body = {"email": email, "password": PASSWORD}
        again = await door.post("/token?grant_type=password", json=body)
        assert again.status_code == 200, again.text
        token = again.json()["access_token"]
        assert 14_000 < len(token) < jwt.TOKEN_BYTES_MAX
        assert (await door.get("/user", headers=bearer(token))).status_code == 200
        assert len(again.json()["user"]["app_metadata"]["permissions"]) == 23


async def fill(owner, column) -> None:
    """Metadata of as many bytes as it may have, of signs that are longest when they are escaped."""
    room = await owner.fetchval(
        f'select 4096 - octet_length(({column} || \'{{"note": ""}}\')::text) from auth.users'
    )
    signs = "é" * (room // 2) + "x" * (room % 2)
    noted = f"{column} || jsonb_build_object('note', $1::text)"
    await owner.execute(f"update auth.users set {column} = {noted}", signs)
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(f"update auth.users set {column} = {noted}", signs + "x")
