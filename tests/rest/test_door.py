"""The data door over HTTP: who asks, what for, and how it is left."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agon.kernel import jwt
from agon.rest import arriving
from tests.places import Place
from tests.rest.cinema import get, ids, no, service, user
from tests.rest.doors import served

# Who asks.


async def test_everybody_reads_what_his_role_may(door):
    assert len((await get(door, "/films")).json()) == 10
    assert (await get(door, "/films", **user(door))).json() == []
    assert len((await get(door, "/films", **service(door))).json()) == 20


async def test_a_row_belongs_to_who_inserted_it(door):
    row = {"id": 100, "title": "own"}
    made = await door.post("/rest/v1/films", json=row, headers=user(door))
    assert (made.status_code, made.content) == (201, b"")
    assert [row["id"] for row in (await get(door, "/films", **user(door))).json()] == [100]
    assert (await get(door, "/films", **user(door, "bob"))).json() == []
    stolen = {"id": 101, "title": "x", "owner": ids("bob")}
    refused = await door.post("/rest/v1/films", json=stolen, headers=user(door))
    assert no(refused) == (403, "42501")


async def test_a_stranger_is_asked_to_sign_in(door):
    refused = await door.post("/rest/v1/films", json={"id": 1, "title": "x"})
    assert no(refused) == (401, "42501")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_functions_see_who_asks_and_how(door):
    said = (await get(door, "/rpc/whoami", **user(door), cookie="a=b; c=d=e", prefer="")).json()
    assert (said["role"], said["session"], said["sub"]) == (
        "authenticated", "agon_web", ids("ada"),
    )  # fmt: skip
    assert said["claims"]["sub"] == ids("ada")
    assert (said["method"], said["path"]) == ("GET", "/rpc/whoami")
    assert said["headers"]["user-agent"].startswith("python-httpx")
    assert "cookie" not in said["headers"]
    assert said["cookies"] == {"a": "b", "c": "d=e"}
    assert said["search_path"] == '"public", "extensions"'
    assert (said["read_only"], said["timeout"], said["zone"]) == ("on", "8s", "UTC")


async def test_without_a_key_the_claims_are_anons(door):
    said = (await get(door, "/rpc/whoami")).json()
    assert (said["role"], said["claims"], said["sub"]) == ("anon", {"role": "anon"}, None)
    assert (said["cookies"], said["timeout"]) == ({}, "3s")


async def test_service_role_has_connections_of_its_own(door):
    said = (await get(door, "/rpc/whoami", **service(door))).json()
    assert (said["role"], said["session"]) == ("service_role", "agon_service")
    for headers in ({}, user(door)):
        for wanted in ("service_role", "agon_owner", "agon_worker"):
            body = {"wanted": wanted}
            refused = await door.post("/rest/v1/rpc/become", json=body, headers=headers)
            assert refused.status_code in (401, 403)


async def test_nothing_of_a_request_is_left_for_the_next(films):
    async with served(films, AGON_REST_CONNECTIONS="1") as api:
        requests = [
            get(api, "/rpc/whoami", **user(api)),
            get(api, "/films?id=eq.x", **user(api)),
            api.post("/rest/v1/rpc/refuse_all", headers=user(api)),
            api.post("/rest/v1/rpc/become", json={"wanted": "authenticated"}, headers=user(api)),
        ]
        for request in requests:
            await request
            said = (await get(api, "/rpc/whoami")).json()
            assert (said["role"], said["claims"]) == ("anon", {"role": "anon"})


async def test_a_token_that_does_not_hold_is_challenged(door):
    said = {"sub": ids("ada"), "role": "authenticated"}
    expired = jwt.mint(said, door.process.jwt_keys[0], 1_600_000_000, 60)
    refused = await get(door, "/films", authorization=f"Bearer {expired}")
    assert no(refused) == (401, "PGRST303")
    assert refused.headers["www-authenticate"] == (
        'Bearer error="invalid_token", error_description="JWT expired"'
    )
    assert no(await get(door, "/films", apikey="sb_publishable_other")) == (401, "api_key_unknown")


# Paths and methods.


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "PGRST126"),
        ("GET", "", 404, "PGRST126"),
        ("PATCH", "/", 405, "PGRST117"),
        ("GET", "/films/1", 404, "PGRST125"),
        ("GET", "/rpc/", 404, "PGRST125"),
        ("GET", "/rpc/a/b", 404, "PGRST125"),
        ("GET", "/film", 404, "PGRST205"),
        ("GET", "/films%00", 404, "PGRST205"),
        ("GET", "/rpc/who_am_i", 404, "PGRST202"),
        ("TRACE", "/films", 405, "PGRST117"),
        ("PROPFIND", "/films", 405, "PGRST117"),
        ("PATCH", "/rpc/whoami", 405, "PGRST101"),
        ("DELETE", "/rpc/whoami", 405, "PGRST101"),
        ("OPTIONS", "/film", 404, "PGRST205"),
        ("OPTIONS", "/rpc/who_am_i", 404, "PGRST202"),
        ("GET", "/films?id=eqq.1", 400, "PGRST100"),
        ("GET", "/films?id=eq.%ff", 400, "PGRST100"),
        ("GET", "/films?id=eq.%00", 400, "PGRST100"),
        ("GET", "/films?limit=-1", 416, "PGRST103"),
    ],
)
async def test_what_is_not_there_is_refused_by_its_code(door, method, path, status, code):
    answer = await door.request(method, f"/rest/v1{path}", headers=service(door))
    assert no(answer) == (status, code)


async def test_a_near_miss_is_hinted_at(door):
    answer = await get(door, "/film")
    assert answer.json()["hint"] == "Perhaps you meant the table 'public.films'"


async def test_options_say_what_can_be_done(door):
    table = await door.options("/rest/v1/films")
    assert (table.status_code, table.headers["allow"]) == (
        200, "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE",
    )  # fmt: skip
    assert (await door.options("/rest/v1/rpc/whoami")).headers["allow"] == "OPTIONS,GET,HEAD,POST"
    assert (await door.options("/rest/v1/rpc/sleep")).headers["allow"] == "OPTIONS,POST"
    assert (await door.options("/rest/v1/")).headers["allow"] == "OPTIONS,GET,HEAD,POST"


async def test_a_browser_of_any_origin_may_ask(door):
    origin = {"origin": "https://app.example"}
    asked = {**origin, "access-control-request-method": "PATCH"}
    asked["access-control-request-headers"] = "apikey, prefer"
    allowed = await door.options("/rest/v1/films", headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in allowed.headers["access-control-allow-methods"]
    assert allowed.headers["access-control-allow-headers"] == "Authorization, apikey, prefer"
    for path in ("/films", "/no_such_table"):
        answer = await get(door, path, **origin)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Content-Range" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in (await get(door, "/films")).headers


async def test_paths_beside_the_door_are_the_routes(door):
    assert (await door.get("/healthz")).json() == {"status": "ok"}
    assert (await door.get("/rest/v1x")).json()["code"] == "path_unknown"


async def test_requests_are_measured_under_the_doors_prefix(door):
    async def counted() -> float:
        wanted = 'agon_requests_total{method="GET",path="/rest/v1",status="404"} '
        lines = (await door.get("/metrics")).text.splitlines()
        return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))

    before = await counted()
    await get(door, "/no_such_table")
    assert await counted() == before + 1


# Functions.


async def test_get_never_writes(door):
    refused = await get(door, "/rpc/add_film?film=500", **service(door))
    assert no(refused) == (405, "25006")
    made = await door.post("/rest/v1/rpc/add_film", json={"film": 500}, headers=service(door))
    assert (made.status_code, made.json()) == (200, 500)


async def test_a_function_chooses_status_and_headers(door):
    answer = await door.post("/rest/v1/rpc/teapot")
    assert (answer.status_code, answer.headers["x-tea"], answer.json()) == (418, "green", "tea")


async def test_a_refusal_of_ours_keeps_its_four_parts(door):
    answer = await door.post("/rest/v1/rpc/refuse_all")
    assert answer.status_code == 409
    assert answer.json() == {
        "code": "PT409",
        "details": "films_closed",
        "hint": "Come back tomorrow.",
        "message": "No more films.",
    }


async def test_a_known_time_zone_is_used_and_an_unknown_one_is_not(door):
    known = await get(door, "/rpc/whoami", prefer="timezone=America/Lima")
    assert known.json()["zone"] == "America/Lima"
    assert known.headers["preference-applied"] == "timezone=America/Lima"
    unknown = await get(door, "/rpc/whoami", prefer="timezone=Mars/Olympus")
    assert unknown.json()["zone"] == "UTC"
    assert "preference-applied" not in unknown.headers


# The schema, and clients that go.


async def test_a_table_that_was_just_made_is_found(door, films):
    await films.owner.execute(
        "create table public.fresh (id int); grant select on public.fresh to anon"
    )
    assert (await get(door, "/fresh")).json() == []


async def test_a_column_that_was_just_made_is_found(door, films):
    assert len((await get(door, "/films?limit=1", **service(door))).json()[0]) == 3
    await films.owner.execute("alter table public.films add column year int")
    headers = {**service(door), "prefer": "return=representation"}
    row = {"id": 600, "title": "x", "year": 1999}
    made = await door.post("/rest/v1/films?select=year", json=row, headers=headers)
    assert made.json() == [{"year": 1999}]


async def until(films: Place, held: bool) -> None:
    """Wait until a statement of `hold` runs, or none does."""
    holding = "select exists (select from pg_locks where locktype = 'advisory' and objid = 4242)"
    for _ in range(500):
        if await films.owner.fetchval(holding) == held:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited for nothing")


async def test_a_client_that_goes_away_takes_its_statement_along(films, monkeypatch):
    monkeypatch.setattr(arriving, "WATCH_AFTER_S", 0.02)
    async with served(films, AGON_STATEMENT_MS_ANON="20000", AGON_REST_CONNECTIONS="1") as api:
        gone, sent = asyncio.Event(), []
        body = json.dumps({"seconds": 15}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/rest/v1/rpc/hold", "query_string": b"",
            "headers": [(b"content-type", b"application/json")], "client": ("127.0.0.1", 1),
        }  # fmt: skip
        request = asyncio.create_task(api.app(scope, receive, send))
        async with asyncio.timeout(10):
            await until(films, held=True)
            gone.set()
            await request
            assert sent == []
            await until(films, held=False)
            # The only connection is free again.
            assert len((await get(api, "/films")).json()) == 10


async def test_a_client_that_goes_away_while_it_sends_is_left_alone(door):
    messages = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b'{"id":', "more_body": True},
    ]
    sent = []

    async def receive() -> dict[str, Any]:
        return messages.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/rest/v1/films", "query_string": b"",
        "headers": [], "client": None,
    }  # fmt: skip
    await door.app(scope, receive, send)
    assert sent == []
