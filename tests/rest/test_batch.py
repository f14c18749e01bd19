"""Several requests in one transaction."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from agon.rest.batch import BATCH_TYPE, REQUESTS_MAX
from tests import places
from tests.rest import doors, films


@pytest.fixture
async def client(place: places.Place) -> AsyncIterator[httpx.AsyncClient]:
    for file in ("schema.sql", "functions.sql"):
        await place.owner.execute((films.LIBRARY / file).read_text("utf-8"))
    async with doors.served(place) as served:
        yield served


async def send(client: httpx.AsyncClient, requests: Any, **headers: str) -> httpx.Response:
    content = requests if isinstance(requests, str) else json.dumps(requests)
    return await client.post(
        "/rest/v1/", content=content, headers={"content-type": BATCH_TYPE, **headers}
    )


def insert(code: str, **more: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/stock", "body": {"code": code, **more}}


async def codes(client: httpx.AsyncClient) -> list[str]:
    rows = (await client.get("/rest/v1/stock?select=code&order=id")).json()
    return [row["code"] for row in rows]


async def test_a_batch_answers_each_request_in_its_order(client: httpx.AsyncClient) -> None:
    wanted = {"headers": {"Prefer": "return=representation"}}
    answer = await send(
        client,
        [
            insert("a") | wanted | {"path": "/stock?select=code,amount"},
            {"path": "/stock?select=code"},
            {"method": "PATCH", "path": "/stock?code=eq.a", "body": {"amount": 7}},
            {"path": "/stock?select=amount", "headers": {"Accept": "text/csv"}},
        ],
    )
    assert answer.status_code == 200
    made = answer.json()
    assert [each["status"] for each in made] == [201, 200, 204, 200]
    assert made[0]["body"] == [{"code": "a", "amount": 1}]
    assert made[1]["body"] == [{"code": "a"}]
    assert made[2]["body"] is None
    assert made[3]["body"] == "amount\n7"


@pytest.mark.parametrize(
    ("last", "status", "code"),
    [
        (insert("a"), 409, "23505"),
        ({"path": "/nowhere"}, 404, "PGRST205"),
        ({"path": "/stock?id=eqq.1"}, 400, "PGRST100"),
        ({"method": "BREW", "path": "/stock"}, 405, "PGRST117"),
        ({"path": "/stock", "headers": {"Host": "x"}}, 400, "batch_malformed"),
        ({"path": "/stock", "size": 1}, 400, "batch_malformed"),
        ({"path": 7}, 400, "batch_malformed"),
        (
            {"path": "/films", "headers": {"Accept": "application/vnd.pgrst.object+json"}},
            406,
            "PGRST116",
        ),
        ({"path": "/rpc/add_stock?new_code=z"}, 405, "25006"),
        ({"method": "POST", "path": "/rpc/fail_payment", "body": {}}, 402, "PT402"),
    ],
)
async def test_one_refusal_undoes_the_batch(
    client: httpx.AsyncClient, last: dict[str, Any], status: int, code: str
) -> None:
    answer = await send(client, [insert("a"), {"path": "/stock"}, last])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["agon-batch-request"] == "2"
    assert await codes(client) == []


async def test_a_deferred_constraint_undoes_the_batch(client: httpx.AsyncClient) -> None:
    body = {"id": "x", "partner": "nobody"}
    answer = await send(client, [insert("a"), {"method": "POST", "path": "/couples", "body": body}])
    assert (answer.status_code, answer.json()["code"]) == (409, "23503")
    assert await codes(client) == []


async def test_a_deferred_constraint_may_be_met_by_a_later_request(
    client: httpx.AsyncClient,
) -> None:
    pair = [{"id": "x", "partner": "y"}, {"id": "y", "partner": "x"}]
    answer = await send(
        client, [{"method": "POST", "path": "/couples", "body": one} for one in pair]
    )
    assert [each["status"] for each in answer.json()] == [201, 201]


async def test_requests_leave_each_other_no_settings(client: httpx.AsyncClient) -> None:
    brew = {"method": "POST", "path": "/rpc/with_headers", "body": {}}
    made = (await send(client, [brew, {"path": "/films?select=id&limit=1"}])).json()
    assert [each["status"] for each in made] == [202, 200]
    assert "x-tea" in {name.lower() for name in made[0]["headers"]}
    assert "x-tea" not in {name.lower() for name in made[1]["headers"]}


async def test_upserts_of_a_batch_count_what_is_new_each(client: httpx.AsyncClient) -> None:
    headers = {"Prefer": "resolution=merge-duplicates"}
    upsert = insert("a") | {"path": "/stock?on_conflict=code", "headers": headers}
    other = insert("b") | {"path": "/stock?on_conflict=code", "headers": headers}
    made = (await send(client, [upsert, upsert, other])).json()
    assert [each["status"] for each in made] == [201, 200, 201]


async def test_numbers_keep_their_digits(client: httpx.AsyncClient) -> None:
    number = "1.10000000000000000001"
    path = "/rpc/whole_body"
    answer = await send(client, f'[{{"method": "POST", "path": "{path}", "body": [{number}]}}]')
    assert number in answer.text


@pytest.mark.parametrize("body", ["", "{", "{}", "[]", "7", "null", "[" * 100_000])
async def test_a_batch_is_an_array_of_requests(client: httpx.AsyncClient, body: str) -> None:
    answer = await send(client, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "batch_malformed")


async def test_a_batch_has_a_bound(client: httpx.AsyncClient) -> None:
    answer = await send(client, [{"path": "/films"}] * (REQUESTS_MAX + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "batch_too_large")


async def test_a_batch_sees_no_more_than_its_caller(client: httpx.AsyncClient) -> None:
    answer = await send(client, [{"path": "/vaults"}])
    assert (answer.status_code, answer.json()["code"]) == (401, "42501")


async def test_a_batch_leaves_nothing_to_the_next_request(client: httpx.AsyncClient) -> None:
    secret = client.process.api_keys.secret  # type: ignore[attr-defined]
    await send(client, [{"path": "/vaults"}], apikey=secret)
    answer = await client.post("/rest/v1/rpc/whoami", json={})
    assert answer.json()["role"] == "anon"
