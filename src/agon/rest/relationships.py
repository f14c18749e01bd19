"""How the rows of tables and views belong together: from keys to relationships.

Pure. A view takes part where it shows all columns of a key; it may show one several times, and
then there is a relationship for each way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

from agon.rest.catalogue import Junction, Name, Relationship

WAYS_MAX = 32
"""In how many ways a view that shows columns several times may show one key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A primary or unique key of a table."""

    table: Name
    columns: tuple[str, ...]
    is_primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """columns: pairs (column of source, column of target)."""

    name: str
    source: Name
    target: Name
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A view's column, and the column of a table or of another view that it shows."""

    view: Name
    column: str
    origin: Name
    origin_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A function over a row of source that gives rows of target. schema, name: the function's;
    function: the same, quoted."""

    schema: str
    name: str
    function: str
    source: Name
    target: Name
    to_one: bool


Traces = Mapping[Name, Mapping[Name, Mapping[str, tuple[str, ...]]]]
"""By table, then by view: each shown column of the table, and its names in the view."""


def trace(shown: Iterable[Shown]) -> Traces:
    """Which columns of tables each view shows, through any views between them."""
    steps = {(one.view, one.column): (one.origin, one.origin_column) for one in shown}
    traces: dict[Name, dict[Name, dict[str, tuple[str, ...]]]] = {}
    for view, column in steps:
        found = _origin(steps, (view, column))
        if found is not None:
            table, origin = found
            names = traces.setdefault(table, {}).setdefault(view, {})
            names[origin] = (*names.get(origin, ()), column)
    return traces


def _origin(
    steps: Mapping[tuple[Name, str], tuple[Name, str]], column: tuple[Name, str]
) -> tuple[Name, str] | None:
    """Where the way through views ends; None for views that show one another in a circle."""
    seen = {column}
    while column in steps:
        column = steps[column]
        if column in seen:
            return None
        seen.add(column)
    return column


def primary_keys(keys: Iterable[Key], traces: Traces) -> dict[Name, tuple[str, ...]]:
    """Primary keys of tables, and of the views that show all columns of one.

    A view that shows the keys of several tables has them all, as its rows need them all.
    """
    found: dict[Name, tuple[str, ...]] = {}
    for key in keys:
        if not key.is_primary:
            continue
        found[key.table] = key.columns
        for view, names in traces.get(key.table, {}).items():
            if all(column in names for column in key.columns):
                shown = tuple(names[column][0] for column in key.columns)
                found[view] = (*found.get(view, ()), *shown)
    return found


def relate(
    foreign_keys: Iterable[ForeignKey],
    keys: Sequence[Key],
    traces: Traces,
    computed: Iterable[Computed],
    exposed: Collection[Name],
) -> dict[Name, tuple[Relationship, ...]]:
    """All relationships between exposed tables and views, by source.

    A computed relationship takes the place of those to the relation that its function is named
    after.
    """
    unique = defaultdict(set)
    for key in keys:
        unique[key.table].add(frozenset(key.columns))
    forward = [
        relationship
        for foreign_key in foreign_keys
        for relationship in _forward(foreign_key, unique[foreign_key.source], traces)
        if relationship.source in exposed and relationship.target in exposed
    ]
    pairs = [*forward, *map(_inverse, forward), *_through(forward, primary_keys(keys, traces))]
    by_source: dict[Name, list[Relationship]] = defaultdict(list)
    for relationship in pairs:
        by_source[relationship.source].append(relationship)
    for one in computed:
        if one.source in exposed and one.target in exposed:
            others = by_source[one.source]
            others[:] = [other for other in others if not _overrides(one, other)]
            others.append(_computed(one))
    return {source: tuple(sorted(found, key=_order)) for source, found in by_source.items()}


def _forward(
    foreign_key: ForeignKey, unique: Collection[frozenset[str]], traces: Traces
) -> Iterator[Relationship]:
    """From the side of the foreign key: table or view to table or view."""
    own = [column for column, _ in foreign_key.columns]
    far = [column for _, column in foreign_key.columns]
    for source, source_columns in _shapes(foreign_key.source, own, traces):
        for target, target_columns in _shapes(foreign_key.target, far, traces):
            yield Relationship(
                source=source,
                target=target,
                kind="one_to_one" if frozenset(own) in unique else "many_to_one",
                constraint=foreign_key.name,
                columns=tuple(zip(source_columns, target_columns, strict=True)),
            )


def _shapes(
    table: Name, columns: Sequence[str], traces: Traces
) -> list[tuple[Name, tuple[str, ...]]]:
    """The table with its columns, and each view with each way in which it shows them all."""
    shapes = [(table, tuple(columns))]
    for view, names in traces.get(table, {}).items():
        if names.keys() >= set(columns):
            ways = product(*(names[column] for column in columns))
            shapes += [(view, way) for way in islice(ways, WAYS_MAX)]
    return shapes


def _inverse(relationship: Relationship) -> Relationship:
    one_to_one = relationship.kind == "one_to_one"
    return replace(
        relationship,
        source=relationship.target,
        target=relationship.source,
        kind="one_to_one" if one_to_one else "one_to_many",
        columns=tuple((far, own) for own, far in relationship.columns),
        is_parent=one_to_one,
    )


def _through(
    forward: Iterable[Relationship], primary: Mapping[Name, tuple[str, ...]]
) -> Iterator[Relationship]:
    """Many-to-many, through tables whose two foreign keys are within their primary key."""
    by_junction: dict[Name, list[Relationship]] = defaultdict(list)
    for relationship in forward:
        within = {own for own, _ in relationship.columns} <= {*primary.get(relationship.source, ())}
        if relationship.kind == "many_to_one" and within:
            by_junction[relationship.source].append(relationship)
    for table, ways in by_junction.items():
        for here, there in product(ways, ways):
            if here.constraint != there.constraint:
                yield Relationship(
                    source=here.target,
                    target=there.target,
                    kind="many_to_many",
                    junction=Junction(
                        table=table,
                        to_source=here.constraint,
                        to_target=there.constraint,
                        source_columns=tuple((far, own) for own, far in here.columns),
                        target_columns=tuple((far, own) for own, far in there.columns),
                    ),
                )


def _overrides(computed: Computed, other: Relationship) -> bool:
    return other.function is None and other.target == (computed.schema, computed.name)


def _computed(computed: Computed) -> Relationship:
    return Relationship(
        source=computed.source,
        target=computed.target,
        kind="many_to_one" if computed.to_one else "one_to_many",
        constraint=computed.name,
        function=computed.function,
    )


def _order(relationship: Relationship) -> tuple[object, ...]:
    junction = relationship.junction
    return (
        relationship.target,
        relationship.kind,
        relationship.constraint,
        relationship.columns,
        (junction.table, junction.to_source, junction.to_target) if junction else (),
        junction.source_columns + junction.target_columns if junction else (),
    )
