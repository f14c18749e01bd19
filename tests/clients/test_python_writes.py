"""supabase-py writes: insert, upsert, update, delete, and who may."""

from __future__ import annotations

import pytest
from postgrest import APIError, CountMethod, ReturnMethod

from tests.clients.conftest import fresh


async def stock_of(client, prefix):
    asked = client.table("stock").select("code,label,amount,status").like("code", f"{prefix}%")
    return (await asked.order("code").execute()).data


async def refusal(call):
    with pytest.raises(APIError) as caught:
        await call
    return caught.value


async def test_an_insert_answers_with_the_row(anon):
    code = fresh("one")
    (row,) = (await anon.table("stock").insert({"code": code, "amount": 3}).execute()).data
    assert (row["code"], row["amount"], row["doubled"], row["status"]) == (code, 3, 6, "new")
    assert row["id"] > 0
    assert row["made_at"]


async def test_a_minimal_insert_answers_with_nothing(anon):
    code = fresh("quiet")
    asked = anon.table("stock").insert({"code": code}, returning=ReturnMethod.minimal)
    assert (await asked.execute()).data == []
    assert len(await stock_of(anon, code)) == 1


async def test_an_insert_gives_the_columns_asked_for_and_embeds(anon):
    asked = anon.table("stock").insert({"code": fresh("shape"), "film_id": 1})
    asked = asked.select("amount,films(title)")
    assert (await asked.execute()).data == [{"amount": 1, "films": {"title": "Harbour"}}]


async def test_many_rows_with_other_keys_become_null_where_nothing_was_said(anon):
    code = fresh("many")
    rows = [{"code": f"{code}a", "label": "x"}, {"code": f"{code}b", "status": "old"}]
    await anon.table("stock").insert([{**row, "amount": 1} for row in rows]).execute()
    found = await stock_of(anon, code)
    assert [(row["label"], row["status"]) for row in found] == [("x", None), (None, "old")]


async def test_many_rows_take_the_defaults_when_asked(anon):
    code = fresh("default")
    rows = [{"code": f"{code}a", "amount": 5}, {"code": f"{code}b", "status": "old"}]
    await anon.table("stock").insert(rows, default_to_null=False).execute()
    found = await stock_of(anon, code)
    assert [(row["amount"], row["status"]) for row in found] == [(5, "new"), (1, "old")]


async def test_no_rows_are_no_insert(anon):
    assert (await anon.table("stock").insert([]).execute()).data == []


async def test_an_insert_counts(anon):
    code = fresh("count")
    rows = [{"code": f"{code}{n}"} for n in range(3)]
    answer = await anon.table("stock").insert(rows, count=CountMethod.exact).execute()
    assert answer.count == 3


async def test_an_upsert_merges_by_the_primary_key(anon):
    row = {"row_name": fresh("row"), "number": 1}
    await anon.table("seats").insert({**row, "guest": "Mia"}).execute()
    answer = await anon.table("seats").upsert({**row, "guest": "Noa"}).execute()
    assert answer.data == [{**row, "guest": "Noa"}]


async def test_an_upsert_merges_by_another_key(anon):
    code = fresh("key")
    await anon.table("stock").insert({"code": code, "label": "a", "amount": 4}).execute()
    rows = [{"code": code, "label": "b"}, {"code": f"{code}x", "label": "c"}]
    await anon.table("stock").upsert(rows, on_conflict="code").execute()
    found = await stock_of(anon, code)
    assert [(row["label"], row["amount"]) for row in found] == [("b", 4), ("c", 1)]


async def test_an_upsert_can_leave_what_is_there(anon):
    code = fresh("keep")
    await anon.table("stock").insert({"code": code, "label": "a"}).execute()
    rows = [{"code": code, "label": "b"}, {"code": f"{code}x", "label": "c"}]
    asked = anon.table("stock").upsert(rows, on_conflict="code", ignore_duplicates=True)
    assert [row["label"] for row in (await asked.execute()).data] == ["c"]
    assert [row["label"] for row in await stock_of(anon, code)] == ["a", "c"]


async def test_an_update_changes_what_the_filter_names(anon):
    code = fresh("update")
    await anon.table("stock").insert([{"code": f"{code}{n}"} for n in range(3)]).execute()
    asked = anon.table("stock").update({"label": "z"}, count=CountMethod.exact)
    answer = await asked.in_("code", [f"{code}0", f"{code}2"]).execute()
    assert ([row["label"] for row in answer.data], answer.count) == (["z", "z"], 2)
    assert [row["label"] for row in await stock_of(anon, code)] == ["z", None, "z"]


async def test_an_update_of_nobody_answers_with_nothing(anon):
    answer = await anon.table("stock").update({"label": "z"}).eq("id", -1).execute()
    assert answer.data == []


async def test_an_update_with_nothing_to_say_changes_nothing(anon):
    code = fresh("empty")
    await anon.table("stock").insert({"code": code, "label": "a"}).execute()
    assert (await anon.table("stock").update({}).eq("code", code).execute()).data == []
    assert [row["label"] for row in await stock_of(anon, code)] == ["a"]


async def test_an_update_with_a_tree_and_a_single_row(anon):
    code = fresh("tree")
    await anon.table("stock").insert([{"code": f"{code}{n}"} for n in range(2)]).execute()
    asked = anon.table("stock").update({"amount": 9}).or_(f"code.eq.{code}0,code.eq.nobody")
    assert (await asked.select("amount").single().execute()).data == {"amount": 9}


async def test_a_delete_takes_what_the_filter_names(anon):
    code = fresh("delete")
    await anon.table("stock").insert([{"code": f"{code}{n}"} for n in range(2)]).execute()
    answer = await anon.table("stock").delete().eq("code", f"{code}0").execute()
    assert [row["code"] for row in answer.data] == [f"{code}0"]
    assert [row["code"] for row in await stock_of(anon, code)] == [f"{code}1"]


async def test_a_write_above_its_bound_changes_nothing(anon):
    code = fresh("bound")
    await anon.table("stock").insert([{"code": f"{code}{n}"} for n in range(3)]).execute()
    mine = f"{code}%"
    too_many = anon.table("stock").update({"label": "z"}).like("code", mine).max_affected(2)
    assert (await refusal(too_many.execute())).code == "PGRST124"
    too_many = anon.table("stock").delete().like("code", mine).max_affected(2)
    assert (await refusal(too_many.execute())).code == "PGRST124"
    assert [row["label"] for row in await stock_of(anon, code)] == [None] * 3
    few = anon.table("stock").update({"label": "z"}).like("code", mine).max_affected(3)
    assert len((await few.execute()).data) == 3


async def test_single_refuses_a_write_of_several_and_undoes_it(anon):
    code = fresh("undone")
    await anon.table("stock").insert([{"code": f"{code}{n}"} for n in range(2)]).execute()
    asked = anon.table("stock").update({"label": "z"}).like("code", f"{code}%")
    assert (await refusal(asked.single().execute())).code == "PGRST116"
    assert [row["label"] for row in await stock_of(anon, code)] == [None, None]


async def test_a_broken_constraint_says_which(anon):
    seat = {"row_name": fresh("twice"), "number": 1}
    await anon.table("seats").insert(seat).execute()
    twice = await refusal(anon.table("seats").insert(seat).execute())
    assert (twice.code, "seats_pkey" in twice.message) == ("23505", True)
    assert twice.details == f"Key (row_name, number)=({seat['row_name']}, 1) already exists."
    code = fresh("twice")
    await anon.table("stock").insert({"code": code}).execute()
    twice = await refusal(anon.table("stock").insert({"code": code}).execute())
    # Under row level security Postgres does not show the key.
    assert (twice.code, twice.details) == ("23505", None)
    negative = await refusal(anon.table("stock").insert({"amount": -1}).execute())
    assert (negative.code, "stock_amount_check" in negative.message) == ("23514", True)
    nobody = await refusal(anon.table("stock").insert({"film_id": 99}).execute())
    assert nobody.code == "23503"
    null = await refusal(anon.table("stock").insert({"amount": None}).execute())
    assert null.code == "23502"


async def test_a_deferred_constraint_refuses_at_the_end(anon):
    one, two = fresh("one"), fresh("two")
    refused = await refusal(anon.table("couples").insert({"id": one, "partner": two}).execute())
    assert refused.code == "23503"
    assert (await anon.table("couples").select("id").eq("id", one).execute()).data == []
    pair = [{"id": one, "partner": two}, {"id": two, "partner": one}]
    assert len((await anon.table("couples").insert(pair).execute()).data) == 2


async def test_an_insert_without_the_right_to_read_must_ask_for_nothing_back(anon):
    quiet = anon.table("inbox").insert({"message": "hi"}, returning=ReturnMethod.minimal)
    assert (await quiet.execute()).data == []
    loud = await refusal(anon.table("inbox").insert({"message": "hi"}).execute())
    assert loud.code == "42501"


async def test_a_user_writes_and_reads_only_what_is_its_own(member, connect, service, anon):
    entry = fresh("dear diary")
    (row,) = (await member.table("diaries").insert({"entry": entry}).execute()).data
    session = await member.auth.get_session()
    assert row["owner_id"] == session.user.id
    assert (await anon.table("diaries").select("entry").execute()).data == []
    mine = await member.table("diaries").select("entry").execute()
    assert [row["entry"] for row in mine.data] == [entry]
    stolen = member.table("diaries").insert(
        {"entry": "x", "owner_id": "00000000-0000-4000-8000-000000000001"}
    )
    refused = await refusal(stolen.execute())
    assert refused.code == "42501"
    assert "row-level security" in refused.message
    everybody = await service.table("diaries").select("entry").eq("entry", entry).execute()
    assert len(everybody.data) == 1


async def test_a_table_without_grants_is_closed(anon, member, service):
    for client in (anon, member):
        refused = await refusal(client.table("vaults").select("*").execute())
        assert (refused.code, refused.message) == (
            "42501",
            "permission denied for table vaults",
        )
    assert (await service.table("vaults").select("content").execute()).data == [{"content": "gold"}]
