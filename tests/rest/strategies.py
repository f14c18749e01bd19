"""Hypothesis strategies for query trees with their values, and for query strings that nearly are
some. `names` and `texts` can be given, so that a test may ask for columns that there are."""

from __future__ import annotations

from hypothesis import strategies as st

from agon.rest.conditions import (
    PLAIN,
    QUANTIFIABLE,
    SEARCHING,
    SPANNING,
    WORDS,
    split_operation,
)
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

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(LETTERS, max_size=12) | st.text('ab,.()"\\{}[]*:-> \t\n', max_size=12)
COMMON_NAMES = ("id", "name", "data", "and", "or", "not", "order", "limit", "count", "inner", "é")
NAMES = st.sampled_from(COMMON_NAMES) | TEXTS.filter(bool)
CASTS = st.sampled_from(
    (
        "text",
        "int4",
        "numeric(10,2)",
        "text[]",
        "extensions.citext",
        "double precision",
        "timestamp(3) with time zone",
        "character varying(20)[]",
    )
)
AGGREGATES = st.sampled_from(("sum", "avg", "max", "min", "count"))


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


def lists(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Values of `in`: `(a,"b,c")`."""
    quoted = texts.map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
    )
    elements = quoted | st.from_regex(r"[a-z0-9 .'*-]*", fullmatch=True)
    return st.lists(elements, max_size=4).map(lambda found: f"({','.join(found)})")


def fields(names: st.SearchStrategy[str]) -> st.SearchStrategy[Field]:
    keys = TEXTS | st.integers(-999_999_999, 999_999_999)
    steps = st.builds(Step, keys, as_text=st.booleans())
    return st.builds(Field, names, st.just(()) | st.lists(steps, max_size=3).map(tuple))


class Trees:
    """Draws the parts of one query; the values go to `values`, in the order of their slots."""

    def __init__(self, draw, names: st.SearchStrategy[str], texts: st.SearchStrategy[str]):
        self.draw = draw
        self.names = names
        self.texts = texts
        self.values: list[str] = []

    def slot(self, strategy: st.SearchStrategy[str]) -> Slot:
        self.values.append(self.draw(strategy))
        return Slot(len(self.values) - 1)

    def condition(self) -> Condition:
        draw = self.draw
        operator = draw(
            st.sampled_from((*QUANTIFIABLE, *PLAIN, *SPANNING, *SEARCHING, "in", "in", "is", "is"))
        )
        quantifier = language = None
        if operator in QUANTIFIABLE:
            quantifier = draw(st.sampled_from((None, None, "any", "all")))
        if operator in SEARCHING:
            language = draw(st.sampled_from((None, "english", "simple")))
        field, negated = draw(fields(self.names)), draw(st.booleans())
        if operator == "is":
            value: Slot | str = draw(st.sampled_from(WORDS))
        else:
            value = self.slot(lists(self.texts) if operator == "in" else self.texts)
        return Condition(
            field=field,
            operator=operator,
            value=value,
            negated=negated,
            quantifier=quantifier,
            language=language,
        )

    def filter(self, depth: int = 0) -> Condition | Logic:
        if depth > 3 or self.draw(st.integers(0, 2)):
            return self.condition()
        return Logic(
            operator=self.draw(st.sampled_from(("and", "or"))),
            negated=self.draw(st.booleans()),
            parts=tuple(self.filter(depth + 1) for _ in range(self.draw(st.integers(1, 3)))),
        )

    def paths(self) -> st.SearchStrategy[tuple[str, ...]]:
        return st.just(()) | st.lists(self.names, max_size=2).map(tuple)

    def bounds(self) -> tuple:
        paths = self.draw(st.lists(self.paths(), max_size=2, unique=True))
        numbers = st.integers(0, 10**6).map(str) | self.texts
        return tuple((path, self.slot(numbers)) for path in paths)

    def select(self, depth: int = 0) -> tuple[Pick | Embed, ...]:
        return tuple(self.item(depth) for _ in range(self.draw(st.integers(0, 3))))

    def item(self, depth: int) -> Pick | Embed:
        draw = self.draw
        kind = draw(st.integers(0, 9))
        alias = draw(maybe(self.names))
        if kind == 0:
            return Pick(field=Field("*"))
        if kind == 1:
            cast = draw(maybe(CASTS))
            return Pick(field=None, alias=alias, aggregate="count", aggregate_cast=cast)
        if kind < 7 or depth > 3:
            aggregate = draw(maybe(AGGREGATES))
            return Pick(
                field=draw(fields(self.names).filter(lambda field: field.name != "*")),
                alias=alias,
                cast=draw(maybe(CASTS)),
                aggregate=aggregate,
                aggregate_cast=draw(maybe(CASTS)) if aggregate else None,
            )
        spread = draw(st.booleans())
        return Embed(
            target=draw(self.names),
            select=self.select(depth + 1),
            alias=None if spread else alias,
            hint=draw(maybe(self.names)),
            join=draw(st.sampled_from((None, "inner", "left"))),
            spread=spread,
        )

    def orders(self) -> tuple:
        terms = st.builds(
            Order,
            field=fields(self.names),
            relation=maybe(self.names),
            descending=maybe(st.booleans()),
            nulls=st.sampled_from((None, "first", "last")),
        )
        paths = self.draw(st.lists(self.paths(), max_size=2, unique=True))
        some = st.lists(terms, min_size=1, max_size=3).map(tuple)
        return tuple((path, self.draw(some)) for path in paths)

    def query(self, *, call: bool) -> Query:
        names = maybe(st.lists(self.names, min_size=1, max_size=3, unique=True).map(tuple))
        arguments = self.texts.filter(lambda text: split_operation(text) is None)
        count = self.draw(st.integers(0, 3)) if call else 0
        return Query(
            select=self.select(),
            filters=tuple(
                (self.draw(self.paths()), self.filter())
                for _ in range(self.draw(st.integers(0, 3)))
            ),
            orders=self.orders(),
            limits=self.bounds(),
            offsets=self.bounds(),
            columns=self.draw(names),
            on_conflict=self.draw(names),
            arguments=tuple((self.draw(self.names), self.slot(arguments)) for _ in range(count)),
        )


@st.composite
def queries(
    draw,
    *,
    names: st.SearchStrategy[str] = NAMES,
    texts: st.SearchStrategy[str] = TEXTS,
    call: bool = False,
) -> tuple[Query, list[str]]:
    """A tree, and a value for each of its slots."""
    trees = Trees(draw, names, texts)
    query = trees.query(call=call)
    return query, trees.values


WORDS_APART = """
    select order limit offset and or not columns on_conflict id name rel data *
    eq neq like in is fts(english) eq(any) cs not.eq. eq. in.( is.null
    . , ( ) " \\ -> ->> :: : ! !inner ... { } [ ] count() .sum() :: numeric(1
"""
FRAGMENT_LIST = [
    *WORDS_APART.split(),
    *(" ", "\t", "\n", "\0", "é", "(a.eq.1,", "a.in.(1,", "not.", "and(", "\ud800", "9" * 30),
]
FRAGMENTS = st.sampled_from(FRAGMENT_LIST)
SCRAPS = st.lists(FRAGMENTS | st.text(max_size=4), max_size=12).map("".join)
KEYS = st.sampled_from(
    ("select", "order", "limit", "or", "not.and", "a.or", "columns", "on_conflict", "id", "a.limit")
)
PAIRS = st.lists(st.tuples(KEYS | SCRAPS, SCRAPS), max_size=4)
"""Query strings that are nearly right."""
