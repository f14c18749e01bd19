"""Values as Postgres is sent them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.kernel import database
from agon.kernel.errors import Refused
from agon.rest import binding
from agon.rest.ask import Param
from tests.rest.strategies import TEXTS, lists


def bound(form: str, *values: str, rows_max: int = 1000, **parts) -> bytes | None:
    slot = 0 if values else None
    (found,) = binding.bind([Param(form=form, slot=slot, **parts)], values, b"{}", rows_max)
    return found


def no(call, *arguments, **parts) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        call(*arguments, **parts)
    return caught.value.refusal.code, caught.value.refusal.status


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("text", "", b""),
        ("text", "größe*", "größe*".encode()),
        ("pattern", "*x*", b"%x%"),
        ("pattern", "{a*,*b}", b"{a%,%b}"),
        ("list", "()", b"{}"),
        ("list", "( )", b"{}"),
        ("list", "(1,2)", b'{"1","2"}'),
        ("list", "(null,NULL)", b'{"null","NULL"}'),
        ("list", ' ( "b,c" , "d)" ) ', b'{"b,c","d)"}'),
        ("list", '("")', b'{""}'),
        ("list", "(a,)", b'{"a",""}'),
        ("list", r'("say \"x\" \\",b\c)', rb'{"say \"x\" \\","b\\c"}'),
        ("list", '("a"b,c)', rb'{"\"a\"b","c"}'),
        ("list", "({1},[2])", b'{"{1}","[2]"}'),
        ("limit", "10", b"10"),
        ("limit", " 0010 ", b"10"),
        ("limit", "-0", b"0"),
        ("limit", "1001", b"1000"),
        ("limit", "9" * 5000, b"1000"),
        ("offset", "1001", b"1001"),
        ("offset", "9" * 5000, b"9223372036854775807"),
    ],
)
def test_a_value_takes_the_form_of_its_place(form, value, expected):
    assert bound(form, value) == expected


def test_what_was_not_given_has_a_default():
    assert bound("limit") == b"1000"
    assert bound("offset") == b"0"
    assert bound("body") == b"{}"
    assert bound("text") is None
    assert bound("constant", value="x") == b"x"
    assert bound("constant") is None
    assert binding.bind([Param(form="body")], [], None, 1) == [None]


def test_parameters_come_in_their_own_order():
    params = [Param(slot=1), Param(form="limit", slot=2), Param(slot=0), Param(slot=1)]
    assert binding.bind(params, ["a", "b", "3"], None, 1000) == [b"b", b"3", b"a", b"b"]


@pytest.mark.parametrize("form", ["limit", "offset"])
def test_a_bound_that_is_no_whole_number_is_refused(form):
    for text in ("", "x", "1.5", "1e3", "٣", "0x10", "1 2", "--1"):
        assert no(bound, form, text) == ("PGRST100", 400)
    for text in ("-1", "-" + "9" * 5000):
        assert no(bound, form, text) == ("PGRST103", 416)


@pytest.mark.parametrize(
    "text", ["", "(", "1,2", "(1", "1)", "(1)2)", "(1)(2)", '("a)"b)', '(")', "(a)b,c)"]
)
def test_a_malformed_list_is_refused(text):
    if text == '(")':
        assert bound("list", text) == rb'{"\""}'
    else:
        assert no(bound, "list", text) == ("PGRST100", 400)


def test_text_that_is_no_unicode_is_refused():
    for form, text in (("text", "\ud800"), ("pattern", "\ud800"), ("list", "(\ud800)")):
        assert no(bound, form, text) == ("PGRST100", 400)


@given(TEXTS | lists(TEXTS))
def test_any_list_is_an_array_or_refused(text):
    try:
        literal = binding.array_literal(text)
    except Refused as refused:
        assert refused.refusal.code == "PGRST100"
    else:
        assert literal[0] + literal[-1] == "{}"


@given(st.lists(TEXTS, max_size=5))
def test_a_quoted_list_keeps_its_elements_apart(elements):
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    ours = binding.array_literal(f"({','.join(map(quoted, elements))})")
    assert ours == "{" + ",".join(map(quoted, elements)) + "}"


async def test_postgres_reads_an_array_as_the_list_was_meant(server):
    expected = {
        "()": [],
        "(1,2)": ["1", "2"],
        '("a,b",c)': ["a,b", "c"],
        r'("say \"x\" \\",b\c,{d},null,)': ['say "x" \\', "b\\c", "{d}", "null", ""],
        '( " x " , y)': [" x ", " y"],
    }
    conn = await database.connect(server.url("agon_owner", "agon"))
    try:
        for text, elements in expected.items():
            literal = binding.array_literal(text)
            assert await conn.fetchval("select $1::text::text[]", literal) == elements
    finally:
        await conn.close()
