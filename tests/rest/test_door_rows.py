"""The data door over HTTP: which rows are answered, and what bounds a request."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.rest.cinema import get, no, service, user
from tests.rest.doors import served

# Rows.


@pytest.mark.parametrize(
    ("count", "status", "said"),
    [("exact", 206, "0-4/20"), ("estimated", 206, "0-4/20"), (None, 200, "0-4/*")],
)
async def test_rows_are_counted_when_asked(door, count, status, said):
    headers = {**service(door), **({"prefer": f"count={count}"} if count else {})}
    answer = await get(door, "/films?select=id&limit=5", **headers)
    assert (answer.status_code, answer.headers["content-range"]) == (status, said)


async def test_a_planned_count_is_what_postgres_expects(door, films):
    await films.owner.execute("analyze public.films")
    headers = {**service(door), "prefer": "count=planned"}
    answer = await get(door, "/films?limit=1", **headers)
    assert answer.headers["content-range"] == "0-0/20"


async def test_an_offset_beyond_the_last_row_is_416(door):
    answer = await get(door, "/films?offset=50", **service(door), prefer="count=exact")
    assert no(answer) == (416, "PGRST103")
    assert answer.headers["content-range"] == "*/20"


@pytest.mark.parametrize(
    ("sent", "query", "status", "said"),
    [
        ("0-4", "", 200, "0-4/*"),
        ("15-", "", 200, "15-19/*"),
        ("0-9", "?limit=3", 200, "0-2/*"),
        ("2-9", "?limit=3&offset=1", 200, "2-3/*"),
        ("items=0-1", "", 200, "0-19/*"),
        ("9-0", "", 416, None),
        ("5-9", "?limit=3", 416, None),
        ("0-9", "?limit=0", 200, "*/*"),
    ],
)
async def test_a_range_narrows_a_read(door, sent, query, status, said):
    headers = {**service(door), "range-unit": "items", "range": sent}
    answer = await get(door, f"/films{query}", **headers)
    assert answer.status_code == status
    assert answer.headers.get("content-range") == said


async def test_a_range_is_for_get_alone(door):
    headers = {**service(door), "range": "0-4"}
    answer = await door.head("/rest/v1/films", headers=headers)
    assert answer.headers["content-range"] == "0-19/*"


async def test_rows_are_bounded(films):
    async with served(films, AGON_REST_ROWS_MAX="7") as api:
        for query in ("", "?limit=100"):
            answer = await get(api, f"/films{query}", **service(api))
            assert len(answer.json()) == 7
        assert len((await get(api, "/films?limit=3", **service(api))).json()) == 3


async def test_head_answers_without_a_body(door):
    got = await get(door, "/films?limit=2")
    headed = await door.head("/rest/v1/films?limit=2")
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["content-range"] == got.headers["content-range"]
    missing = await door.head("/rest/v1/film")
    assert (missing.status_code, missing.content) == (404, b"")


async def test_one_object_or_none(door):
    single = {**service(door), "accept": "application/vnd.pgrst.object+json"}
    answer = await get(door, "/films?id=eq.1&select=id", **single)
    assert answer.json() == {"id": 1}
    assert answer.headers["content-type"].startswith("application/vnd.pgrst.object+json")
    assert no(await get(door, "/films", **single)) == (406, "PGRST116")
    two = [{"id": 200, "title": "a"}, {"id": 201, "title": "b"}]
    refused = await door.post(
        "/rest/v1/films", json=two, headers={**single, "prefer": "return=representation"}
    )
    assert no(refused) == (406, "PGRST116")
    assert (await get(door, "/films?id=gte.200", **service(door))).json() == [], "nothing was kept"


async def test_a_schema_is_chosen_by_its_header(films):
    await films.owner.execute(
        "create schema other; grant usage on schema other to service_role;"
        "create table other.films (other int); grant select on other.films to service_role;"
        "insert into other.films values (1)"
    )
    async with served(films, AGON_REST_SCHEMAS="public, other") as api:
        first = await get(api, "/films?limit=1&select=id", **service(api))
        assert (first.json(), first.headers["content-profile"]) == ([{"id": 1}], "public")
        other = await get(api, "/films", **service(api), **{"accept-profile": "other"})
        assert (other.json(), other.headers["content-profile"]) == ([{"other": 1}], "other")
        unknown = await get(api, "/films", **service(api), **{"accept-profile": "agon"})
        assert no(unknown) == (406, "PGRST106")
        assert unknown.json()["hint"] == "Only the following schemas are exposed: public, other"


# Bounds.


async def test_statements_take_as_long_as_their_role_may(films):
    async with served(films, AGON_STATEMENT_MS_ANON="100") as api:
        late = await api.post("/rest/v1/rpc/sleep", json={"seconds": 10})
        assert no(late) == (500, "57014")
        done = await api.post("/rest/v1/rpc/sleep", json={"seconds": 0.3}, headers=service(api))
        assert (done.status_code, done.content) == (204, b"")
        own = await api.post("/rest/v1/rpc/patient", json={"seconds": 0.3})
        assert own.json() == 1, "a function's own timeout counts"


async def test_a_body_is_bounded(films):
    async with served(films, AGON_REST_BODY_BYTES_MAX="2048") as api:
        row = {"id": 300, "title": "x" * 3000}
        refused = await api.post("/rest/v1/films", json=row, headers=service(api))
        assert no(refused) == (413, "body_too_large")

        async def blocks() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b"x" * 1000

        refused = await api.post("/rest/v1/films", content=blocks(), headers=service(api))
        assert no(refused) == (413, "body_too_large")
        row["title"] = "x" * 1000
        made = await api.post("/rest/v1/films", json=row, headers=service(api))
        assert made.status_code == 201


async def test_a_long_query_is_fine(door):
    listed = ",".join(str(1_000_000 + number) for number in range(7500))
    assert len(listed) > 59_000
    answer = await get(door, f"/films?select=id&id=in.(1,{listed})")
    assert answer.json() == [{"id": 1}]
    assert "content-location" not in answer.headers


@pytest.mark.parametrize("whose", ["USER", "KEY", "ADDRESS"])
async def test_who_asks_too_often_waits(films, whose):
    async with served(films, **{f"AGON_REQUESTS_PER_S_{whose}": "1"}) as api:
        headers = {"USER": user(api), "KEY": service(api), "ADDRESS": {}}[whose]
        answers = [await get(api, "/films?limit=1", **headers) for _ in range(12)]
        assert answers[0].status_code == 200
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert no(refused[0]) == (429, "rate_limited")
        assert refused[0].headers["retry-after"] == "1"
        others = {"USER": user(api, "bob"), "KEY": {}, "ADDRESS": user(api)}[whose]
        assert (await get(api, "/films?limit=1", **others)).status_code == 200


async def test_tx_rollback_undoes_where_it_is_allowed(films):
    wish = {"prefer": "tx=rollback,return=representation"}
    row = {"id": 400, "title": "x"}
    for allowed, kept in (("true", []), ("false", [{"id": 400}])):
        async with served(films, AGON_REST_TX_ROLLBACK=allowed) as api:
            headers = {**service(api), **wish}
            made = await api.post("/rest/v1/films?select=id", json=row, headers=headers)
            assert (made.status_code, made.json()) == (201, [{"id": 400}])
            applied = made.headers["preference-applied"]
            assert ("tx=rollback" in applied) == (allowed == "true")
            found = await get(api, "/films?id=eq.400&select=id", **service(api))
            assert found.json() == kept


async def test_a_plan_is_told_where_it_is_allowed(films):
    wish = {"accept": "application/vnd.pgrst.plan+text"}
    async with served(films) as api:
        assert no(await get(api, "/films", **wish)) == (406, "PGRST107")
    async with served(films, AGON_REST_EXPLAIN="true") as api:
        answer = await get(api, "/films", **wish)
        assert answer.headers["content-type"].startswith("application/vnd.pgrst.plan+text")
        assert "Scan" in answer.text
        assert len(answer.text.splitlines()) > 1
