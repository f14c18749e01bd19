"""Reads from Postgres what the exposed schemas hold.

The catalogues are readable by every login, and nothing is hidden by privilege: who may do what is
for Postgres to say when a request runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import asyncpg

from agon.rest import introspection_queries as queries
from agon.rest import relationships
from agon.rest.catalogue import Catalogue, Column, Function, Name, Parameter, Representation, Table
from agon.rest.introspection_views import shown_columns
from agon.rest.relationships import Computed, ForeignKey, Key, Shown

UPDATE, INSERT, DELETE = 4, 8, 16
"""Bits of pg_relation_is_updatable."""

UNNAMED_TYPES = frozenset({"bytea", "json", "jsonb", "text", "xml"})
"""A single parameter without a name takes the whole payload, where it has one of these types."""

RESULT_MODES = frozenset("tob")
"""TABLE, OUT, INOUT: what a function gives."""
GIVEN_MODES = frozenset("ibv")
"""IN, INOUT, VARIADIC: what a caller gives."""

Rows = Iterable[Mapping[str, object]]


async def load(
    conn: asyncpg.Connection,
    schemas: tuple[str, ...],
    *,
    time_zones: frozenset[str] | None = None,
) -> Catalogue:
    """The catalogue of the schemas, as of one snapshot. conn: any login, outside a transaction.

    time_zones: those of an earlier catalogue; Postgres reads them from files, which takes longer
    than all the rest.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        await conn.execute("set local search_path = ''; set local jit = off")
        keys = [_key(row) for row in await conn.fetch(queries.KEYS)]
        foreign_keys = [_foreign_key(row) for row in await conn.fetch(queries.FOREIGN_KEYS)]
        computed = [_computed(row) for row in await conn.fetch(queries.COMPUTED, schemas)]
        traces = relationships.trace(await _shown(conn))
        representations = _representations(await conn.fetch(queries.CASTS))
        columns = _columns(await conn.fetch(queries.COLUMNS, schemas), representations)
        primary = relationships.primary_keys(keys, traces)
        tables = {
            (row["schema"], row["name"]): _table(row, columns, primary)
            for row in await conn.fetch(queries.TABLES, schemas)
        }
        functions = _functions(await conn.fetch(queries.FUNCTIONS, schemas))
        fields = await conn.fetch(queries.FIELDS, schemas)
        if time_zones is None:
            time_zones = frozenset(row["name"] for row in await conn.fetch(queries.TIME_ZONES))
    return Catalogue(
        schemas=schemas,
        tables=tables,
        relationships=relationships.relate(foreign_keys, keys, traces, computed, tables),
        functions=functions,
        computed={(row["schema"], row["name"]): frozenset(row["functions"]) for row in fields},
        time_zones=time_zones,
    )


async def fingerprint(conn: asyncpg.Connection) -> str:
    """A text that differs after a change of tables, columns, keys, views, functions, types or
    casts in any schema; not after comments. Takes a few milliseconds."""
    return await conn.fetchval(queries.FINGERPRINT)


def _table(
    row: asyncpg.Record,
    columns: Mapping[Name, Mapping[str, Column]],
    primary: Mapping[Name, tuple[str, ...]],
) -> Table:
    name = (row["schema"], row["name"])
    return Table(
        schema=row["schema"],
        name=row["name"],
        columns=columns.get(name, {}),
        primary_key=primary.get(name, ()),
        is_view=row["is_view"],
        insertable=bool(row["writes"] & INSERT),
        updatable=bool(row["writes"] & UPDATE),
        deletable=bool(row["writes"] & DELETE),
        comment=row["comment"],
    )


def _columns(
    rows: Iterable[asyncpg.Record], representations: Mapping[str, Representation]
) -> dict[Name, dict[str, Column]]:
    columns: dict[Name, dict[str, Column]] = defaultdict(dict)
    for row in rows:
        columns[row["schema"], row["table"]][row["name"]] = Column(
            name=row["name"],
            type=row["type"],
            base=row["base"],
            nullable=row["nullable"],
            default=row["default"],
            comment=row["comment"],
            enum=tuple(row["enum"] or ()),
            representation=representations.get(row["type"]),
        )
    return columns


def _representations(rows: Iterable[asyncpg.Record]) -> dict[str, Representation]:
    """By domain."""
    functions: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row["from_domain"]:
            functions[row["source"]]["to_json"] = row["function"]
        else:
            functions[row["target"]][f"from_{row['source']}"] = row["function"]
    return {domain: Representation(**found) for domain, found in functions.items()}


def _key(row: asyncpg.Record) -> Key:
    return Key(
        table=(row["schema"], row["table"]),
        columns=tuple(row["columns"]),
        is_primary=row["is_primary"],
    )


def _foreign_key(row: asyncpg.Record) -> ForeignKey:
    return ForeignKey(
        name=row["name"],
        source=(row["schema"], row["table"]),
        target=(row["target_schema"], row["target_table"]),
        columns=tuple(zip(row["own"], row["other"], strict=True)),
    )


def _computed(row: asyncpg.Record) -> Computed:
    return Computed(
        schema=row["schema"],
        name=row["name"],
        function=row["function"],
        source=(row["source_schema"], row["source_table"]),
        target=(row["target_schema"], row["target_table"]),
        to_one=row["to_one"],
    )


async def _shown(conn: asyncpg.Connection) -> list[Shown]:
    """What each column of each view shows."""
    steps = [
        (row["oid"], *step)
        for row in await conn.fetch(queries.VIEWS)
        for step in shown_columns(row["tree"])
    ]
    oids = {step[0] for step in steps} | {step[2] for step in steps}
    names: dict[tuple[int, int], tuple[Name, str]] = {
        (row["oid"], row["number"]): ((row["schema"], row["table"]), row["name"])
        for row in await conn.fetch(queries.ATTRIBUTES, sorted(oids))
    }
    shown = []
    for oid, number, origin_oid, origin_number in steps:
        here, there = names.get((oid, number)), names.get((origin_oid, origin_number))
        # System columns (ctid) have no name here, nor a number above zero.
        if here and there:
            shown.append(
                Shown(view=here[0], column=here[1], origin=there[0], origin_column=there[1])
            )
    return shown


def _functions(rows: Iterable[asyncpg.Record]) -> dict[Name, tuple[Function, ...]]:
    """The overloads of each name, those with few parameters first."""
    functions: dict[Name, tuple[Function, ...]] = {}
    for row in rows:
        parameters = _parameters(row)
        if _callable(parameters):
            name = (row["schema"], row["name"])
            functions[name] = (*functions.get(name, ()), _function(row, parameters))
    return functions


def _function(row: asyncpg.Record, parameters: tuple[Parameter, ...]) -> Function:
    settings = [setting.partition("=") for setting in row["settings"] or ()]
    return Function(
        schema=row["schema"],
        name=row["name"],
        parameters=parameters,
        returns=row["returns"],
        set_returning=row["set_returning"],
        composite=row["composite"],
        columns=_result_columns(row),
        table=(row["rows_schema"], row["rows_table"]) if row["rows_table"] else None,
        volatility=row["volatility"],
        settings=tuple((name, value) for name, _, value in settings),
        comment=row["comment"],
    )


def _result_columns(row: asyncpg.Record) -> tuple[str, ...]:
    """Of rows that no relation describes: the function's own, or its composite type's."""
    modes, names = row["modes"] or [], row["names"] or []
    own = tuple(name for name, mode in zip(names, modes, strict=False) if mode in RESULT_MODES)
    return own or tuple(row["fields"])


def _parameters(row: asyncpg.Record) -> tuple[Parameter, ...]:
    """Those that a caller gives. Defaults belong to the last of them."""
    count = len(row["types"])
    names = row["names"] or [""] * count
    modes = row["modes"] or ["i"] * count
    given = [one for one in zip(names, row["types"], modes, strict=True) if one[2] in GIVEN_MODES]
    required = row["inputs"] - row["defaults"]
    return tuple(
        Parameter(name=name, type=type_, required=place < required, variadic=mode == "v")
        for place, (name, type_, mode) in enumerate(given)
    )


def _callable(parameters: tuple[Parameter, ...]) -> bool:
    """By names, or with the payload as the only parameter."""
    nameless = [parameter for parameter in parameters if not parameter.name]
    if not nameless:
        return True
    return len(parameters) == 1 and nameless[0].type in UNNAMED_TYPES
