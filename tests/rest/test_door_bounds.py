"""The data door under load and in trouble: nobody takes all of it, and every end is an answer."""

from __future__ import annotations

import asyncio
import threading

import asyncpg
import pytest

from agon.kernel import clock, jwt
from agon.kernel.errors import refuse
from agon.rest import desk, door, payload, turns
from agon.rest.schema_cache import SchemaCache
from tests.rest.cinema import get, ids, no, service, user
from tests.rest.doors import served

PATIENT = {"AGON_STATEMENT_MS_ANON": "20000", "AGON_STATEMENT_MS_AUTHENTICATED": "20000"}
HELD = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4242"


async def holding(films, number: int) -> None:
    """Wait until so many statements of `hold` are under way: one sleeps, the others wait for it."""
    for _ in range(500):
        if await films.owner.fetchval(HELD) == number:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited for nothing")


async def stop(tasks: list[asyncio.Task]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


# One caller and the others.


@pytest.mark.parametrize("greedy", ["anon", "user", "key"])
async def test_one_caller_does_not_take_every_connection(films, greedy):
    async with served(films, AGON_REST_CONNECTIONS="4", **PATIENT) as api:
        key = {"apikey": api.process.api_keys.publishable}
        headers = {"anon": {}, "user": user(api), "key": key}[greedy]
        hold = {"seconds": 15}
        tasks = [
            asyncio.create_task(api.post("/rest/v1/rpc/hold", json=hold, headers=headers))
            for _ in range(8)
        ]
        await holding(films, 2)
        assert (await get(api, "/films?limit=1", **user(api, "bob"))).status_code == 200
        await holding(films, 2)
        assert not any(task.done() for task in tasks)
        await stop(tasks)
        await holding(films, 0)
        assert (await get(api, "/films?limit=1", **headers)).status_code == 200


async def test_who_sends_a_few_at_once_gets_every_answer(films):
    async with served(films, AGON_REST_CONNECTIONS="2") as api:
        answers = await asyncio.gather(*(get(api, f"/films?id=eq.{n}") for n in range(1, 11)))
        assert [answer.json()[0]["id"] for answer in answers] == list(range(1, 11))


async def test_who_sends_too_many_at_once_is_told(films, monkeypatch):
    monkeypatch.setattr(turns, "WAITING_MAX", 1)
    async with served(films, AGON_REST_CONNECTIONS="2", **PATIENT) as api:
        hold = {"seconds": 15}
        tasks = [asyncio.create_task(api.post("/rest/v1/rpc/hold", json=hold)) for _ in range(2)]
        await holding(films, 1)
        refused = await get(api, "/films")
        assert no(refused) == (429, "too_many_at_once")
        assert refused.headers["retry-after"] == "1"
        await stop(tasks)


async def test_service_role_may_use_all_its_connections(films):
    async with served(films, AGON_REST_CONNECTIONS="2") as api:
        hold, own = {"seconds": 15}, service(api)
        tasks = [
            asyncio.create_task(api.post("/rest/v1/rpc/hold", json=hold, headers=own))
            for _ in range(2)
        ]
        await holding(films, 2)
        await stop(tasks)


@pytest.mark.parametrize("sent", ["a token of a stranger", "an expired token", "an unknown key"])
async def test_what_does_not_hold_is_counted_too(films, sent):
    async with served(films, AGON_REQUESTS_PER_S_ADDRESS="1") as api:
        own, claims = api.process.jwt_keys[0], {"sub": ids("ada"), "role": "authenticated"}
        headers = {
            "a token of a stranger": {
                "authorization": f"Bearer {jwt.mint(claims, jwt.generate(), clock.now_s(), 60)}"
            },
            "an expired token": {
                "authorization": f"Bearer {jwt.mint(claims, own, 1_600_000_000, 60)}"
            },
            "an unknown key": {"apikey": "sb_secret_" + "0" * 32},
        }[sent]
        answers = [await get(api, "/films", **headers) for _ in range(12)]
        assert answers[0].status_code == 401
        assert no(answers[-1]) == (429, "rate_limited")
        assert answers[-1].headers["retry-after"] == "1"
        assert no(await get(api, "/films")) == (429, "rate_limited"), "the address is one"
        assert (await get(api, "/films", **user(api))).status_code == 200, "who is known goes on"


# Large payloads.


@pytest.mark.parametrize("size", ["small", "large"])
async def test_large_payloads_are_read_beside_the_loop(door, monkeypatch, size):
    threads = []

    def read(*arguments, **named):
        threads.append(threading.current_thread())
        return whole(*arguments, **named)

    whole = payload.read
    monkeypatch.setattr(payload, "read", read)
    title = "x" * (desk.LARGE_BYTES_MIN if size == "large" else 10)
    for number in (700, 701):
        row = {"id": number, "title": title}
        made = await door.post("/rest/v1/films", json=row, headers=service(door))
        assert made.status_code == 201
    beside = [thread is not threading.main_thread() for thread in threads]
    assert beside == [size == "large"] * 2
    refused = await door.post("/rest/v1/films", content="[" + title, headers=service(door))
    assert no(refused) == (400, "PGRST102")


# Trouble.


@pytest.mark.parametrize(
    "trouble",
    [
        asyncpg.ConnectionDoesNotExistError("closed"),
        asyncpg.InterfaceError("closed"),
        ConnectionRefusedError("nobody"),
        TimeoutError(),
        refuse("database_unreachable", "Gone.", status=503),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_name_that_cannot_be_looked_for_again_is_not_there(door, monkeypatch, trouble):
    async def miss(*_):
        raise trouble

    monkeypatch.setattr(SchemaCache, "miss", miss)
    assert no(await get(door, "/film")) == (404, "PGRST205")


async def test_a_surprise_is_an_answer_like_others(door, monkeypatch):
    def read(*_):
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("agon.rest.door.read", read)
    answer = await get(door, "/films", origin="https://app.example")
    assert no(answer) == (500, "internal_error")
    assert "secret" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"].startswith("application/json")


async def test_a_surprise_is_logged(films, monkeypatch):
    logged = []

    def read(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(door, "read", read)
    monkeypatch.setattr(door.log, "error", lambda event, **facts: logged.append((event, facts)))
    async with served(films) as api:
        await get(api, "/films")
    ((event, facts),) = logged
    assert (event, facts["path"]) == ("request.failed", "/rest/v1/films")
    assert isinstance(facts["exc_info"], ZeroDivisionError)


# The schema changes under prepared statements.


async def test_a_prepared_statement_takes_a_columns_new_type(films):
    await films.owner.execute(
        "create table public.counts (n int); insert into public.counts values (1);"
        "create view public.shown with (security_invoker) as select n from public.counts;"
        "grant select on public.counts, public.shown to anon"
    )
    async with served(films, AGON_REST_CONNECTIONS="1") as api:
        for path in ("/counts?n=eq.1", "/shown?n=eq.1"):
            assert (await get(api, path)).json() == [{"n": 1}]
        await films.owner.execute(
            "drop view public.shown; alter table public.counts alter n type text using 'one';"
            "create view public.shown with (security_invoker) as select n, 2 as m from"
            " public.counts; grant select on public.shown to anon;"
            "create table public.fresh (id int); grant select on public.fresh to anon"
        )
        # A name that is missing has the schema read again.
        assert (await get(api, "/fresh")).json() == []
        assert (await get(api, "/counts?n=eq.one")).json() == [{"n": "one"}]
        assert (await get(api, "/shown?n=eq.one")).json() == [{"n": "one", "m": 2}]
