"""The query string: values are taken out of it, and the rest becomes a tree."""

from __future__ import annotations

import pytest

from agon.kernel.errors import Refused
from agon.rest import conditions, grammar
from agon.rest.tree import (
    Condition,
    Embed,
    Field,
    Logic,
    Order,
    Pick,
    Query,
    Slot,
    Step,
)

V = grammar.VALUE


def tree(*pairs: tuple[str, str], call: bool = False) -> Query:
    return grammar.read(list(pairs), call=call)[0]


def only_filter(key: str, text: str):
    ((_, found),) = tree((key, text)).filters
    return found


def selected(text: str):
    return tree(("select", text)).select


def no(*pairs: tuple[str, str], call: bool = False) -> None:
    with pytest.raises(Refused) as caught:
        grammar.read(list(pairs), call=call)
    assert caught.value.refusal.code == "PGRST100"


@pytest.mark.parametrize(
    ("key", "text", "template", "values"),
    [
        ("id", "eq.5", "eq.␀", ["5"]),
        ("id", "eq.", "eq.␀", [""]),
        ("id", "in.(1,2)", "in.␀", ["(1,2)"]),
        ("id", "in.()", "in.␀", ["()"]),
        ("name", "not.like(any).{a,b}", "not.like(any).␀", ["{a,b}"]),
        ("name", "eq.is.null", "eq.␀", ["is.null"]),
        ("a", "is.null", "is.null", []),
        ("a", "not.is.NOT_NULL", "not.is.NOT_NULL", []),
        ("x", "fts(english).foo", "fts(english).␀", ["foo"]),
        ("data->>a", "eq.a.b", "eq.␀", ["a.b"]),
        ("limit", "5", "␀", ["5"]),
        ("a.b.offset", "5", "␀", ["5"]),
        ("select", "a,b", "a,b", []),
        ("rel.order", "a.desc", "a.desc", []),
        ("or", '(a.eq.1,b.in.(1,"2)"))', "(a.eq.␀,b.in.␀)", ["1", '(1,"2)")']),
        ("rel.not.and", "(a.is.null,b.cs.{1,2})", "(a.is.null,b.cs.␀)", ["{1,2}"]),
        ('"a.or"', "eq.1", "eq.␀", ["1"]),
        ("order", "eq.5", "eq.5", []),
    ],
)
def test_values_are_taken_out_and_the_shape_stays(key, text, template, values):
    template = template.replace("␀", V)
    assert grammar.split([(key, text)]) == (((key, template),), values)


def test_requests_of_one_shape_share_it():
    one, _ = grammar.split([("id", "eq.5"), ("or", '(a.eq."x,y",b.gt.2)'), ("limit", "1")])
    other, _ = grammar.split([("id", "eq.6"), ("or", "(a.eq.x,b.gt.99)"), ("limit", "2")])
    assert one == other
    assert hash(one) == hash(other)


def test_slots_are_numbered_as_the_values_came():
    pairs = [("limit", "9"), ("or", "(a.eq.1,and(b.gt.2,c.lt.3))"), ("d", "eq.4"), ("offset", "5")]
    query, values = grammar.read(pairs)
    assert values == ["9", "1", "2", "3", "4", "5"]
    assert query.limits == (((), Slot(0)),)
    assert query.offsets == (((), Slot(5)),)
    (_, either), (_, last) = query.filters
    inner = either.parts[1].parts
    assert [part.value for part in (either.parts[0], *inner, last)] == [
        Slot(index) for index in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize(
    "operator",
    [
        *(
            [
                "eq",
                "neq",
                "gt",
                "gte",
                "lt",
                "lte",
                "like",
                "ilike",
                "match",
                "imatch",
                "isdistinct",
            ]
        ),
        *(["cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "fts", "plfts", "phfts", "wfts"]),
    ],
)
def test_every_operator_is_read_alone_negated_and_in_a_tree(operator):
    plain = Condition(field=Field("a"), operator=operator, value=Slot(0))
    negated = Condition(field=Field("a"), operator=operator, value=Slot(0), negated=True)
    assert only_filter("a", f"{operator}.1") == plain
    assert only_filter("a", f"not.{operator}.1") == negated
    assert only_filter("and", f"(a.not.{operator}.1)").parts == (negated,)
    quantifiable = operator in conditions.QUANTIFIABLE
    assert quantifiable == (
        operator in ["eq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch"]
    )
    for word in ("any", "all"):
        if quantifiable:
            assert only_filter("a", f"{operator}({word}).{{1}}").quantifier == word
        elif operator not in conditions.SEARCHING:
            no(("a", f"{operator}({word}).{{1}}"))


@pytest.mark.parametrize("word", ["null", "not_null", "true", "false", "unknown", "TRUE", "Null"])
def test_the_word_of_is_belongs_to_the_shape(word):
    assert only_filter("a", f"is.{word}").value == word.lower()
    assert only_filter("or", f"(a.is.{word})").parts[0].value == word.lower()


def test_a_search_may_name_its_language():
    assert only_filter("a", "not.wfts(english).x").language == "english"
    assert only_filter("or", "(a.fts(simple).x y,b.eq.1)").parts[0].language == "simple"
    assert only_filter("a", "plfts.x").language is None


@pytest.mark.parametrize(
    ("key", "path", "field"),
    [
        ("a", (), Field("a")),
        (" spaced out ", (), Field("spaced out")),
        ("with-dash", (), Field("with-dash")),
        ("$x_1", (), Field("$x_1")),
        ("größe", (), Field("größe")),
        ('"weird, (col)"', (), Field("weird, (col)")),
        (r'"say \"x\" \\"', (), Field('say "x" \\')),
        ("rel.col", ("rel",), Field("col")),
        ('a."b.c".d', ("a", "b.c"), Field("d")),
        ("data->a->>b", (), Field("data", (Step("a"), Step("b", as_text=True)))),
        ("data->0->>-1", (), Field("data", (Step(0), Step(-1, as_text=True)))),
        ("data->12ab", (), Field("data", (Step("12ab"),))),
        ("data->!@#$%^&*_a", (), Field("data", (Step("!@#$%^&*_a"),))),
        ('rel.data->>"a.b"', ("rel",), Field("data", (Step("a.b", as_text=True),))),
        ('data->""', (), Field("data", (Step(""),))),
        ('data->"0"', (), Field("data", (Step("0"),))),
        ("data->99999999999", (), Field("data", (Step("99999999999"),))),
    ],
)
def test_a_key_names_embeds_a_column_and_a_path(key, path, field):
    query = tree((key, "eq.1"))
    assert query.filters == ((path, Condition(field=field, operator="eq", value=Slot(0))),)


def test_a_tree_joins_leaves_and_groups():
    found = only_filter("not.or", "( a.eq.1 ,not.and(b->>c.gt.2, d.not.is.null), or (e.lt.3))")
    a, both, single = found.parts
    assert (found.operator, found.negated) == ("or", True)
    assert a.field == Field("a")
    assert (both.operator, both.negated, len(both.parts)) == ("and", True, 2)
    assert both.parts[0].field == Field("b", (Step("c", as_text=True),))
    assert both.parts[1].negated
    assert single == Logic(
        operator="or",
        parts=(Condition(field=Field("e"), operator="lt", value=Slot(2)),),
    )


def test_not_may_stand_before_or_after_a_leafs_field():
    before, after = only_filter("or", "(not.a.is.null,a.not.is.null)").parts
    assert before == after
    assert before.negated


@pytest.mark.parametrize("column", ["and", "or", "not"])
def test_a_column_may_be_called_like_an_operator(column):
    assert only_filter("or", f"({column}.eq.1)").parts[0].field == Field(column)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(a.eq.x y)", "x y"),
        ('(a.eq."x,y")', "x,y"),
        ('(a.eq."x)" )', "x)"),
        (r'(a.eq."say \"x\" \\")', 'say "x" \\'),
        ('(a.eq."x"y)', '"x"y'),
        ('(a.eq."x)', '"x'),
        ("(a.eq.)", ""),
        ("(a.cs.{1,2})", "{1,2}"),
        ("(a.ov.[1,3))", "[1,3)"),
        ("(a.adj.(1,3])", "(1,3]"),
        ("(a.sl.[2020-01-01,2021-01-01])", "[2020-01-01,2021-01-01]"),
        ('(a.in.( "b,c" ,d))', '( "b,c" ,d)'),
        ("(a.in.())", "()"),
        ("(a.eq.1.5)", "1.5"),
        ("(a.like(any).{x*,*y})", "{x*,*y}"),
    ],
)
def test_a_leafs_value_is_plain_quoted_an_array_a_range_or_a_list(text, value):
    for key in ("or", "rel.and"):
        assert grammar.read([(key, text)])[1] == [value]


def test_a_comma_ends_a_plain_value_also_after_a_bracket():
    query, values = grammar.read([("or", "(a.eq.[1,b.eq.2)")])
    assert values == ["[1", "2"]
    assert len(query.filters[0][1].parts) == 2


def test_select_has_columns_aliases_casts_and_paths():
    assert selected("*") == (Pick(field=Field("*")),)
    assert selected("") == ()
    assert selected(' a , b:"c d"::text ') == (
        Pick(field=Field("a")),
        Pick(field=Field("c d"), alias="b", cast="text"),
    )
    path = (Step("a"), Step("b", as_text=True))
    assert selected("data->a->>b,x:data->a->>b::int") == (
        Pick(field=Field("data", path)),
        Pick(field=Field("data", path), alias="x", cast="int"),
    )


@pytest.mark.parametrize(
    "name",
    [
        *("text", "int4", "numeric(10,2)", "numeric(10, -2)", "text[]", "int[3][]", "bit(3)"),
        *("extensions.citext", "double precision", "character varying(20)[]"),
        *("timestamp(3) with time zone", "time without time zone", "timestamp(6)", "Int4"),
    ],
)
def test_a_cast_names_a_type(name):
    assert selected(f"a::{name},rel(b::{name})")[0] == Pick(field=Field("a"), cast=name)
    assert selected(f"a::{name}.sum()::{name}") == (
        Pick(field=Field("a"), cast=name, aggregate="sum", aggregate_cast=name),
    )


@pytest.mark.parametrize(
    "name",
    [
        *("", "1a", "int;", "int)", "int from x", "text collate", "a.b.c", "x(y)", "x()", '"int"'),
        *("int--", "int/**/", "text as y", "int union select 1", "numeric(1,2,3)", "int[", "é"),
    ],
)
def test_a_cast_is_nothing_else_than_a_type(name):
    no(("select", f"a::{name}"))


def test_aggregates_stand_after_a_column_or_alone():
    assert selected("price.sum(),n:count(),count()::text,a.count()") == (
        Pick(field=Field("price"), aggregate="sum"),
        Pick(field=None, alias="n", aggregate="count"),
        Pick(field=None, aggregate="count", aggregate_cast="text"),
        Pick(field=Field("a"), aggregate="count"),
    )
    assert selected("count")[0] == Pick(field=Field("count"))


def test_embeds_have_alias_hint_join_and_their_own_items():
    columns = (Pick(field=Field("id")),)
    assert selected("posts(id)") == (Embed(target="posts", select=columns),)
    assert selected("p:posts!fk!inner(id)") == (
        Embed(target="posts", select=columns, alias="p", hint="fk", join="inner"),
    )
    assert selected("posts!left!fk(id)")[0].join == "left"
    assert selected("posts!left!fk(id)")[0].hint == "fk"
    assert selected('posts!"inner"(id)')[0].hint == "inner"
    assert selected("...rel( id )") == (Embed(target="rel", select=columns, spread=True),)
    assert selected("rel()") == (Embed(target="rel", select=()),)
    assert selected('a(b(c(*))),"count"(id)')[0].select[0].select[0].target == "c"


def test_order_has_directions_nulls_paths_and_relations():
    query = tree(("order", "a.desc.nullslast, b->>c.asc ,rel(d).desc,e.nullsfirst,f"))
    assert query.orders == (
        (
            (),
            (
                Order(field=Field("a"), descending=True, nulls="last"),
                Order(field=Field("b", (Step("c", as_text=True),)), descending=False),
                Order(field=Field("d"), relation="rel", descending=True),
                Order(field=Field("e"), nulls="first"),
                Order(field=Field("f")),
            ),
        ),
    )
    assert tree(("a.b.order", "id")).orders[0][0] == ("a", "b")


def test_columns_and_on_conflict_are_names():
    query = tree(("columns", '"a b", c,c'), ("on_conflict", "x,y"))
    assert (query.columns, query.on_conflict) == (("a b", "c"), ("x", "y"))
    assert (Query().columns, Query().on_conflict) == (None, None)


def test_of_a_repeated_key_the_first_counts_but_of_bounds_the_last_and_filters_add_up():
    query, values = grammar.read(
        [
            *(("select", "a"), ("select", "b"), ("order", "a"), ("order", "b")),
            *(("columns", "a"), ("columns", "b"), ("limit", "1"), ("limit", "2")),
            *(("id", "gt.1"), ("id", "lt.9")),
        ]
    )
    assert query.select == (Pick(field=Field("a")),)
    assert query.orders[0][1] == (Order(field=Field("a")),)
    assert query.columns == ("a",)
    assert [values[slot.index] for _, slot in query.limits] == ["2"]
    assert len(query.filters) == 2


def test_in_a_call_what_is_no_filter_is_an_argument():
    pairs = [("a", "5"), ("b", "eq.3"), ("a", "6"), ("c", "is.odd"), ('"limit"', "7"), ("d", "")]
    query, values = grammar.read(pairs, call=True)
    assert values == ["5", "3", "6", "is.odd", "7", ""]
    names = [(name, values[slot.index]) for name, slot in query.arguments]
    assert names == [("a", "5"), ("a", "6"), ("c", "is.odd"), ("limit", "7"), ("d", "")]
    assert len(query.filters) == 1
    no(("a.b", "5"), call=True)
    no(("a->b", "5"), call=True)
    no(("a", "5"))
