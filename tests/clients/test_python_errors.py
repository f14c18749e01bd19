"""supabase-py is told what went wrong: code, message, details and hint."""

from __future__ import annotations

import httpx
import pytest
from postgrest import APIError

from tests.clients import speaking
from tests.clients.conftest import cases

FOUR_PARTS = {"code", "message", "details", "hint"}


@pytest.mark.parametrize("case", cases("errors"))
async def test_a_mistake_is_named(anon, case):
    source = anon.schema(case["schema"]) if "schema" in case else anon
    builder = source.table(case.get("from", "films")).select(
        case["select"], count=case.get("count")
    )
    if "accept" in case:
        builder.request.headers["Accept"] = case["accept"]
    with pytest.raises(APIError) as caught:
        await speaking.say(builder, case["steps"]).execute()
    said = {part: getattr(caught.value, part) for part in FOUR_PARTS & case.keys()}
    assert said == {part: case[part] for part in FOUR_PARTS & case.keys()}


async def test_an_unknown_column_in_a_body_is_named(anon):
    with pytest.raises(APIError) as caught:
        await anon.table("stock").insert({"lable": "x"}).execute()
    assert caught.value.code == "PGRST204"
    expected = "Could not find the 'lable' column of 'stock' in the schema cache"
    assert caught.value.message == expected
    with pytest.raises(APIError) as caught:
        await anon.table("stock").update({"lable": "x"}).eq("id", 1).execute()
    assert caught.value.code == "PGRST204"


async def test_a_body_that_is_no_json_is_refused(doors):
    async with httpx.AsyncClient(headers={"apikey": doors.publishable}) as client:
        for body in (b"", b"{", b"nonsense", b"[1]", b'"text"'):
            answer = await client.post(
                f"{doors.url}/rest/v1/stock",
                content=body,
                headers={"Content-Type": "application/json"},
            )
            assert (answer.status_code, answer.json()["code"]) == (400, "PGRST102"), body


async def test_rows_of_different_keys_need_the_columns(doors):
    async with httpx.AsyncClient(headers={"apikey": doors.publishable}) as client:
        rows = [{"code": "a"}, {"label": "b"}]
        answer = await client.post(f"{doors.url}/rest/v1/stock", json=rows)
        assert answer.status_code == 400
        assert answer.json()["message"] == "All object keys must match"


async def test_a_head_names_its_mistake_in_a_header(anon):
    with pytest.raises(APIError) as caught:
        await anon.table("filmz").select("*", head=True).execute()
    assert caught.value.code == "PGRST205"


async def test_a_relationship_that_is_not_clear_lists_the_candidates(anon):
    with pytest.raises(APIError) as caught:
        await anon.table("films").select("id,directors(name)").execute()
    listed = sorted(caught.value.details, key=lambda one: one["relationship"])
    assert [one["cardinality"] for one in listed] == ["many-to-one", "many-to-one"]
    assert listed[0] == {
        "cardinality": "many-to-one",
        "embedding": "films with directors",
        "relationship": "films_director_id_fkey using films(director_id) and directors(id)",
    }


async def test_a_key_that_is_not_ours_is_refused(connect):
    client = await connect("sb_publishable_not_ours_at_all_0123456789")
    with pytest.raises(APIError) as caught:
        await client.table("films").select("id").execute()
    assert caught.value.message == "Invalid API key"


@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("say_bad_headers", "PGRST111"),
        ("say_bad_status", "PGRST112"),
        ("fail_wordlessly", "PGRST121"),
    ],
)
async def test_what_a_function_sets_wrongly_is_its_own_mistake(anon, function, code):
    with pytest.raises(APIError) as caught:
        await anon.rpc(function).execute()
    assert caught.value.code == code


async def test_a_token_that_is_not_ours_is_refused(connect):
    forged = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.bm90LW91cnM"
    client = await connect()
    client.postgrest.auth(forged)
    with pytest.raises(APIError) as caught:
        await client.table("films").select("id").execute()
    assert caught.value.code == "PGRST301"
