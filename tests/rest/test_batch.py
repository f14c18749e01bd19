"""Several requests in one transaction."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.rest import batch
from agon.rest.batch import BATCH_TYPE, REQUESTS_MAX
from agon.rest.payload import DECODER
from tests import places
from tests.rest import cinema, doors, films

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)  # fmt: skip

HOLD = """
create function public.hold() returns void language sql as $$
  select pg_advisory_xact_lock(4242);
  select pg_sleep(15)
$$;
grant execute on function public.hold() to authenticated
"""
HELD = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4242"


async def prepare(place: places.Place) -> None:
    for file in ("schema.sql", "functions.sql"):
        await place.owner.execute((films.LIBRARY / file).read_text("utf-8"))


@pytest.fixture
async def client(place: places.Place) -> AsyncIterator[httpx.AsyncClient]:
    await prepare(place)
    async with doors.served(place) as served:
        yield served


async def send(client: httpx.AsyncClient, requests: Any, **headers: str) -> httpx.Response:
    content = requests if isinstance(requests, str | bytes) else json.dumps(requests)
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


async def test_a_plan_as_text_is_a_text_in_a_batch(place: places.Place) -> None:
    await prepare(place)
    async with doors.served(place, AGON_REST_EXPLAIN="true") as client:
        kinds = ("application/vnd.pgrst.plan+text", "application/vnd.pgrst.plan+json")
        answer = await send(
            client, [{"path": "/stock", "headers": {"Accept": kind}} for kind in kinds]
        )
        text, tree = (each["body"] for each in answer.json())
        assert isinstance(text, str) and "cost=" in text
        assert isinstance(tree, list)


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


async def test_a_body_is_sent_on_as_it_came(client: httpx.AsyncClient) -> None:
    for body in ('{"b" : [1E400, -0.0] }', '"\\u0041\\n"', "[]", "null", "1" * 5000):
        item = f' {{ "body":\t{body} , "path":"/rpc/whole_body","method":"POST"}}'
        answer = await send(client, f"\n[{item}\r\n,{item}]  ")
        assert answer.status_code == 200
        assert answer.text.count(f'"body": {body}') == 2


async def test_numbers_keep_their_digits(client: httpx.AsyncClient) -> None:
    number = "1.10000000000000000001"
    path = "/rpc/whole_body"
    answer = await send(client, f'[{{"method": "POST", "path": "{path}", "body": [{number}]}}]')
    assert number in answer.text


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "{}", "[]", "7", "null", "[" * 100_000, "[{}", "[{},]", "[{} {}]", "[,{}]",
        "[{}] {}", '[{"path": "/films",}]', '[{"path" "/films"}]', '[{"path": }]', "[{1: 2}]",
        '[{"path": "/rpc/whole_body", "method": "POST", "body": NaN}]', '[{"path": "/films"]',
        b"[\xff]",
    ],
)  # fmt: skip
async def test_a_batch_is_an_array_of_requests(
    client: httpx.AsyncClient, body: str | bytes
) -> None:
    answer = await send(client, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "batch_malformed")


@given(
    st.lists(st.dictionaries(st.sampled_from(["path", "body", "other", "\\"]), JSON) | JSON),
    st.sampled_from([None, 1, "\t"]),
)
@settings(deadline=None)
def test_a_batch_is_read_as_json_is(listed: list[Any], indent: Any) -> None:
    text = json.dumps(listed, indent=indent)
    read = [
        {key: DECODER.decode(value) if key == "body" else value for key, value in item.items()}
        if isinstance(item, dict)
        else item
        for item in batch._items(f" {text}\n")
    ]
    assert read == DECODER.decode(text)


@given(st.text(alphabet='[]{}",: 1a\\'))
@settings(deadline=None)
def test_what_is_no_json_is_no_batch(text: str) -> None:
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    try:
        read = list(batch._items(text))
    except ValueError:
        assert not isinstance(listed, list)
    else:
        assert len(read) == len(listed)


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


# Bounds.


async def test_a_batch_has_no_longer_than_one_statement(place: places.Place) -> None:
    await prepare(place)
    async with doors.served(
        place, AGON_STATEMENT_MS_ANON="1000", AGON_REST_CONNECTIONS="1"
    ) as client:
        nap = {"method": "POST", "path": "/rpc/nap", "body": {"seconds": 0.3}}
        one = await send(client, [insert("a"), nap])
        assert one.status_code == 200
        answer = await send(client, [insert("b"), *[nap] * 20])
        assert (answer.status_code, answer.json()["code"]) == (504, "batch_too_slow")
        assert int(answer.headers["agon-batch-request"]) <= 4, "three naps fit into it"
        assert await codes(client) == ["a"]


async def test_each_request_of_a_batch_is_counted(place: places.Place) -> None:
    await prepare(place)
    async with doors.served(place, AGON_REQUESTS_PER_S_ADDRESS="1") as client:
        assert (await send(client, [insert("a"), *[{"path": "/films"}] * 9])).status_code == 200
        refused = await client.get("/rest/v1/films")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 1


async def test_a_batch_that_comes_too_early_does_nothing(place: places.Place) -> None:
    await prepare(place)
    async with doors.served(place, AGON_REQUESTS_PER_S_ADDRESS="1") as client:
        for _ in range(3):
            assert (await client.get("/rest/v1/films?limit=1")).status_code == 200
        refused = await send(client, [insert("a"), insert("b"), insert("c")])
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert await place.owner.fetchval("select count(*) from public.stock") == 0


async def test_batches_leave_connections_to_others(place: places.Place) -> None:
    await prepare(place)
    await place.owner.execute(HOLD)
    settings = {"AGON_STATEMENT_MS_AUTHENTICATED": "20000", "AGON_REST_CONNECTIONS": "4"}
    async with doors.served(place, **settings) as client:
        hold = {"method": "POST", "path": "/rpc/hold", "body": {}}
        batches = [
            asyncio.create_task(send(client, [hold], **cinema.user(client, name)))
            for name in ("ada", "bob", "cid", "dot")
        ]
        async with asyncio.timeout(10):
            while not await place.owner.fetchval(HELD):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        answers = await asyncio.gather(
            *(client.get("/rest/v1/films?limit=1") for _ in range(5)),
        )
        assert [answer.status_code for answer in answers] == [200] * 5
        assert await place.owner.fetchval(HELD) == 1
        assert not any(batch.done() for batch in batches)
        for batch in batches:
            batch.cancel()
        await asyncio.wait(batches)
        assert (await send(client, [{"path": "/films"}])).status_code == 200
