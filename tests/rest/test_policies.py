"""Which policy hides or refuses which row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from agon.rest.batch import BATCH_TYPE
from agon.rest.media import POLICIES
from agon.rest.policies import Policy, Seen, judge
from tests import places
from tests.rest import doors, films

NOTES = """
create table public.notes (
  id int primary key, owner_id uuid not null default auth.uid(), locked boolean default false
);
alter table public.notes enable row level security;
grant select, insert, update, delete on public.notes to authenticated, service_role;
create policy notes_all_service on public.notes for all to service_role using (true);
create policy notes_select_own on public.notes for select to authenticated
  using (owner_id = (select auth.uid()));
create policy notes_update_own on public.notes for update to authenticated
  using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
create policy notes_insert_own on public.notes for insert to authenticated
  with check (owner_id = (select auth.uid()));
create policy notes_all_unlocked on public.notes as restrictive for update to authenticated
  using (not locked);
"""


@pytest.fixture
async def client(place: places.Place) -> AsyncIterator[httpx.AsyncClient]:
    for file in ("schema.sql", "functions.sql"):
        await place.owner.execute((films.LIBRARY / file).read_text("utf-8"))
    await place.owner.execute(NOTES)
    ada, bo = place.actor("ada"), place.actor("bo")
    for row in ((1, ada.user_id, False), (2, bo.user_id, False), (3, ada.user_id, True)):
        await place.owner.execute(
            "insert into notes (id, owner_id, locked) values ($1, $2, $3)", *row
        )
    async with doors.served(place) as served:
        served.headers = {
            "apikey": served.process.api_keys.secret,
            "authorization": f"Bearer {place.token(ada)}",
        }
        yield served


async def report(client: httpx.AsyncClient, method: str, path: str, **parts: Any) -> dict[str, Any]:
    answer = await client.request(method, f"/rest/v1{path}", headers={"accept": POLICIES}, **parts)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == POLICIES
    return answer.json()


def verdicts(found: dict[str, Any]) -> list[str]:
    return [row["verdict"] for row in found["rows"]]


async def test_a_read_is_told_row_by_row(client: httpx.AsyncClient) -> None:
    found = await report(client, "GET", "/notes?id=lte.2")
    assert (found["command"], found["role"], found["granted"]) == ("select", "authenticated", True)
    assert [row["row"]["id"] for row in found["rows"]] == [1, 2]
    assert verdicts(found) == ["visible", "hidden"]
    assert found["rows"][1]["using"] == {"notes_select_own": False}


async def test_the_report_agrees_with_what_is_seen(client: httpx.AsyncClient) -> None:
    found = await report(client, "GET", "/notes")
    seen = await client.get("/rest/v1/notes?select=id&order=id")
    told = [row["row"] for row in found["rows"] if row["verdict"] == "visible"]
    assert sorted(row["id"] for row in told) == [row["id"] for row in seen.json()]


async def test_an_update_is_hidden_by_a_restrictive_policy(client: httpx.AsyncClient) -> None:
    found = await report(client, "PATCH", "/notes", json={"locked": False})
    assert dict(zip([1, 2, 3], verdicts(found), strict=True)) == {
        1: "allowed",
        2: "hidden",
        3: "hidden",
    }


async def test_an_update_that_gives_a_row_away_is_refused(
    client: httpx.AsyncClient, place: places.Place
) -> None:
    to = place.actor("bo").user_id
    found = await report(client, "PATCH", "/notes?id=eq.1", json={"owner_id": to})
    assert verdicts(found) == ["refused"]
    assert found["rows"][0]["check"]["notes_update_own"] is False
    assert (await client.get("/rest/v1/notes?id=eq.1")).json()[0]["owner_id"] != to


async def test_an_insert_has_its_callers_defaults(
    client: httpx.AsyncClient, place: places.Place
) -> None:
    other = place.actor("bo").user_id
    found = await report(client, "POST", "/notes", json=[{"id": 8}])
    assert verdicts(found) == ["allowed"]
    found = await report(client, "POST", "/notes", json={"id": 9, "owner_id": other})
    assert verdicts(found) == ["refused"]
    assert await place.owner.fetchval("select count(*) from notes") == 3


async def test_a_delete_without_a_policy_touches_nothing(client: httpx.AsyncClient) -> None:
    assert set(verdicts(await report(client, "DELETE", "/notes"))) == {"hidden"}


async def test_a_missing_grant_is_told(client: httpx.AsyncClient) -> None:
    assert (await report(client, "GET", "/vaults"))["granted"] is False


async def test_filters_choose_the_rows_and_are_bound(client: httpx.AsyncClient) -> None:
    found = await report(client, "GET", "/films?title=like.*' or true --*&select=id,actors(name)")
    assert found["rows"] == []


@pytest.mark.parametrize("path", ["/recent_films", "/rpc/whoami"])
async def test_views_and_functions_have_no_policies(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/rest/v1{path}", headers={"accept": POLICIES})
    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST107")


FEED = """
create table public.feed (id int primary key, deleted boolean not null default false);
alter table public.feed enable row level security;
grant select, insert, update on public.feed to authenticated, service_role;
create policy feed_all_service on public.feed for all to service_role using (true);
create policy feed_select_live on public.feed for select to authenticated using (not deleted);
create policy feed_update_any on public.feed for update to authenticated
  using (true) with check (true);
create policy feed_insert_any on public.feed for insert to authenticated with check (true);
insert into public.feed values (1, false);
"""


async def refused_for_real(client: httpx.AsyncClient, method: str, path: str, **parts: Any) -> bool:
    answer = await client.request(method, f"/rest/v1{path}", **parts)
    assert answer.status_code in (200, 201, 204) or answer.json()["code"] == "42501", answer.text
    return answer.status_code >= 400


@pytest.mark.parametrize(
    ("method", "path", "body", "prefer"),
    [
        ("PATCH", "/feed?id=eq.1", {"deleted": True}, "return=minimal"),
        ("PATCH", "/feed?id=eq.1", {"id": 1}, "return=minimal"),
        ("POST", "/feed", {"id": 2, "deleted": True}, "return=representation"),
        ("POST", "/feed", {"id": 3, "deleted": True}, "return=minimal"),
        ("POST", "/feed", {"id": 4}, "return=representation"),
    ],
)
async def test_the_report_says_what_postgres_does(
    client: httpx.AsyncClient, place: places.Place, method: str, path: str, body: Any, prefer: str
) -> None:
    await place.owner.execute(FEED)
    await place.owner.execute("notify pgrst, 'reload schema'")
    client.headers["prefer"] = prefer
    told = await report(client, method, path, json=body)
    refused = await refused_for_real(client, method, path, json=body)
    assert verdicts(told) == ["refused" if refused else "allowed"]


async def test_showing_a_row_needs_the_right_to_see_it(client: httpx.AsyncClient) -> None:
    body = {"message": "hello"}
    assert (await report(client, "POST", "/inbox", json=body))["granted"] is True
    client.headers["prefer"] = "return=representation"
    assert (await report(client, "POST", "/inbox", json=body))["granted"] is False
    assert await refused_for_real(client, "POST", "/inbox", json=body)


@pytest.mark.parametrize("accept", [f"{POLICIES};charset=utf-8", f"{POLICIES}, application/json"])
async def test_who_asks_for_a_report_changes_nothing(
    client: httpx.AsyncClient, place: places.Place, accept: str
) -> None:
    answer = await client.delete("/rest/v1/notes?id=eq.1", headers={"accept": accept})
    assert answer.json()["command"] == "delete"
    service = {"apikey": client.headers["apikey"], "authorization": "", "content-type": BATCH_TYPE}
    request = {"method": "DELETE", "path": "/notes", "headers": {"Accept": accept}}
    answer = await client.post("/rest/v1/", json=[request], headers=service)
    assert answer.status_code == 406
    assert await place.owner.fetchval("select count(*) from notes") == 3


async def test_a_report_calls_no_function_of_a_row(client: httpx.AsyncClient) -> None:
    headers = {"accept": POLICIES}
    answer = await client.get("/rest/v1/films?full_title=like.*", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "42703")


async def test_a_report_leaves_filters_of_embeds_out(client: httpx.AsyncClient) -> None:
    found = await report(client, "GET", "/films?select=id,reviews(id)&id=eq.1&reviews=is.null")
    assert [row["row"]["id"] for row in found["rows"]] == [1]


async def test_a_report_knows_what_can_be_written(client: httpx.AsyncClient) -> None:
    answer = await client.post("/rest/v1/notes", json={"nope": 1}, headers={"accept": POLICIES})
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST204")


async def test_only_the_service_role_may_ask(place: places.Place) -> None:
    async with doors.served(place) as plain:
        answer = await plain.get("/rest/v1/user_roles", headers={"accept": POLICIES})
        assert (answer.status_code, answer.json()["code"]) == (403, "policies_closed")
    async with doors.served(place, AGON_REST_POLICIES="anyone") as developing:
        answer = await developing.get("/rest/v1/user_roles", headers={"accept": POLICIES})
        assert answer.status_code == 200


def policy(name: str, command: str = "all", *, permissive: bool = True) -> Policy:
    return Policy(name=name, permissive=permissive, command=command, using=None, check=None)


@pytest.mark.parametrize(
    ("policies", "said", "verdict"),
    [
        ([], {}, "hidden"),
        ([policy("a")], {"a": True}, "visible"),
        ([policy("a")], {"a": None}, "hidden"),
        ([policy("a"), policy("b")], {"a": False, "b": True}, "visible"),
        ([policy("a", permissive=False)], {"a": True}, "hidden"),
        ([policy("a"), policy("b", permissive=False)], {"a": True, "b": False}, "hidden"),
        ([policy("a", "insert")], {"a": True}, "hidden"),
    ],
)
def test_one_permits_and_all_restrictions_hold(
    policies: list[Policy], said: dict[str, bool | None], verdict: str
) -> None:
    seen = Seen(before={}, after=None, using=said, check={})
    assert judge(policies, "select", seen) == verdict
