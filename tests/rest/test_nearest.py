"""Names that were probably meant."""

from __future__ import annotations

from agon.rest import nearest
from agon.rest.catalogue import Catalogue, Column, Function, Parameter, Relationship, Table


def table(schema: str, name: str, *columns: str) -> Table:
    return Table(
        schema=schema,
        name=name,
        columns={column: Column(name=column, type="text", base="text") for column in columns},
    )


def function(name: str, *parameters: str) -> Function:
    return Function(
        schema="api",
        name=name,
        parameters=tuple(Parameter(name=one, type="text") for one in parameters),
        returns="text",
    )


def belonging(source: str, target: str, function: str | None = None) -> Relationship:
    return Relationship(
        source=("api", source),
        target=("api", target),
        kind="one_to_many",
        constraint=function or "fk",
        function=f"api.{function}" if function else None,
    )


CATALOGUE = Catalogue(
    schemas=("api", "private"),
    tables={
        (one.schema, one.name): one
        for one in (
            table("api", "films"),
            table("api", "directors"),
            table("private", "secret_plans"),
        )
    },
    relationships={
        ("api", "films"): (
            belonging("films", "directors"),
            belonging("films", "roles"),
            belonging("films", "actors", "lead_actors"),
        )
    },
    functions={
        ("api", "test"): (function("test", "val", "param", "name"), function("test", "id", "attr")),
        ("api", "another"): (function("another"),),
        ("private", "other"): (function("other"),),
    },
)


def test_the_most_alike_is_nearest() -> None:
    assert nearest.nearest("fims", ["firm", "films", "fins"]) == "films"
    assert nearest.nearest("FILMS", ["films", "firms"]) == "films"


def test_what_is_not_alike_is_not_near() -> None:
    assert nearest.nearest("noclosealternative", ["films", "directors"]) is None
    assert nearest.nearest("films", []) is None
    assert nearest.nearest("", ["films"]) is None


def test_equals_are_taken_by_the_alphabet() -> None:
    assert nearest.nearest("itemx", ["itemb", "itema", "itemc"]) == "itema"


def test_least_says_how_alike() -> None:
    assert nearest.nearest("abcd", ["abxy"], least=0.5) == "abxy"
    assert nearest.nearest("abcd", ["abxy"], least=0.6) is None


def test_a_name_that_is_too_long_is_not_compared() -> None:
    long = "f" * (nearest.NAME_CHARS_MAX + 1)
    assert nearest.nearest(long, [long]) is None
    assert nearest.nearest(long[:-1], [long[:-1]]) == long[:-1]


def test_a_table_is_hinted_in_its_schema() -> None:
    assert nearest.table_hint(CATALOGUE, "api", "film") == (
        "Perhaps you meant the table 'api.films'"
    )
    assert nearest.table_hint(CATALOGUE, "api", "secret_plan") is None
    assert nearest.table_hint(CATALOGUE, "api", "noclosealternative") is None


def test_an_unknown_function_is_hinted_by_its_name() -> None:
    assert nearest.function_hint(CATALOGUE, "api", "testt", ["val"]) == (
        "Perhaps you meant to call the function api.test"
    )
    assert nearest.function_hint(CATALOGUE, "api", "other") == (
        "Perhaps you meant to call the function api.another"
    )
    assert nearest.function_hint(CATALOGUE, "api", "noclosealternative") is None


def test_a_known_function_is_hinted_by_its_parameters() -> None:
    for given, meant in (
        (["vall", "pqaram", "nam"], "name, param, val"),
        (["val", "param"], "name, param, val"),
        (["id", "attrs"], "attr, id"),
        (["id"], "attr, id"),
    ):
        assert nearest.function_hint(CATALOGUE, "api", "test", given) == (
            f"Perhaps you meant to call the function api.test({meant})"
        )
    assert nearest.function_hint(CATALOGUE, "api", "test", ["noclosealternative"]) is None


def test_an_embed_is_hinted_by_source_or_by_target() -> None:
    assert nearest.relationship_hint(CATALOGUE, "api", "film", "directors") == (
        "Perhaps you meant 'films' instead of 'film'."
    )
    assert nearest.relationship_hint(CATALOGUE, "api", "films", "role") == (
        "Perhaps you meant 'roles' instead of 'role'."
    )
    assert nearest.relationship_hint(CATALOGUE, "api", "films", "lead_actor") == (
        "Perhaps you meant 'lead_actors' instead of 'lead_actor'."
    )


def test_an_embed_of_known_names_has_no_hint() -> None:
    assert nearest.relationship_hint(CATALOGUE, "api", "films", "directors") is None
    assert nearest.relationship_hint(CATALOGUE, "api", "films", "noclosealternative") is None
    assert nearest.relationship_hint(CATALOGUE, "private", "films", "directors") is None


def test_a_column_is_hinted() -> None:
    films = table("api", "films", "title", "released_at")
    assert nearest.column_hint(films, "released") == (
        "Perhaps you meant 'released_at' instead of 'released'."
    )
    assert nearest.column_hint(films, "title") is None
    assert nearest.column_hint(films, "noclosealternative") is None
