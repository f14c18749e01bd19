"""What the schema cache reads from a database with one of everything."""

from __future__ import annotations

import pytest

from agon.rest import introspection
from agon.rest.catalogue import Catalogue, Column, Function, Parameter, Relationship, Representation
from tests.places import Place
from tests.rest.schema_examples import CASTS, EXAMPLES


@pytest.fixture
async def shop(place: Place) -> Catalogue:
    await place.owner.execute(EXAMPLES + CASTS)
    return await load(place)


async def load(place: Place, *schemas: str) -> Catalogue:
    async with place.database.connection("agon_web") as conn:
        return await introspection.load(conn, schemas or ("shop",))


def column(shop: Catalogue, table: str, name: str) -> Column:
    return shop.tables["shop", table].columns[name]


def between(shop: Catalogue, source: str, target: str) -> list[Relationship]:
    relationships = shop.relationships["shop", source]
    return [one for one in relationships if one.target == ("shop", target)]


def overloads(shop: Catalogue, name: str) -> tuple[Function, ...]:
    return shop.functions.get(("shop", name), ())


def test_tables_views_and_partitioned_tables_are_there(shop: Catalogue) -> None:
    names = {name for _, name in shop.tables}
    assert {"people", "Odd Things", "customers", "snapshot", "events"} <= names
    assert "events_2026" not in names
    assert {schema for schema, _ in shop.tables} == {"shop"}
    assert shop.tables["shop", "people"].comment == "Who buys."


def test_columns_keep_their_order_and_leave_out_what_was_dropped(shop: Catalogue) -> None:
    assert list(shop.tables["shop", "people"].columns) == [
        "id", "name", "nick", "mood", "feeling", "code", "label", "tint", "shout", "boss_id",
    ]  # fmt: skip
    assert column(shop, "people", "name").comment == "As they call themselves."
    assert column(shop, "people", "boss_id").comment is None


def test_types_can_stand_in_sql(shop: Catalogue) -> None:
    kinds = {
        name: (column(shop, "people", name).type, column(shop, "people", name).base)
        for name in ("id", "nick", "feeling", "code", "label")
    }
    assert kinds == {
        "id": ("bigint", "bigint"),
        "nick": ("shop.shorter", "character varying"),
        "feeling": ("shop.feeling", "shop.mood"),
        "code": ("character(3)", "bpchar"),
        "label": ("character varying(40)", "character varying"),
    }


def test_enums_are_in_their_order_also_under_domains(shop: Catalogue) -> None:
    assert column(shop, "people", "mood").enum == ("sad", "fine", "glad")
    assert column(shop, "people", "feeling").enum == ("sad", "fine", "glad")
    assert column(shop, "people", "name").enum == ()


def test_a_column_is_nullable_unless_it_or_a_domain_says_not(shop: Catalogue) -> None:
    assert not column(shop, "people", "name").nullable
    assert not column(shop, "people", "nick").nullable
    assert column(shop, "people", "tint").nullable


async def test_defaults_are_expressions_that_postgres_takes(shop: Catalogue, place: Place) -> None:
    people = shop.tables["shop", "people"].columns
    assert people["id"].default == "nextval('shop.people_id_seq'::regclass)"
    assert people["mood"].default == "'fine'::shop.mood"
    assert people["nick"].default == "'short'::character varying"
    assert (people["shout"].default, people["name"].default) == (None, None)
    number = column(shop, "orders", "number").default
    serial = column(shop, "Odd Things", "the id").default
    label = people["label"].default
    row = await place.owner.fetchrow(f"select {number} as n, {serial} as s, {label} as l")
    assert (row["n"], row["s"], row["l"]) == (1, 1, "a 'label'")


def test_a_sequence_with_an_odd_name_is_quoted(shop: Catalogue) -> None:
    assert column(shop, "Odd Things", "the id").default == (
        """nextval('shop."Odd Things_the id_seq"'::regclass)"""
    )


def test_primary_keys_are_those_of_the_table_under_a_view(shop: Catalogue) -> None:
    keys = {name: table.primary_key for (_, name), table in shop.tables.items()}
    assert keys["orders"] == ("region", "number")
    assert keys["events"] == ("day", "id")
    assert keys["customers"] == ("customer_id",)
    assert keys["twice"] == ("one",)
    assert keys["snapshot"] == ("id",)
    assert keys["boxes"] == ("box",)
    assert keys["joined"] == ("person", "tag")


def test_a_view_without_the_whole_key_has_none(shop: Catalogue) -> None:
    keys = {name: table.primary_key for (_, name), table in shop.tables.items()}
    assert (keys["purchases_again"], keys["totals"], keys["united"]) == ((), (), ())


def test_what_can_be_written_is_known(shop: Catalogue) -> None:
    writable = {
        name: (table.is_view, table.insertable, table.updatable, table.deletable)
        for (_, name), table in shop.tables.items()
    }
    assert writable["people"] == (False, True, True, True)
    assert writable["events"] == (False, True, True, True)
    assert writable["customers"] == (True, True, True, True)
    assert writable["totals"] == (True, False, False, False)
    assert writable["snapshot"] == (True, False, False, False)


def test_foreign_keys_are_relationships(shop: Catalogue) -> None:
    buyer, seller = between(shop, "orders", "people")[1:]
    assert (buyer.kind, buyer.constraint, buyer.columns) == (
        "many_to_one", "orders_buyer", (("buyer_id", "id"),),
    )  # fmt: skip
    assert seller.constraint == "orders_seller"
    (lines,) = between(shop, "orders", "lines")
    assert (lines.kind, lines.columns) == (
        "one_to_many", (("number", "order_number"), ("region", "region")),
    )  # fmt: skip
    (odd,) = between(shop, "Odd Things", "people")
    assert (odd.constraint, odd.columns) == ("odd, {owner}", (("owner's id", "id"),))


def test_keys_make_one_to_one_and_many_to_many(shop: Catalogue) -> None:
    (address,) = between(shop, "people", "addresses")
    assert (address.kind, address.is_parent) == ("one_to_one", True)
    (holder,) = between(shop, "passports", "people")
    assert (holder.kind, holder.is_parent) == ("one_to_one", False)
    (tags,) = between(shop, "people", "tags")
    assert tags.junction is not None
    assert (tags.kind, tags.junction.table) == ("many_to_many", ("shop", "people_tags"))
    assert [one.kind for one in between(shop, "people", "people")] == [
        "many_to_one",
        "one_to_many",
    ]


def test_a_partitioned_table_belongs_once(shop: Catalogue) -> None:
    assert [one.constraint for one in between(shop, "events", "people")] == ["events_person"]
    assert [one.kind for one in between(shop, "people", "events")] == ["one_to_many"]


def test_views_belong_as_their_tables_do(shop: Catalogue) -> None:
    (own,) = between(shop, "purchases", "customers")
    assert (own.kind, own.columns) == ("many_to_one", (("customer", "customer_id"),))
    (again,) = between(shop, "purchases_again", "people")
    assert again.columns == (("again", "id"),)
    chief, staff = between(shop, "customers", "customers")
    assert (chief.columns, staff.columns) == (
        (("chief", "customer_id"),),
        (("customer_id", "chief"),),
    )
    assert [one.columns for one in between(shop, "orders", "twice")] == [
        (("buyer_id", "one"),), (("buyer_id", "two"),),
        (("seller_id", "one"),), (("seller_id", "two"),),
    ]  # fmt: skip


def test_views_over_hidden_tables_belong_together(shop: Catalogue) -> None:
    (lot,) = between(shop, "boxes", "stock")
    assert (lot.kind, lot.columns) == ("many_to_one", (("lot", "lot"),))
    assert all(one.target[0] == "shop" for ones in shop.relationships.values() for one in ones)


def test_a_view_that_computes_belongs_to_nothing(shop: Catalogue) -> None:
    assert ("shop", "totals") not in shop.relationships
    assert ("shop", "united") not in shop.relationships


def test_functions_over_rows_are_relationships(shop: Catalogue) -> None:
    (latest,) = [one for one in between(shop, "people", "orders") if one.function]
    assert (latest.constraint, latest.function, latest.to_one) == (
        "latest_order", "shop.latest_order", True,
    )  # fmt: skip
    (buyer,) = [one for one in between(shop, "orders", "people") if one.function]
    assert (buyer.constraint, buyer.to_one) == ("buyer", True)
    (passports,) = between(shop, "people", "passports")
    assert (passports.function, passports.to_one) == ("shop.passports", False)


def test_casts_of_a_domain_are_its_representation(shop: Catalogue) -> None:
    assert column(shop, "people", "tint").representation == Representation(
        to_json="shop.colour_to_json",
        from_json="shop.colour_from_json",
        from_text="shop.colour_from_text",
    )
    assert column(shop, "people", "nick").representation is None


def test_parameters_are_what_a_caller_gives(shop: Catalogue) -> None:
    text, numbers = overloads(shop, "add")
    assert text.parameters == (Parameter(name="a", type="text"),)
    assert numbers.parameters == (
        Parameter(name="a", type="integer"),
        Parameter(name="b", type="integer", required=False),
        Parameter(name="rest", type="integer[]", required=False, variadic=True),
    )
    (split,) = overloads(shop, "split")
    assert [one.name for one in split.parameters] == ["whole", "high"]
    (padded,) = overloads(shop, "padded")
    assert padded.parameters[0].type == "bpchar"


def test_what_a_function_returns_is_known(shop: Catalogue) -> None:
    shapes = {
        name: (one.returns, one.set_returning, one.composite, one.table)
        for name in ("nothing", "split", "pairs", "everyone", "one_person", "payload")
        for one in overloads(shop, name)
    }
    assert shapes == {
        "nothing": ("void", False, False, None),
        "split": ("record", False, True, None),
        "pairs": ("record", True, True, None),
        "everyone": ("shop.people", True, True, ("shop", "people")),
        "one_person": ("shop.person", False, True, ("shop", "people")),
        "payload": ("jsonb", False, False, None),
    }
    assert overloads(shop, "nothing")[0].void


def test_a_function_keeps_its_volatility_settings_and_comment(shop: Catalogue) -> None:
    (everyone,) = overloads(shop, "everyone")
    assert everyone.settings == (("statement_timeout", "3s"), ("search_path", '""'))
    assert (everyone.volatility, everyone.comment) == ("stable", "All of them.")
    assert [one.volatility for one in overloads(shop, "add")] == ["stable", "immutable"]


@pytest.mark.parametrize("name", ["guard", "total", "act", "nameless", "half_nameless", "hidden"])
def test_what_cannot_be_called_is_left_out(shop: Catalogue, name: str) -> None:
    assert name not in {function for _, function in shop.functions}


def test_a_nameless_payload_can_be_called(shop: Catalogue) -> None:
    (payload,) = overloads(shop, "payload")
    assert payload.parameters == (Parameter(name="", type="jsonb"),)


def test_time_zones_are_those_of_postgres(shop: Catalogue) -> None:
    assert {"UTC", "Europe/Berlin"} <= shop.time_zones
    assert "Mars/Olympus" not in shop.time_zones


async def test_several_schemas_are_one_catalogue(shop: Catalogue, place: Place) -> None:
    both = await load(place, "shop", "back room")
    assert {("back room", "stock"), ("shop", "stock")} <= set(both.tables)
    targets = {one.target for one in both.relationships["back room", "stock"]}
    assert {("back room", "boxes"), ("shop", "boxes"), ("shop", "people")} <= targets
    assert ("back room", "hidden") in both.functions


async def test_a_schema_that_is_not_there_is_empty(place: Place) -> None:
    empty = await load(place, "nowhere")
    assert (empty.tables, empty.relationships, empty.functions) == ({}, {}, {})


async def test_nothing_stays_set_after_loading(shop: Catalogue, place: Place) -> None:
    async with place.database.connection("agon_web") as conn:
        before = await conn.fetchval("select current_setting('search_path')")
        await introspection.load(conn, ("shop",))
        assert await conn.fetchval("select current_setting('search_path')") == before


CHANGES = (
    "create table shop.more (id integer)",
    "alter table shop.people add column age integer",
    "alter table shop.people drop column tint",
    "alter table shop.people rename column name to called",
    "alter table shop.addresses alter column street type varchar(10)",
    "alter table shop.addresses alter column street set default 'x'",
    "alter table shop.visits add constraint visit_again foreign key (id) references shop.tags",
    "alter table shop.people_tags drop constraint tagged_tag",
    "drop table shop.lines",
    "create view shop.fewer as select id from shop.people",
    "create or replace view shop.united as select 1::bigint as id",
    "create function shop.fresh() returns integer language sql as 'select 1'",
    "drop function shop.nothing()",
    "create or replace function shop.add(a text) returns text language sql volatile as 'select a'",
    "alter type shop.mood add value 'furious'",
    "alter domain shop.short set default 'other'",
    "drop cast (text as shop.colour)",
    "alter table shop.tags rename to labels",
    "alter schema shop rename to store",
)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_has_another_fingerprint(shop: Catalogue, place: Place, change: str) -> None:
    async with place.database.connection("agon_web") as conn:
        before = await introspection.fingerprint(conn)
        await place.owner.execute(change)
        assert await introspection.fingerprint(conn) != before


@pytest.mark.parametrize(
    "change",
    [
        "insert into shop.tags values (1, 'a')",
        "truncate shop.visits",
        "refresh materialized view shop.snapshot",
        "create temporary table passing (id integer)",
        "analyze shop.people",
    ],
)
async def test_work_on_rows_has_the_same_fingerprint(
    shop: Catalogue, place: Place, change: str
) -> None:
    async with place.database.connection("agon_web") as conn:
        before = await introspection.fingerprint(conn)
        await place.owner.execute(change)
        assert await introspection.fingerprint(conn) == before
