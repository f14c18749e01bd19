"""supabase-py calls functions: arguments, overloads, results, and what they refuse."""

from __future__ import annotations

import pytest
from postgrest import APIError

from tests.clients.conftest import fresh

# function, arguments, what comes back
CALLS = [
    ("add_them", {"a": 2, "b": 3}, 5),
    ("count_to", {"last": 3}, [1, 2, 3]),
    ("middle", {}, {"x": 3, "y": 4}),
    ("split_name", {"full_name": "Ada Wong"}, {"first": "Ada", "last": "Wong"}),
    ("greet", {"name": "Bo"}, "Hello Bo"),
    ("greet", {"name": "Bo", "greeting": "Hi"}, "Hi Bo"),
    ("raised", {"base": 3}, 9),
    ("raised", {"base": 3, "exponent": 3}, 27),
    ("joined", {"words": ["a", "b c", "d"]}, "a-b c-d"),
    ("sum_of", {"numbers": [1, 2, 3]}, 6),
    ("keys_of", {"document": {"a": 1, "b": {"c": 2}}}, ["a", "b"]),
    ("whole_body", {"any": [1, {"x": None}]}, {"any": [1, {"x": None}]}),
]
GOT = [call for call in CALLS if call[0] not in ("joined", "whole_body")]


def name_of(value):
    return value if isinstance(value, str) else None


@pytest.mark.parametrize(("function", "arguments", "result"), CALLS, ids=name_of)
async def test_a_call_gives_what_the_function_returns(anon, function, arguments, result):
    assert (await anon.rpc(function, arguments).execute()).data == result


@pytest.mark.parametrize(("function", "arguments", "result"), GOT, ids=name_of)
async def test_a_call_by_get_gives_the_same(anon, function, arguments, result):
    assert (await anon.rpc(function, arguments, get=True).execute()).data == result


async def test_a_call_for_nothing_answers_with_nothing(anon):
    assert (await anon.rpc("do_nothing").execute()).data == []


async def test_rows_of_a_table_are_filtered_ordered_and_embed(anon):
    asked = anon.rpc("films_since", {"first_year": 2001})
    asked = asked.select("title,directors!director_id(name)").eq("genre", "comedy")
    rows = (await asked.order("id", desc=True).limit(1).execute()).data
    assert rows == [{"title": "A, B (C)", "directors": {"name": "Cy Dee"}}]


async def test_rows_of_a_table_by_get(anon):
    asked = anon.rpc("films_since", {"first_year": 2001}, get=True, count="exact")
    answer = await asked.select("id").gt("year", 2005).order("id").execute()
    assert (answer.data, answer.count) == ([{"id": 4}, {"id": 6}], 2)


async def test_one_row_of_a_table_is_an_object(anon):
    assert (await anon.rpc("first_film").select("id").execute()).data == {"id": 1}


async def test_columns_of_a_result_are_chosen(anon):
    asked = anon.rpc("films_by_year").select("films").eq("year", 2005)
    assert (await asked.single().execute()).data == {"films": 1}


async def test_a_head_counts_the_result(anon):
    answer = await anon.rpc("films_since", {"first_year": 2001}, head=True, count="exact").execute()
    assert (answer.data, answer.count) == ([], 4)


async def test_a_call_by_get_cannot_write(anon):
    code = fresh("got")
    with pytest.raises(APIError) as caught:
        await anon.rpc("add_stock", {"new_code": code}, get=True).execute()
    assert caught.value.code == "25006"
    rows = (await anon.rpc("add_stock", {"new_code": code}).execute()).data
    assert [row["code"] for row in rows] == [code]


async def test_a_call_above_its_bound_changes_nothing(anon):
    prefix = fresh("swept")
    await anon.table("stock").insert([{"code": f"{prefix}{n}"} for n in range(3)]).execute()
    with pytest.raises(APIError) as caught:
        await anon.rpc("empty_stock", {"prefix": prefix}).max_affected(2).execute()
    assert caught.value.code == "PGRST124"
    rows = (await anon.rpc("empty_stock", {"prefix": prefix}).max_affected(3).execute()).data
    assert len(rows) == 3


async def test_a_function_knows_who_calls_and_how(anon, member, service):
    def said(role, uid):
        return {"role": role, "uid": uid, "method": "POST", "path": "/rpc/whoami"}

    user_id = (await member.auth.get_session()).user.id
    for client, role, uid in (
        (anon, "anon", None),
        (member, "authenticated", user_id),
        (service, "service_role", None),
    ):
        answer = (await client.rpc("whoami").execute()).data
        assert answer.pop("client").startswith("supabase-py")
        assert answer == said(role, uid)


async def refusal(call):
    with pytest.raises(APIError) as caught:
        await call.execute()
    error = caught.value
    return error.code, error.message, error.details, error.hint


async def test_what_a_function_raises_arrives_whole(anon):
    assert await refusal(anon.rpc("fail_plainly")) == ("P0001", "It broke.", "Here.", "Try less.")
    paid = await refusal(anon.rpc("fail_payment"))
    assert paid == ("PT402", "Payment required", "Quota", "Pay")
    assert await refusal(anon.rpc("fail_teapot")) == ("TEA01", "I am a teapot", "Short", "Stout")


async def test_overloads_that_both_fit_are_refused(anon):
    code, message, _, hint = await refusal(anon.rpc("twin", {"a": 1}))
    assert code == "PGRST203"
    assert message == (
        "Could not choose the best candidate function between: "
        "public.twin(a => integer), public.twin(a => text)"
    )
    assert hint == (
        "Try renaming the parameters or the function itself in the database "
        "so function overloading can be resolved"
    )


async def test_a_missing_function_names_the_near_one(anon):
    code, message, _, hint = await refusal(anon.rpc("ad_them", {"a": 1, "b": 2}))
    assert (code, hint) == ("PGRST202", "Perhaps you meant to call the function public.add_them")
    assert message == "Could not find the function public.ad_them(a, b) in the schema cache"
    code, _, _, hint = await refusal(anon.rpc("add_them", {"a": 1, "c": 2}))
    expected = "Perhaps you meant to call the function public.add_them(a, b)"
    assert (code, hint) == ("PGRST202", expected)


async def test_a_call_that_takes_too_long_ends(anon):
    code, _, _, _ = await refusal(anon.rpc("snore", {"seconds": 20}))
    assert code == "57014"
