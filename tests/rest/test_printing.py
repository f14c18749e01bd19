"""Printing undoes reading, and reading undoes printing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from agon.kernel.errors import Refused
from agon.rest import grammar
from agon.rest.printing import print_query
from agon.rest.tree import Condition, Field, Query, Slot
from tests.rest.strategies import PAIRS, queries


@settings(max_examples=500, deadline=None)
@given(queries())
def test_a_printed_query_reads_as_the_same_tree(drawn):
    query, values = drawn
    assert grammar.read(print_query(query, values)) == (query, values)


@settings(max_examples=300, deadline=None)
@given(queries(call=True))
def test_a_printed_call_reads_as_the_same_tree(drawn):
    query, values = drawn
    assert grammar.read(print_query(query, values), call=True) == (query, values)


@settings(max_examples=500, deadline=None)
@given(PAIRS)
def test_what_was_read_prints_to_a_fixed_point(pairs):
    try:
        query, values = grammar.read(pairs)
    except Refused:
        return
    printed = print_query(query, values)
    again = grammar.read(printed)
    assert print_query(*again) == printed
    assert again[0].select == query.select
    assert again[0].orders == query.orders


def test_order_follows_the_slots():
    pairs = [("limit", "5"), ("a", "is.null"), ("b", "eq.1"), ("offset", "2"), ("c", "is.true")]
    query, values = grammar.read(pairs)
    assert grammar.read(print_query(query, values)) == (query, values)


@pytest.mark.parametrize("name", ["limit", "or", "a.b", 'say "x"', "back\\slash", "a b", "select"])
def test_a_name_that_would_mean_something_else_is_quoted(name):
    query = Query(filters=(((), Condition(field=Field(name), operator="eq", value=Slot(0))),))
    ((key, _),) = print_query(query, ["1"])
    assert key.startswith('"')
    assert grammar.read([(key, "eq.1")])[0] == query
