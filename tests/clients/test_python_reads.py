"""supabase-py reads: every filter, modifier and embed, and what comes beside the rows."""

from __future__ import annotations

import pytest
from postgrest import APIError
from postgrest.types import CountMethod

from tests.clients import speaking
from tests.clients.conftest import cases

TITLES = "id,title"


async def rows_of(client, case):
    builder = client.table(case.get("from", "films")).select(case["select"])
    return (await speaking.say(builder, case["steps"]).execute()).data


@pytest.mark.parametrize("case", cases("filters"))
async def test_a_filter_keeps_the_right_rows(anon, case):
    builder = anon.table(case.get("from", "films")).select("id").order("id")
    rows = (await speaking.say(builder, case["steps"]).execute()).data
    assert [row["id"] for row in rows] == case["ids"]


@pytest.mark.parametrize("case", cases("shapes"))
async def test_columns_order_and_limits_are_as_asked(anon, case):
    assert await rows_of(anon, case) == case["rows"]


@pytest.mark.parametrize("case", cases("embeds"))
async def test_an_embed_holds_the_related_rows(anon, case):
    assert await rows_of(anon, case) == case["rows"]


@pytest.mark.parametrize("case", cases("aggregates"))
async def test_aggregates_sum_up_where_the_setting_allows_it(anon, case):
    assert await rows_of(anon, case) == case["rows"]


@pytest.mark.parametrize("case", cases("aggregates"))
async def test_aggregates_are_refused_without_the_setting(strict, case):
    with pytest.raises(APIError) as caught:
        await rows_of(strict, case)
    assert caught.value.code == "PGRST123"


async def test_an_array_element_with_a_comma_stays_one(anon):
    answer = await anon.table("films").select("id").contains("tags", ["x,y"]).execute()
    assert answer.data == [{"id": 6}]


@pytest.mark.parametrize("mode", list(CountMethod))
async def test_a_count_tells_of_all_rows(anon, mode):
    answer = await anon.table("films").select("id", count=mode).limit(2).execute()
    assert (len(answer.data), answer.count) == (2, 6)


async def test_a_head_has_a_count_and_no_rows(anon):
    asked = anon.table("films").select("*", count=CountMethod.exact, head=True)
    answer = await asked.eq("genre", "drama").execute()
    assert (answer.data, answer.count) == ([], 2)


async def test_without_asking_there_is_no_count(anon):
    assert (await anon.table("films").select("id").execute()).count is None


async def test_a_count_of_nothing_is_zero(anon):
    asked = anon.table("films").select("id", count=CountMethod.exact)
    answer = await asked.eq("id", 99).execute()
    assert (answer.data, answer.count) == ([], 0)


async def test_an_inner_embed_counts_only_the_parents_that_stay(anon):
    asked = anon.table("directors").select("id,films!director_id!inner(id)", count="exact")
    assert (await asked.gte("films.year", 2010).execute()).count == 2


async def test_single_gives_the_row_itself(anon):
    answer = await anon.table("films").select(TITLES).eq("id", 1).single().execute()
    assert answer.data == {"id": 1, "title": "Harbour"}


@pytest.mark.parametrize("number", [0, 2])
async def test_single_refuses_none_and_several(anon, number):
    ids = [1, 2][:number]
    with pytest.raises(APIError) as caught:
        await anon.table("films").select(TITLES).in_("id", ids).single().execute()
    assert caught.value.code == "PGRST116"
    assert caught.value.message == "Cannot coerce the result to a single JSON object"
    assert caught.value.details == f"The result contains {number} rows"


async def test_maybe_single_gives_the_row_or_nothing(anon):
    asked = anon.table("films").select("id")
    assert (await asked.eq("id", 1).maybe_single().execute()).data == {"id": 1}
    assert await anon.table("films").select("id").eq("id", 99).maybe_single().execute() is None
    with pytest.raises(APIError):
        await anon.table("films").select("id").maybe_single().execute()


async def test_csv_has_a_line_of_names(anon):
    asked = anon.table("films").select(TITLES).in_("id", [1, 6]).order("id")
    answer = await asked.csv().execute()
    assert answer.data.splitlines() == ["id,title", "1,Harbour", '6,"A, B (C)"']


async def test_nulls_can_be_left_out(anon):
    asked = anon.table("films").select("id,year,tags").eq("id", 5)
    assert (await asked.strip_nulls().execute()).data == [{"id": 5}]
    one = anon.table("films").select("id,year,tags").eq("id", 5).strip_nulls().single()
    assert (await one.execute()).data == {"id": 5}


async def test_explain_shows_the_plan_where_the_setting_allows_it(anon):
    text = await anon.table("films").select("id").eq("id", 1).explain().execute()
    assert "(cost=" in text
    asked = anon.table("films").select("id").explain(analyze=True, verbose=True, format="json")
    (plan,) = (await asked.execute()).data
    assert plan["Plan"]["Actual Rows"] >= 0
    assert "Output" in plan["Plan"]


async def test_explain_is_refused_without_the_setting(strict):
    with pytest.raises(APIError) as caught:
        await strict.table("films").select("id").explain().execute()
    assert caught.value.code == "PGRST107"


async def test_no_answer_has_more_rows_than_the_bound(strict):
    answer = await strict.table("films").select("id", count="exact").order("id").execute()
    assert ([row["id"] for row in answer.data], answer.count) == ([1, 2, 3], 6)
    answer = await strict.table("films").select("id").limit(5).execute()
    assert len(answer.data) == 3
    answer = await strict.table("films").select("id,reviews(id)").eq("id", 6).execute()
    assert len(answer.data[0]["reviews"]) == 3


async def test_another_schema_is_one_word_away(anon):
    rows = (await anon.schema("shop").table("items").select("name").order("id").execute()).data
    assert rows == [{"name": "Poster"}, {"name": "Mug"}]
    assert (await anon.schema("shop").rpc("price", {"item": 4}).execute()).data == 40


async def test_a_long_list_of_ids_fits_into_the_address(anon):
    ids = list(range(1, 9000))
    assert len(",".join(map(str, ids))) > 40_000
    answer = await anon.table("films").select("id").in_("id", ids).execute()
    assert len(answer.data) == 6


async def test_letters_of_every_script_come_back(anon):
    rows = (await anon.table("reviews").select("critic").eq("critic", "Noé").execute()).data
    assert rows == [{"critic": "Noé"}]


async def test_agons_own_tables_are_read_like_any_other(anon):
    asked = anon.table("challenges").select("title, models(id)")
    assert (await asked.order("title").limit(10).execute()).data == []
    with pytest.raises(APIError) as caught:
        await anon.table("evidence").insert({"challenge_id": "x", "subject": "y"}).execute()
    assert caught.value.code in ("42501", "22P02")
