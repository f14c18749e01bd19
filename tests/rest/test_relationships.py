"""From keys to relationships."""

from __future__ import annotations

import pytest

from agon.rest.catalogue import Junction, Name, Relationship
from agon.rest.introspection_views import shown_columns
from agon.rest.relationships import (
    WAYS_MAX,
    Computed,
    ForeignKey,
    Key,
    Shown,
    primary_keys,
    relate,
    trace,
)


def name(table: str) -> Name:
    return ("public", table)


def key(table: str, *columns: str, primary: bool = True) -> Key:
    return Key(table=name(table), columns=columns, is_primary=primary)


def foreign(constraint: str, source: str, target: str, *columns: tuple[str, str]) -> ForeignKey:
    return ForeignKey(name=constraint, source=name(source), target=name(target), columns=columns)


def shown(view: str, column: str, origin: str, origin_column: str) -> Shown:
    return Shown(view=name(view), column=column, origin=name(origin), origin_column=origin_column)


def related(
    *foreign_keys: ForeignKey,
    keys: list[Key] | None = None,
    views: list[Shown] | None = None,
    computed: list[Computed] | None = None,
    hidden: tuple[str, ...] = (),
) -> dict[Name, tuple[Relationship, ...]]:
    """What relate makes of them, where all tables but the hidden are exposed."""
    tables = {one.source for one in foreign_keys} | {one.target for one in foreign_keys}
    tables |= {one.view for one in views or ()} | {one.source for one in computed or ()}
    tables |= {one.target for one in computed or ()}
    exposed = tables - {name(table) for table in hidden}
    return relate(foreign_keys, keys or [], trace(views or []), computed or [], exposed)


FILM = foreign("films_director", "films", "directors", ("director_id", "id"))


def test_a_foreign_key_is_seen_from_both_sides() -> None:
    found = related(FILM, keys=[key("directors", "id"), key("films", "id")])
    assert found[name("films")] == (
        Relationship(
            source=name("films"),
            target=name("directors"),
            kind="many_to_one",
            constraint="films_director",
            columns=(("director_id", "id"),),
        ),
    )
    assert found[name("directors")] == (
        Relationship(
            source=name("directors"),
            target=name("films"),
            kind="one_to_many",
            constraint="films_director",
            columns=(("id", "director_id"),),
        ),
    )


@pytest.mark.parametrize("primary", [True, False])
def test_a_foreign_key_that_is_a_key_is_one_to_one(primary: bool) -> None:
    found = related(FILM, keys=[key("films", "director_id", primary=primary)])
    (child,), (parent,) = found[name("films")], found[name("directors")]
    assert (child.kind, child.is_parent, child.to_one) == ("one_to_one", False, True)
    assert (parent.kind, parent.is_parent, parent.to_one) == ("one_to_one", True, True)


def test_the_order_of_the_columns_of_a_key_does_not_matter() -> None:
    pair = foreign("pair", "halves", "wholes", ("b", "y"), ("a", "x"))
    found = related(pair, keys=[key("halves", "a", "b", primary=False)])
    assert found[name("halves")][0].kind == "one_to_one"
    assert found[name("halves")][0].columns == (("b", "y"), ("a", "x"))


def test_part_of_a_key_is_not_one_to_one() -> None:
    found = related(FILM, keys=[key("films", "director_id", "id")])
    assert found[name("films")][0].kind == "many_to_one"


def test_a_table_belongs_to_itself_in_two_ways() -> None:
    boss = foreign("boss", "staff", "staff", ("boss_id", "id"))
    found = related(boss, keys=[key("staff", "id")])[name("staff")]
    assert [(one.kind, one.columns) for one in found] == [
        ("many_to_one", (("boss_id", "id"),)),
        ("one_to_many", (("id", "boss_id"),)),
    ]


ROLE = (
    foreign("role_film", "roles", "films", ("film_id", "id")),
    foreign("role_actor", "roles", "actors", ("actor_id", "id")),
)


def test_a_junction_joins_many_to_many() -> None:
    found = related(*ROLE, keys=[key("roles", "actor_id", "film_id", "part")])
    through = [one for one in found[name("films")] if one.kind == "many_to_many"]
    assert through == [
        Relationship(
            source=name("films"),
            target=name("actors"),
            kind="many_to_many",
            junction=Junction(
                table=name("roles"),
                to_source="role_film",
                to_target="role_actor",
                source_columns=(("id", "film_id"),),
                target_columns=(("id", "actor_id"),),
            ),
        )
    ]
    assert [one.target for one in found[name("actors")] if one.kind == "many_to_many"] == [
        name("films")
    ]


@pytest.mark.parametrize("columns", [("id",), ("film_id", "id"), ("film_id",)])
def test_a_table_whose_key_is_another_is_no_junction(columns: tuple[str, ...]) -> None:
    found = related(*ROLE, keys=[key("roles", *columns)])
    assert "many_to_many" not in {one.kind for ones in found.values() for one in ones}


def test_a_hidden_junction_joins_nothing() -> None:
    keys = [key("roles", "actor_id", "film_id")]
    assert related(*ROLE, keys=keys, hidden=("roles",)) == {}


def test_a_hidden_table_belongs_to_nothing() -> None:
    assert related(FILM, hidden=("directors",)) == {}


def test_a_view_belongs_like_the_table_that_it_shows() -> None:
    views = [shown("movies", "made_by", "films", "director_id")]
    found = related(FILM, views=views)
    (own,) = found[name("movies")]
    assert (own.target, own.kind, own.columns) == (
        name("directors"),
        "many_to_one",
        (("made_by", "id"),),
    )
    back = {one.target: one.columns for one in found[name("directors")]}
    assert back == {name("films"): (("id", "director_id"),), name("movies"): (("id", "made_by"),)}


def test_a_view_belongs_to_a_view_of_hidden_tables() -> None:
    views = [
        shown("movies", "made_by", "films", "director_id"),
        shown("people", "person", "directors", "id"),
    ]
    found = related(FILM, views=views, hidden=("films", "directors"))
    assert [(one.target, one.kind, one.columns) for one in found[name("movies")]] == [
        (name("people"), "many_to_one", (("made_by", "person"),))
    ]
    assert [(one.target, one.kind, one.columns) for one in found[name("people")]] == [
        (name("movies"), "one_to_many", (("person", "made_by"),))
    ]


def test_a_view_of_a_view_is_traced_to_the_table() -> None:
    views = [
        shown("outer", "who", "inner", "made_by"),
        shown("inner", "made_by", "films", "director_id"),
    ]
    assert trace(views) == {
        name("films"): {
            name("outer"): {"director_id": ("who",)},
            name("inner"): {"director_id": ("made_by",)},
        }
    }


def test_views_in_a_circle_end() -> None:
    assert trace([shown("a", "x", "b", "x"), shown("b", "x", "a", "x")]) == {}


def test_a_view_without_all_columns_of_a_key_belongs_to_nothing() -> None:
    pair = foreign("pair", "halves", "wholes", ("a", "x"), ("b", "y"))
    found = related(pair, views=[shown("part", "a", "halves", "a")])
    assert name("part") not in found


def test_a_column_shown_twice_belongs_twice() -> None:
    views = [shown("v", "one", "films", "director_id"), shown("v", "two", "films", "director_id")]
    assert [one.columns for one in related(FILM, views=views)[name("v")]] == [
        (("one", "id"),),
        (("two", "id"),),
    ]


def test_a_key_shown_in_very_many_ways_is_bounded() -> None:
    views = [shown("v", f"c{n}", "films", "director_id") for n in range(WAYS_MAX * 2)]
    assert len(related(FILM, views=views)[name("v")]) == WAYS_MAX


def test_a_view_has_the_primary_key_that_it_shows_whole() -> None:
    keys = [key("films", "id", "part"), key("films", "title", primary=False)]
    whole = [shown("v", "film", "films", "id"), shown("v", "reel", "films", "part")]
    assert primary_keys(keys, trace(whole)) == {
        name("films"): ("id", "part"),
        name("v"): ("film", "reel"),
    }
    assert name("v") not in primary_keys(keys, trace(whole[:1]))


def function(called: str, source: str, target: str, *, to_one: bool = False) -> Computed:
    return Computed(
        schema="public",
        name=called,
        function=f"public.{called}",
        source=name(source),
        target=name(target),
        to_one=to_one,
    )


@pytest.mark.parametrize(("to_one", "kind"), [(True, "many_to_one"), (False, "one_to_many")])
def test_a_function_over_a_row_is_a_relationship(to_one: bool, kind: str) -> None:
    found = related(FILM, computed=[function("latest", "directors", "films", to_one=to_one)])
    (computed,) = [one for one in found[name("directors")] if one.function]
    assert (computed.kind, computed.constraint, computed.function, computed.columns) == (
        kind,
        "latest",
        "public.latest",
        (),
    )
    assert len(found[name("directors")]) == 2


def test_a_function_named_like_a_table_takes_its_place() -> None:
    found = related(FILM, computed=[function("films", "directors", "films")])
    assert [one.function for one in found[name("directors")]] == ["public.films"]
    assert [one.target for one in found[name("films")]] == [name("directors")]


def test_a_function_over_hidden_rows_is_no_relationship() -> None:
    computed = [function("latest", "secrets", "films"), function("other", "films", "secrets")]
    found = related(FILM, computed=computed, hidden=("secrets",))
    assert all(one.function is None for ones in found.values() for one in ones)


ENTRY = "{TARGETENTRY :expr {VAR :varno 1} :resno %d :resname %s :resorigtbl %d :resorigcol %d}"


def test_columns_are_read_from_the_outermost_query_alone() -> None:
    inner = f"({{QUERY :targetList ({ENTRY % (1, 'x', 77, 7)})}})"
    entries = " ".join([ENTRY % (1, "a", 50, 3), ENTRY % (2, "computed", 0, 0)])
    tree = f"({{QUERY :rtable ({{RTE :subquery {inner}}}) :targetList ({entries})}})"
    assert list(shown_columns(tree)) == [(1, 50, 3)]


def test_brackets_in_names_do_not_count() -> None:
    entries = ENTRY % (1, r"\}\)\{\ :resno\ 9", 50, 3)
    assert list(shown_columns(f"({{QUERY :targetList ({entries})}})")) == [(1, 50, 3)]
