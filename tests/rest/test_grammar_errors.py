"""What is no query string is refused: where, in PostgREST's words, and whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from agon.kernel.errors import Refused
from agon.rest import conditions, grammar, lexer, selection
from tests.rest.strategies import FRAGMENT_LIST, PAIRS

V = grammar.VALUE


def no(*pairs: tuple[str, str], call: bool = False) -> tuple[str, str | None]:
    with pytest.raises(Refused) as caught:
        grammar.read(list(pairs), call=call)
    refusal = caught.value.refusal
    assert (refusal.code, refusal.status) == ("PGRST100", 400)
    assert V not in refusal.message
    return refusal.message, refusal.details


@pytest.mark.parametrize(
    ("key", "text", "message", "details"),
    [
        (
            "id",
            "eqq.5",
            '"failed to parse filter (eqq.5)" (line 1, column 1)',
            'unexpected "e" expecting "not" or operator (eq, gt, ...)',
        ),
        (
            "a.b",
            "noop.0",
            '"failed to parse filter (noop.0)" (line 1, column 1)',
            'unexpected "n" expecting "not" or operator (eq, gt, ...)',
        ),
        (
            "id",
            "not.x.5",
            '"failed to parse filter (not.x.5)" (line 1, column 5)',
            'unexpected "x" expecting operator (eq, gt, ...)',
        ),
        (
            "id",
            "in.5",
            '"failed to parse filter (in.5)" (line 1, column 4)',
            'unexpected "5" expecting "("',
        ),
        (
            "id",
            "is.nil",
            '"failed to parse filter (is.nil)" (line 1, column 4)',
            'unexpected "n" expecting isVal: (null, not_null, true, false, unknown)',
        ),
        (
            "id",
            "",
            '"failed to parse filter ()" (line 1, column 1)',
            'unexpected end of input expecting "not" or operator (eq, gt, ...)',
        ),
        (
            ":",
            "eq.1",
            '"failed to parse tree path (:)" (line 1, column 1)',
            'unexpected ":" expecting field name (* or [a..z0..9_$])',
        ),
        (
            "or",
            "()",
            '"failed to parse logic tree (())" (line 1, column 4)',
            'unexpected ")" '
            "expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator "
            "(and, or)",
        ),
        (
            "or",
            ")(",
            '"failed to parse logic tree ()()" (line 1, column 3)',
            'unexpected ")" expecting "("',
        ),
        (
            "or",
            "(id.in.1,2,id.eq.3)",
            '"failed to parse logic tree ((id.in.1,2,id.eq.3))" (line 1, column 10)',
            'unexpected "1" expecting "("',
        ),
        (
            "or",
            "(id.eq.1,not.xor(id.eq.2))",
            '"failed to parse logic tree ((id.eq.1,not.xor(id.eq.2)))" (line 1, column 16)',
            'unexpected "x" expecting logic operator (and, or)',
        ),
        (
            "order",
            "id.ac",
            '"failed to parse order (id.ac)" (line 1, column 4)',
            'unexpected "a" expecting "asc", "desc", "nullsfirst" or "nullslast"',
        ),
        (
            "order",
            "id.asc.nlsfst",
            '"failed to parse order (id.asc.nlsfst)" (line 1, column 8)',
            'unexpected "n" expecting "nullsfirst" or "nullslast"',
        ),
        (
            "select",
            "id,x(name[])",
            '"failed to parse select parameter (id,x(name[]))" (line 1, column 10)',
            'unexpected "[" expecting "->", "::", ".", ")", "," or end of input',
        ),
        (
            "select",
            "a\n,b\n)",
            '"failed to parse select parameter (a\n,b\n))" (line 1, column 2)',
            'unexpected "\n" expecting "->", "::", ".", ")", "," or end of input',
        ),
    ],
)
def test_an_error_says_where_and_what_in_postgrests_words(key, text, message, details):
    assert no((key, text)) == (message, details)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("", "eq.1"), (" ", "eq.1"), ('""', "eq.1"), ("a.", "eq.1"), (".a", "eq.1")),
        *(("a..b", "eq.1"), ("a->", "eq.1"), ("a->>b.c", "eq.1"), ("a(b)", "eq.1")),
        *(('"a', "eq.1"), ("a->-x", "eq.1"), ("a b\n", "eq.1"), ("a->b.limit", "1")),
        *(("id", "eq"), ("id", "EQ.1"), ("id", "not.not.eq.1"), ("id", "eq(some).1")),
        *(("id", "in.(1"), ("id", "in.1)"), ("id", "is.null "), ("id", "is.nullx")),
        *(
            ("id", "neq(any).1"),
            ("id", "fts().x"),
            ("id", "fts( ).x"),
            ("id", "fts(a-b).x"),
            ("id", "like().x"),
        ),
        *(("or", ""), ("or", "a.eq.1"), ("or", "(a.eq.1"), ("or", "(a.eq.1))"), ("or", "(,)")),
        *(("or", "(a.eq.1,)"), ("or", "(a.eq.1)x"), ("or", "(a)"), ("or", "(a.b.eq.1)")),
        *(("or", "(and())"), ("or", "(a.in.(1)b.eq.2)"), ("or", "(a.in.(1,)"), ("or", "(not.)")),
        *(("or", '(a.eq."x"b.eq.1,)'), ("or", "(a.is.nullb.eq.1)"), ("or", "(nand(a.eq.1))")),
        *(("a->b.or", "(a.eq.1)"), ("not", "(a.eq.1)"), (".or", "(a.eq.1)")),
        *(("select", ","), ("select", "a,"), ("select", ",a"), ("select", "a b()c")),
        *(("select", "(a)"), ("select", "a)"), ("select", "a("), ("select", "a(b))")),
        *(("select", "a:b:c"), ("select", "a:"), ("select", ":a"), ("select", "*a")),
        *(("select", "a:*"), ("select", '"*"'), ("select", "a->b(c)"), ("select", "a.sum")),
        *(("select", "a.sum(b)"), ("select", "a.SUM()"), ("select", "a.total()")),
        *(
            ("select", "count(a)"),
            ("select", "..a(b)"),
            ("select", "...a"),
            ("select", "x:...a(b)"),
        ),
        *(("select", "a!inner"), ("select", "a!(b)"), ("select", "a!inner!"), ("select", "a(b)c")),
        *(("order", ""), ("order", "a,"), ("order", "a.DESC"), ("order", "a.desc.asc")),
        *(("order", "a.desc.nulls"), ("order", "a.nullslast.desc"), ("order", "a(b")),
        *(("order", "a(b,c)"), ("order", "a()"), ("order", "a desc.b"), ("a->b.order", "c")),
        *(("columns", ""), ("columns", "a,"), ("columns", "a.b"), ("on_conflict", "(a)")),
    ],
)
def test_what_is_no_query_is_refused(key, text):
    no((key, text))


def test_a_long_text_is_quoted_in_part():
    message, _ = no(("select", "a" * 10_000 + "("))
    assert len(message) < lexer.QUOTED_CHARS_MAX + 100
    assert message.endswith('…)" (line 1, column 10002)')


@pytest.mark.parametrize(
    "pair", [("a\0", "eq.1"), ("a", "eq.\0"), ("select", "a\0"), ("or", "(\0)")]
)
@pytest.mark.parametrize("call", [False, True])
def test_a_nul_never_passes_for_a_value(pair, call):
    with pytest.raises(Refused) as caught:
        grammar.split([pair], call=call)
    assert caught.value.refusal.code == "PGRST100"


def nested(depth: int) -> str:
    return "(" + "and(" * (depth - 1) + "a.eq.1" + ")" * depth


def embedded(depth: int) -> str:
    return "a(" * depth + "b" + ")" * depth


@pytest.mark.parametrize(
    ("key", "write", "most"),
    [
        ("or", nested, conditions.DEPTH_MAX),
        ("select", embedded, selection.DEPTH_MAX),
    ],
)
def test_depth_is_bounded(key, write, most):
    assert grammar.read([(key, write(most))])
    for depth in (most + 1, 20_000):
        _, details = no((key, write(depth)))
        assert f"more than {most} deep" in details


@pytest.mark.parametrize(
    "write",
    [
        lambda count: [("select", ",".join(["a"] * count))],
        lambda count: [("order", ",".join(["a"] * count))],
        lambda count: [("columns", ",".join(f"a{n}" for n in range(count)))],
        lambda count: [("a", "eq.1")] * count,
        lambda count: [("or", "(" + ",".join(["a.eq.1"] * (count - 1)) + ")")],
        lambda count: [("select", "a" + "->b" * (count - 1))],
        lambda count: [("a" + ".b" * (count - 1), "eq.1")],
        lambda count: [("a", str(n)) for n in range(count)],
    ],
)
def test_size_is_bounded_over_the_whole_request(write):
    call = write(1) == [("a", "0")]
    assert grammar.read(write(lexer.NODES_MAX), call=call)
    _, details = no(*write(lexer.NODES_MAX + 1), call=call)
    assert f"more than {lexer.NODES_MAX}" in details


@settings(max_examples=1000, deadline=None)
@given(PAIRS)
@pytest.mark.parametrize("call", [False, True])
def test_any_text_is_read_or_refused(call, pairs):
    try:
        query, values = grammar.read(pairs, call=call)
    except Refused as refused:
        assert refused.refusal.code == "PGRST100"
        assert refused.refusal.status == 400
    else:
        assert grammar.parse(grammar.split(pairs, call=call)[0], call=call) == query
        assert V not in "".join(values)


@pytest.mark.parametrize("fragment", FRAGMENT_LIST)
@pytest.mark.parametrize("key", ["select", "order", "or", "columns", "id", "limit", "{}", "{}.or"])
def test_64_kib_of_one_thing_are_read_or_refused(key, fragment):
    many = fragment * (65_536 // len(fragment))
    for text in (many, "(" + many, "(a.eq." + many, "(a.in.(" + many, "eq." + many):
        try:
            grammar.read([(key.format(many[:32_768]), text)])
        except Refused as refused:
            assert refused.refusal.code == "PGRST100"
