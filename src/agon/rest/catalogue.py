"""What the exposed schemas hold, as values: the schema cache.

`introspection` reads it from Postgres; `plan` asks it. Types are written as `format_type` does
under an empty search_path, so they can stand in SQL as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Name = tuple[str, str]
"""Schema and name."""

Kind = Literal["many_to_one", "one_to_many", "one_to_one", "many_to_many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """Functions of the implicit casts of a domain, quoted and qualified; None where there is none.

    to_json: domain -> json, when read; from_json: json -> domain, when written; from_text: text ->
    domain, when filtered.
    """

    to_json: str | None = None
    from_json: str | None = None
    from_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """type: with its modifier (`character varying(20)`); base: the base type under domains, without
    modifier; default: SQL, None without one (identity columns have `nextval(…)`, generated
    columns None)."""

    name: str
    type: str
    base: str
    nullable: bool = True
    default: str | None = None
    comment: str | None = None
    enum: tuple[str, ...] = ()
    representation: Representation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, partitioned table, view, materialised view or foreign table. Only partitions
    themselves are left out, as PostgREST does."""

    schema: str
    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...] = ()
    is_view: bool = False
    insertable: bool = True
    updatable: bool = True
    deletable: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Junction:
    """The table between two in a many-to-many. to_source, to_target: its foreign keys' names;
    source_columns, target_columns: pairs (column of the source or target, column of the junction).
    """

    table: Name
    to_source: str
    to_target: str
    source_columns: tuple[tuple[str, str], ...]
    target_columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """How rows of `target` belong to a row of `source`.

    constraint: the foreign key's name ('' for many-to-many, and for computed ones the function's
    name); columns: pairs (column of source, column of target), empty with a junction; the foreign
    key is the source's when kind is many_to_one, or one_to_one with `is_parent` False; function: of
    a computed relationship, quoted and qualified.
    """

    source: Name
    target: Name
    kind: Kind
    constraint: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    junction: Junction | None = None
    function: str | None = None
    is_parent: bool = False

    @property
    def to_one(self) -> bool:
        return self.kind in ("many_to_one", "one_to_one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter that a caller gives. name: '' where the function gives none; type: of a
    variadic one the array's, as Postgres says it."""

    name: str
    type: str
    required: bool = True
    variadic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """returns: the type's SQL; table: the relation whose rows it returns, if any; composite: rows
    with columns of their own (RETURNS TABLE, OUT parameters, a composite type), named in `columns`;
    settings: of its own `SET`, as (name, value)."""

    schema: str
    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    set_returning: bool = False
    composite: bool = False
    table: Name | None = None
    columns: tuple[str, ...] = ()
    volatility: Literal["immutable", "stable", "volatile"] = "volatile"
    settings: tuple[tuple[str, str], ...] = ()
    comment: str | None = None

    @property
    def void(self) -> bool:
        return self.returns == "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All that requests may name. relationships: by source; functions: the overloads of a name;
    computed: of a relation, the names of the functions over its rows, which can be asked for like
    columns."""

    schemas: tuple[str, ...]
    tables: Mapping[Name, Table]
    relationships: Mapping[Name, tuple[Relationship, ...]] = field(default_factory=dict)
    functions: Mapping[Name, tuple[Function, ...]] = field(default_factory=dict)
    computed: Mapping[Name, frozenset[str]] = field(default_factory=dict)
    time_zones: frozenset[str] = frozenset()
