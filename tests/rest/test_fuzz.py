"""The data door under arbitrary requests: it never fails, never tells what is not the caller's,
never writes what is not his, and leaves nothing behind for the next."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests import servers
from tests.fuzz import canaries, traffic
from tests.fuzz.canaries import Canaries
from tests.fuzz.promises import NEXT, hold
from tests.fuzz.traffic import ADA, BOB, Request

SHORT = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LONG = settings(SHORT, max_examples=5_000, derandomize=False)
JSON = {b"content-type": b"application/json"}
SHOWN = {b"prefer": b"return=representation"}
CLAIMED = json.dumps({"sub": BOB, "role": "service_role"})


@pytest.fixture(scope="module")
async def rows(
    server: servers.TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Canaries]:
    folder = tmp_path_factory.mktemp("fuzz")
    async with canaries.opened(server, "agon_test_fuzz", folder) as opened:
        yield opened


@SHORT
@given(traffic.REQUESTS)
async def test_no_request_fails_tells_or_leaves_anything(rows: Canaries, asked: Request):
    await hold(rows, asked)


async def test_many_of_them_were_answered(rows: Canaries):
    assert rows.answered > 30, "refusals alone prove little"


@pytest.mark.prove
@LONG
@given(traffic.REQUESTS)
async def test_no_request_of_thousands_does(rows: Canaries, asked: Request):
    await hold(rows, asked)


@pytest.mark.prove
async def test_enough_of_the_thousands_were_answered(rows: Canaries):
    print(f"\n{rows.answered} requests were answered with rows")
    assert rows.answered > 500, "refusals alone prove little"


# The traps shut.


def read(who: str, path: str, **headers: bytes) -> Request:
    """A GET with its query string as it is written."""
    path, _, query = path.partition("?")
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Request(who=who, method="GET", path=path, query=query.encode(), headers=named)


def write(who: str, method: str, path: str, body: object, prefer: bytes = b"") -> Request:
    """A write that shows what it wrote."""
    path, _, query = path.partition("?")
    return Request(
        who=who, method=method, path=path, query=query.encode(),
        headers={**JSON, b"prefer": b"return=representation," + prefer},
        body=json.dumps(body).encode(),
    )  # fmt: skip


async def test_a_row_that_may_be_seen_is_told(rows: Canaries):
    for path in ("/notes?tell=eq.x", "/notes?select=tell", "/folders?tell_folder=eq.1"):
        reply = await hold(rows, read("ada", path))
        assert reply.status == 400
        assert reply.holds("adaqx")
    assert (await hold(rows, read("anon", "/notes"))).holds("openqx")
    assert (await rows.send(read("service_role", "/notes"))).holds("bobqx")


async def test_what_is_written_elsewhere_is_noticed(rows: Canaries):
    await rows.place.owner.execute("update public.notes set title = 'changed' where id = 4")
    with pytest.raises(AssertionError):
        await rows.restore()
    await rows.place.owner.execute("select fuzz.refill()")


# Filters that raise for what they are given: policies come first.

LEAKS = (
    "/notes?tell=eq.x&id=eq.4",
    "/notes?id=eq.4&tell=not.is.null",
    "/notes?order=tell&id=eq.4",
    "/notes?or=(tell.eq.x,id.eq.4)&owner=eq." + BOB,
    "/notes?inverse=eq.1&owner=eq." + BOB,
    "/notes?secret::int=eq.1",
    "/notes?facts->word=gt.1&id=eq.4",
    "/notes?select=secret::int&id=gt.3",
    "/notes?select=secret::int.sum()&id=gt.3",
    "/notes?select=facts->>word::int&owner=eq." + BOB,
    "/notes?secret=match.[&id=eq.4",
    "/notes?id=eq.4&tags=cs.{bobq",
    "/notes?search=fts.bob:*",
    "/notes?select=max:secret.max(),min:secret.min(),count()&id=gt.3",
    "/my_notes?secret=gte.bob&select=*,folders!notes_folder_id_fkey(*)",
    "/my_notes?order=tell&id=eq.4",
    "/folders?select=*,notes!notes_folder_id_fkey(*)&notes.tell=eq.x&notes.id=eq.4",
    "/folders?select=*,notes!links!inner(tell)&notes.id=eq.4",
    "/folders?id=eq.3&tell_folder=eq.1",
    "/notes?select=*,drawer(*)&drawer.tell_folder=eq.1&id=eq.3",
    "/notes?select=id,siblings(*)&siblings.id=eq.4",
    "/notes?select=id,siblings(tell)&siblings.owner=eq." + BOB,
    "/notes?select=*,links(memo,folders(secret))",
    "/links?select=*,notes(*),folders(*)&note_id=eq.4",
    "/notes?select=*,vaults(id)",
    "/staff?select=*",
    "/staff?select=pay",
    "/staff?select=id&pay=gt.a",
    "/staff?select=id&order=pay",
    "/staff?select=to_json",
    "/staff?select=staff",
    "/my_pay?select=id",
    "/shown_notes?tell=eq.x",
    "/shown_notes?secret=match.[&id=eq.4",
    "/rpc/notes_of?who=" + BOB,
    "/rpc/notes_of?who=" + BOB + "&tell=eq.x&id=eq.4",
    "/rpc/find_notes?word=bobq",
    "/rpc/secret_of?note=4",
    "/rpc/open_vault?vault=1",
    "/rpc/tell?note=(4,)",
)


@pytest.mark.parametrize("who", ["anon", "ada"])
@pytest.mark.parametrize("path", LEAKS)
async def test_a_filter_never_meets_a_hidden_row(rows: Canaries, path: str, who: str):
    plan = b"application/vnd.pgrst.plan+json; options=verbose"
    for accept in (b"application/json", b"text/csv", plan):
        await hold(rows, read(who, path, accept=accept, prefer=b"count=exact"))


# Writes that run into rows which are not the writer's.

NOTE = {"id": 4, "title": "mine now", "owner": ADA}
COLLISIONS = (
    ("POST", "/notes", NOTE, b""),
    ("POST", "/notes", NOTE, b"resolution=merge-duplicates"),
    ("POST", "/notes", NOTE, b"resolution=ignore-duplicates"),
    ("POST", "/notes?on_conflict=code", {**NOTE, "id": 50}, b"resolution=merge-duplicates"),
    ("POST", "/my_notes", NOTE, b"resolution=merge-duplicates"),
    ("PUT", "/notes?id=eq.4", NOTE, b""),
    ("PATCH", "/notes?id=eq.4", {"title": "mine now"}, b"count=exact"),
    ("PATCH", "/notes?id=gte.1", {"title": "mine now"}, b"count=exact"),
    ("PATCH", "/notes?id=eq.1", {"id": 4}, b""),
    ("PATCH", "/notes?id=eq.1", {"owner": BOB}, b""),
    ("PATCH", "/notes?id=eq.1", {"folder_id": 4}, b""),
    ("PATCH", "/notes?id=eq.1", {"span": "[a,z)"}, b""),
    ("PATCH", "/notes?id=eq.1", {"amount": -1}, b""),
    ("PATCH", "/notes?id=eq.1", {"secret": "bad"}, b""),
    ("PATCH", "/notes?id=eq.1", {"title": None}, b""),
    ("DELETE", "/notes?id=gte.1", None, b"count=exact"),
    ("DELETE", "/folders?id=eq.1", None, b""),
    ("POST", "/notes", [{**NOTE, "id": 60}, NOTE], b"resolution=merge-duplicates"),
    ("POST", "/folders", {"id": 9, "name": "his"}, b""),
    ("POST", "/folders?on_conflict=name", {"id": 9, "name": "his"}, b"resolution=merge-duplicates"),
    ("POST", "/links", {"note_id": 4, "folder_id": 3}, b"resolution=merge-duplicates"),
    ("POST", "/staff?select=id", {"id": 2000, "age": 100}, b""),
    ("POST", "/staff?select=id", {"id": None, "age": 1}, b""),
    ("POST", "/staff?select=id", {"id": 1, "age": 1}, b"resolution=merge-duplicates"),
    ("POST", "/staff", {"id": 2000, "age": 1}, b""),
    ("PATCH", "/staff?id=eq.1001&select=id", {"age": 100}, b""),
    ("PATCH", "/staff?id=eq.1001&select=id", {"pay": "0"}, b""),
    ("POST", "/vaults", {"id": 1, "secret": "x"}, b"resolution=merge-duplicates"),
    ("POST", "/shown_notes", {"id": 4, "title": "x"}, b"resolution=merge-duplicates"),
    ("POST", "/rpc/add_note", {"new_id": 4}, b""),
    ("POST", "/rpc/add_note", {"new_id": 70, "new_owner": BOB}, b""),
    ("POST", "/rpc/drop_notes", {"ids": [4, 5, 6]}, b""),
)  # fmt: skip


@pytest.mark.parametrize("who", ["anon", "ada"])
@pytest.mark.parametrize(("method", "path", "body", "prefer"), COLLISIONS)
async def test_a_write_never_meets_a_hidden_row(
    rows: Canaries, method: str, path: str, body: object, prefer: bytes, who: str
):
    await hold(rows, write(who, method, path, body, prefer))
    await rows.restore()
    batch = Request(
        who=who, method="POST", path="/",
        headers={b"content-type": b"application/vnd.agon.batch+json"},
        body=json.dumps([
            {"method": "GET", "path": "/notes"},
            {"method": method, "path": path, "body": body,
             "headers": {"prefer": "return=representation," + prefer.decode()}},
            {"method": "GET", "path": "/notes?order=tell&id=eq.4"},
        ]).encode(),
    )  # fmt: skip
    await hold(rows, batch)
    await rows.restore()


async def test_an_upsert_that_names_a_row_twice_is_the_clients_mistake(rows: Canaries):
    twice = [{"id": 90, "title": "x"}, {"id": 90, "title": "y"}]
    reply = await hold(rows, write("ada", "POST", "/notes", twice, b"resolution=merge-duplicates"))
    assert reply.status == 400
    assert json.loads(reply.body)["code"] == "21000"


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_a_plan_says_what_it_is(rows: Canaries, method: str):
    request = write("ada", method, "/notes?id=eq.1", {"id": 80, "title": "x"})
    headers = {**JSON, b"accept": b"application/vnd.pgrst.plan+json"}
    reply = await hold(rows, Request(
        who="ada", method=method, path="/notes", query=request.query, headers=headers,
        body=request.body,
    ))  # fmt: skip
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/vnd.pgrst.plan+json")


@pytest.mark.parametrize("who", ["anon", "ada"])
@pytest.mark.parametrize("path", ["/notes", "/staff", "/vaults", "/rpc/notes_of", "/no_such"])
async def test_only_service_role_is_told_of_policies(rows: Canaries, path: str, who: str):
    accept = b"application/vnd.agon.policies+json"
    reply = await hold(rows, read(who, path, accept=accept))
    assert (reply.status, json.loads(reply.body)["code"]) == (403, "policies_closed")


# What a function sets ends with its request.


@settings(SHORT, max_examples=40)
@example("request.jwt.claims", CLAIMED, False, "ada")
@example("role", "authenticated", False, "anon")
@given(
    st.sampled_from(("role", "request.jwt.claims", "search_path", "request.path")),
    st.sampled_from(("authenticated", "anon", "service_role", CLAIMED, "auth", "1", "none")),
    st.booleans(),
    st.sampled_from(("anon", "ada")),
)
async def test_no_function_chooses_who_asks_next(
    rows: Canaries, setting: str, value: str, for_transaction: bool, who: str
):
    body = {"setting": setting, "value": value, "for_transaction": for_transaction}
    await rows.send(write(who, "POST", "/rpc/configure", body))
    assert await rows.whoami() == NEXT
    for reader in ("anon", "ada"):
        await hold(rows, read(reader, "/notes"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("timezone", "America/Lima"), ("response.status", "418"), ("agon.updated", "7"),
     ("response.headers", '[{"x-tea": "green"}]'), ("row_security", "off")],
)  # fmt: skip
async def test_what_is_set_for_a_transaction_ends_with_it(rows: Canaries, setting, value):
    await rows.send(write("ada", "POST", "/rpc/configure", {"setting": setting, "value": value}))
    assert await rows.whoami() == NEXT
    assert (await hold(rows, read("ada", "/notes"))).status == 200
