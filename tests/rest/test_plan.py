"""From requests to statements, on the film library."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agon.kernel.errors import Refused
from agon.rest import plan, wire
from agon.rest.ask import Bounds
from tests import servers
from tests.rest import asking, films


@pytest.fixture(scope="module")
async def library(
    server: servers.TestServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[films.Films]:
    folder: Path = tmp_path_factory.mktemp("plan")
    async with films.library(server, "agon_test_plan", folder) as opened:
        yield opened


async def read(library: films.Films, url: str, **parts: str) -> object:
    row = await library.ask("GET", url, **parts)
    assert row.body is not None
    return json.loads(row.body)


async def refusal(library: films.Films, method: str, url: str, **parts: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await library.ask(method, url, **parts)
    return caught.value


def statement(library: films.Films, method: str, url: str, **parts: str) -> str:
    asked = asking.parsed(method, url, **parts)
    return plan.plan(asked.ask, library.catalogue, Bounds(aggregates=True)).sql


@pytest.mark.parametrize(
    "url",
    [
        "/films?id=eq.{}",
        "/films?title=like.*{}*",
        "/films?title=in.({},b)",
        "/films?or=(title.eq.{},and(id.gt.1,title.ilike.{}))",
        "/films?plot=wfts(english).{}",
        "/films?facts->>awards=eq.{}",
        "/films?select=id,actors(name)&actors.name=eq.{}",
        "/rpc/greet?name={}",
    ],
)
async def test_no_value_stands_in_a_statement(library: films.Films, url: str) -> None:
    one, other = (statement(library, "GET", url.replace("{}", word)) for word in ("zebra", "okapi"))
    assert one == other
    assert "zebra" not in one


async def test_no_value_of_a_payload_stands_in_a_statement(library: films.Films) -> None:
    sql = statement(library, "POST", "/stock", body='{"code": "zebra"}')
    assert "zebra" not in sql


@pytest.mark.parametrize("name", ['"; drop table films; --', "a'b", 'a"b', "\\", "a\\'b"])
async def test_a_json_key_is_only_a_key(library: films.Films, name: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert await read(library, f"/films?select=x:facts->>{quoted}&id=eq.1") == [{"x": None}]


async def test_a_cast_is_only_a_type(library: films.Films) -> None:
    with pytest.raises(Refused) as caught:
        await library.ask("GET", "/films?select=id::text) from pg_roles --")
    assert caught.value.refusal.code == "PGRST100"


async def test_embeds_are_looked_up_for_the_page_alone(library: films.Films) -> None:
    sql = statement(library, "GET", "/films?select=id,actors(name)&order=year&limit=2")
    assert sql.index("limit") < sql.index("lateral")


@pytest.mark.parametrize(
    "query",
    [
        "select=id,actors!inner(name)&limit=2",
        "select=id,actors(name)&actors=is.null&limit=2",
        "select=id,director:director_id(name)&order=director(name)&limit=2",
    ],
)
async def test_where_an_embed_decides_the_page_comes_last(library: films.Films, query: str) -> None:
    sql = statement(library, "GET", f"/films?{query}")
    assert sql.rindex("limit") > sql.index("lateral")


@pytest.mark.parametrize(
    ("hint", "names"),
    [
        ("directors!films_director_id_fkey(name)", "Ada Wong"),
        ("directors!director_id(name)", "Ada Wong"),
        ("directors!editor_id(name)", "Bo Li"),
        ("directors:editor_id(name)", "Bo Li"),
        ("directors:films_editor_id_fkey(name)", "Bo Li"),
    ],
)
async def test_a_hint_says_which_key(library: films.Films, hint: str, names: str) -> None:
    assert await read(library, f"/films?select={hint}&id=eq.1") == [{"directors": {"name": names}}]


async def test_two_keys_to_one_table_are_ambiguous(library: films.Films) -> None:
    refused = (await refusal(library, "GET", "/films?select=directors(name)")).refusal
    assert (refused.code, refused.status) == ("PGRST201", 300)
    assert "'directors!films_editor_id_fkey'" in (refused.hint or "")


async def test_within_one_table_the_column_says_which_way(library: films.Films) -> None:
    url = "/directors?select=mentor:mentor_id(id),students:directors!mentor_id(id)&id=eq.2"
    assert await read(library, url) == [{"mentor": {"id": 1}, "students": [{"id": 4}]}]


@pytest.mark.parametrize(
    ("method", "url", "code", "hint"),
    [
        ("GET", "/filmz", "PGRST205", "'public.films'"),
        ("GET", "/zzz", "PGRST205", None),
        ("GET", "/films?select=reviewz(id)", "PGRST200", "'reviews'"),
        ("GET", "/films?select=actors!reviews(id)", "PGRST200", None),
        ("GET", "/films?reviews.id=eq.1", "PGRST108", "'reviews'"),
        ("GET", "/films?select=id,reviews(id)&order=reviews(id)", "PGRST118", None),
        ("GET", "/films?select=id,...reviews(id.sum())", "PGRST127", None),
        ("GET", "/rpc/ad_them?a=1", "PGRST202", "public.add_them"),
        ("GET", "/rpc/add_them?a=1", "PGRST202", "public.add_them(a, b)"),
        ("GET", "/rpc/twin?a=1", "PGRST203", "overloading"),
    ],
)
async def test_what_cannot_be_found_is_named(
    library: films.Films, method: str, url: str, code: str, hint: str | None
) -> None:
    refused = (await refusal(library, method, url)).refusal
    assert refused.code == code
    assert refused.hint is None if hint is None else hint in (refused.hint or "")


async def test_aggregates_are_a_setting(library: films.Films) -> None:
    with pytest.raises(Refused) as caught:
        await library.ask("GET", "/films?select=count()", bounds=Bounds())
    assert caught.value.refusal.code == "PGRST123"
    assert await read(library, "/films?select=count()") == [{"count": 6}]


async def test_an_aggregate_is_grouped_by_the_rest(library: films.Films) -> None:
    rows = await read(library, "/films?select=director:director_id(name),count()&id=lte.4")
    assert sorted(rows, key=json.dumps) == [  # type: ignore[call-overload]
        {"director": {"name": "Ada Wong"}, "count": 2},
        {"director": {"name": "Bo Li"}, "count": 2},
    ]


async def test_an_aggregate_in_a_spread_is_the_parents(library: films.Films) -> None:
    rows = await read(library, "/films?select=genre,...film_budgets(amount.sum())&genre=eq.drama")
    assert rows == [{"genre": "drama", "sum": 100.5}]


async def test_a_count_sees_what_the_read_sees(library: films.Films) -> None:
    for query in (
        "select=id,actors!inner(id)&actors.name=eq.Mia",
        "select=id,actors()&actors=is.null",
        "select=id,reviews()&or=(reviews.is.null,id.eq.1)",
    ):
        row = await library.ask("GET", f"/films?{query}", prefer="count=exact")
        assert row.total == row.page > 0, query


async def test_no_more_rows_than_the_bound_also_inside(library: films.Films) -> None:
    bounds = Bounds(rows_max=1)
    row = await library.ask("GET", "/films?select=actors(id)&id=eq.1", bounds=bounds)
    assert json.loads(row.body or b"") == [{"actors": [{"id": 1}]}]
    row = await library.ask("GET", "/rpc/count_to?last=5", bounds=bounds)
    assert row.page == 1


async def test_an_upsert_knows_what_is_new(library: films.Films) -> None:
    prefer = "resolution=merge-duplicates"
    for code, inserted in (("u1", 1), ("u1", 0)):
        body = json.dumps({"code": code})
        row = await library.ask("POST", "/stock?on_conflict=code", body=body, prefer=prefer)
        assert row.inserted == inserted


async def test_a_default_stands_only_where_nothing_was_sent(library: films.Films) -> None:
    row = await library.ask(
        "POST",
        "/stock?columns=code,status&select=status",
        body='[{"code": "d1"}, {"code": "d2", "status": null}]',
        prefer="missing=default,return=representation",
    )
    assert json.loads(row.body or b"") == [{"status": "new"}, {"status": None}]


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("row_name=eq.A", '{"row_name": "A", "number": 1}', "PGRST105"),
        ("row_name=eq.A&number=gt.1", '{"row_name": "A", "number": 1}', "PGRST105"),
        ("row_name=eq.A&number=eq.1&limit=1", '{"row_name": "A", "number": 1}', "PGRST114"),
    ],
)
async def test_put_names_one_row_by_its_key(
    library: films.Films, query: str, body: str, code: str
) -> None:
    assert (await refusal(library, "PUT", f"/seats?{query}", body=body)).refusal.code == code


async def test_put_writes_no_other_row_than_its_address(library: films.Films) -> None:
    body = '{"row_name": "P", "number": 2}'
    with pytest.raises(wire.PostgresError) as caught:
        await library.ask("PUT", "/seats?row_name=eq.P&number=eq.1", body=body)
    assert "PGRST115" in caught.value.fault.message
    row = await library.ask("GET", "/seats?row_name=eq.P")
    assert row.page == 0


async def test_too_many_rows_are_left_as_they_were(library: films.Films) -> None:
    await library.ask("POST", "/stock", body='[{"label": "many"}, {"label": "many"}]')
    with pytest.raises(wire.PostgresError) as caught:
        await library.ask("DELETE", "/stock?label=eq.many", prefer="handling=strict,max-affected=1")
    assert "PGRST124" in caught.value.fault.message
    assert (await library.ask("GET", "/stock?label=eq.many")).page == 2


async def test_one_object_or_nothing_is_changed(library: films.Films) -> None:
    await library.ask("POST", "/stock", body='[{"label": "two"}, {"label": "two"}]')
    with pytest.raises(wire.PostgresError) as caught:
        await library.ask(
            "DELETE",
            "/stock?label=eq.two",
            prefer="return=representation",
            accept="application/vnd.pgrst.object+json",
        )
    assert "PGRST116" in caught.value.fault.message
    assert (await library.ask("GET", "/stock?label=eq.two")).page == 2


async def test_a_count_of_a_functions_rows_runs_it_once(library: films.Films) -> None:
    row = await library.ask(
        "POST", "/rpc/add_stock?limit=1", body='{"new_code": "once"}', prefer="count=exact"
    )
    assert (row.total, row.page) == (1, 1)
    assert (await library.ask("GET", "/stock?code=eq.once")).page == 1


async def test_a_computed_relationship_takes_the_rows_of_a_change(library: films.Films) -> None:
    row = await library.ask(
        "POST", "/rpc/films_since?select=*,best_review(stars)&id=eq.3", body='{"first_year": 2000}'
    )
    assert json.loads(row.body or b"")[0]["best_review"] == {"stars": 5}


async def test_a_counted_function_may_be_filtered_by_what_is_not_shown(
    library: films.Films,
) -> None:
    url = "/rpc/films_since?first_year=2001&select=id&or=(year.gt.2005,id.eq.3)&order=id"
    row = await library.ask("GET", url, prefer="count=exact")
    assert json.loads(row.body or b"") == [{"id": 3}, {"id": 4}, {"id": 6}]
    assert row.total == 3


async def test_an_empty_select_means_all_columns(library: films.Films) -> None:
    assert await read(library, "/actors?select=&id=eq.1") == [{"id": 1, "name": "Mia"}]


@pytest.mark.parametrize("embed", ["castings!inner()", "directors!director_id!inner()"])
async def test_nothing_but_an_empty_embed_gives_empty_objects(
    library: films.Films, embed: str
) -> None:
    assert await read(library, f"/films?select={embed}&id=eq.1") == [{}]


async def test_an_empty_embed_of_one_row_can_be_asked_for(library: films.Films) -> None:
    url = "/films?select=id,director:director_id()&director=is.null"
    assert await read(library, url) == [{"id": 5}]


async def test_an_empty_array_binds_nothing_that_it_does_not_use(library: films.Films) -> None:
    url = "/stock?select=*,films(*)&films.title=eq.x"
    row = await library.ask("POST", url, body="[]", prefer="return=representation")
    assert json.loads(row.body or b"") == []


async def test_a_request_has_a_bound_of_embeds(library: films.Films) -> None:
    embeds = ",".join(f"r{number}:reviews(id)" for number in range(70))
    assert (await refusal(library, "GET", f"/films?select={embeds}")).refusal.code == "PGRST100"


@pytest.mark.parametrize("name", ["unknown", "record", "cstring", "ANYELEMENT", "unknown[]"])
async def test_a_pseudo_type_is_no_type_to_cast_to(library: films.Films, name: str) -> None:
    assert (await refusal(library, "GET", f"/films?select=id::{name}")).refusal.code == "PGRST100"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("/films?select=json_agg", None),
        ("/films?select=array_agg", None),
        ("/films?select=titel", '"films.title"'),
        ("/films?select=id&titel=eq.x", '"films.title"'),
        ("/films?order=titel", '"films.title"'),
        ("/films?select=id,reviews(row_to_json)", None),
        ("/films?select=id,director:director_id(id)&order=director(row_to_json)", None),
        ("/rpc/films_by_year?select=json_agg", None),
        ("/rpc/middle?select=x,row_to_json", None),
        ("/rpc/count_to?last=3&json_agg=eq.1", None),
    ],
)
async def test_only_columns_and_functions_made_for_them_can_be_named(
    library: films.Films, url: str, hint: str | None
) -> None:
    refused = (await refusal(library, "GET", url)).refusal
    assert (refused.code, refused.status) == ("42703", 400)
    assert refused.hint is None if hint is None else hint in (refused.hint or "")


async def test_the_habit_of_selecting_count_is_kept(library: films.Films) -> None:
    assert await read(library, "/films?select=count") == [{"count": 6}]


async def test_results_of_functions_have_their_own_columns(library: films.Films) -> None:
    assert await read(library, "/rpc/middle?select=y") == {"y": 4}
    assert await read(library, "/rpc/films_by_year?select=films&year=eq.1999") == [{"films": 1}]
    assert await read(library, "/rpc/split_name?full_name=a b&select=last") == {"last": "b"}


async def test_an_order_by_an_embed_follows_its_filters(library: films.Films) -> None:
    url = (
        "/films?select=id,director:director_id(name)&id=in.(1,3)"
        "&order=director(name).asc.nullslast&director.name=eq.Bo Li"
    )
    assert [row["id"] for row in await read(library, url)] == [3, 1]  # type: ignore[attr-defined]


async def test_a_bytea_is_sent_as_it_is_and_nothing_else(library: films.Films) -> None:
    binary = "application/octet-stream"
    for url in ("/rpc/greet?name=x", "/rpc/count_to?last=2"):
        assert (await refusal(library, "GET", url, accept=binary)).refusal.code == "PGRST107"
