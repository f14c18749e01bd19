"""Functions as SQL: which overload a request means, and its call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agon.kernel.errors import Refused, refuse
from agon.rest import answering, nearest, sources
from agon.rest.ask import Ask, Bounds, Param, Statement
from agon.rest.catalogue import Catalogue, Function, Parameter
from agon.rest.filters import Params
from agon.rest.quoting import identifier, qualified
from agon.rest.reading import Reading
from agon.rest.resolve import resolve
from agon.rest.resolved import Node
from agon.rest.sources import SOURCE
from agon.rest.tree import Slot

SCALAR = "pgrst_scalar"
"""What a scalar is called where it must have a name, as in CSV; PostgREST's word."""
ARGUMENTS = "agon_arguments"
READ_ONLY = ("immutable", "stable")
WHOLE_BODY_TYPES = {
    None: ("json", "jsonb"),
    "text": ("text",),
    "xml": ("xml",),
    "binary": ("bytea",),
}


def call(ask: Ask, catalogue: Catalogue, bounds: Bounds) -> Statement:
    """The statement of a call. Raises Refused PGRST128, 202, 203 and those of `resolve`."""
    function = choose(ask, catalogue)
    strict = ask.preferences.handling == "strict" and ask.preferences.max_affected is not None
    if strict and not function.set_returning:
        raise refuse(
            "PGRST128",
            "Function must return SETOF or TABLE when max-affected preference is used with"
            " handling=strict",
            status=400,
        )
    params = Params()
    source = f"{_call(ask, function, params)} as {identifier(function.name)}"
    rows_known = function.composite or function.table is not None
    if not rows_known:
        source += f"({identifier(SCALAR)})"
    node = resolve(
        catalogue,
        ask.query,
        schema=ask.schema,
        root=function.name,
        table=catalogue.tables.get(function.table) if function.table else None,
        aggregates=bounds.aggregates,
        columns=function.columns if rows_known else (SCALAR,),
    )
    sql = _answer(ask, function, node, source, params)
    explain = ask.media.kind == "plan"
    return Statement(
        sql=answering.explained(ask, sql) if explain else sql,
        params=tuple(params.bound),
        read_only=ask.by_get or function.volatility in READ_ONLY,
        rollback=bounds.tx_rollback and ask.preferences.tx == "rollback",
        explain=explain,
        settings=function.settings,
        void=function.void,
    )


def choose(ask: Ask, catalogue: Catalogue) -> Function:
    """The overload that a request means: all that it requires is given, and no more than it takes.

    Else the one that takes the whole body as its only, unnamed parameter.
    """
    overloads = catalogue.functions.get((ask.schema, ask.target), ())
    given = _given(ask)
    whole = [each for each in overloads if not ask.by_get and _takes_whole_body(ask, each)]
    raw = ask.body is not None and ask.body.raw is not None
    found = [] if raw else [each for each in overloads if _fits(each, given)]
    found = found or whole
    if not found:
        raise _missing(ask, catalogue, given)
    if len(found) > 1:
        raise _ambiguous(ask, found)
    return found[0]


def _given(ask: Ask) -> list[str]:
    if ask.by_get:
        return list(dict.fromkeys(name for name, _ in ask.query.arguments))
    if ask.query.columns is not None:
        return list(ask.query.columns)
    return list(ask.body.keys) if ask.body else []


def _fits(function: Function, given: Sequence[str]) -> bool:
    names = {each.name for each in function.parameters}
    required = {each.name for each in function.parameters if each.required}
    return "" not in names and required <= set(given) <= names


def _takes_whole_body(ask: Ask, function: Function) -> bool:
    raw = ask.body.raw if ask.body else None
    one = len(function.parameters) == 1 and function.parameters[0].name == ""
    return one and function.parameters[0].type in WHOLE_BODY_TYPES[raw]


def _call(ask: Ask, function: Function, params: Params) -> str:
    """The call with its arguments, as what stands after `from`."""
    name = qualified((function.schema, function.name))
    if ask.by_get:
        return f"{name}({_from_query(ask, function, params)})"
    given = _given(ask)
    if _takes_whole_body(ask, function):
        return f"{name}({params.bind(Param(form='body'))}::{function.parameters[0].type})"
    wanted = [each for each in function.parameters if each.name in given]
    if not wanted:
        return f"{name}()"
    fields = ", ".join(f"{identifier(each.name)} {each.type}" for each in wanted)
    values = ", ".join(_argument(each, f"{ARGUMENTS}.{identifier(each.name)}") for each in wanted)
    body = params.bind(Param(form="body"))
    document = f"({body}::json -> 0)" if ask.body and ask.body.is_array else f"{body}::json"
    return (
        f"json_to_record({document}) as {ARGUMENTS}({fields}) cross join lateral {name}({values})"
    )


def _from_query(ask: Ask, function: Function, params: Params) -> str:
    given: dict[str, list[Slot]] = {}
    for name, slot in ask.query.arguments:
        given.setdefault(name, []).append(slot)
    parameters: Mapping[str, Parameter] = {each.name: each for each in function.parameters}
    arguments = []
    for name, slots in given.items():
        parameter = parameters[name]
        if parameter.variadic:
            values = ", ".join(params.slot(slot) for slot in slots)
            arguments.append(_argument(parameter, f"array[{values}]::{parameter.type}"))
        else:
            # A name that comes twice means its last value.
            value = f"{params.slot(slots[-1])}::{parameter.type}"
            arguments.append(_argument(parameter, value))
    return ", ".join(arguments)


def _argument(parameter: Parameter, value: str) -> str:
    return f"{'variadic ' if parameter.variadic else ''}{identifier(parameter.name)} := {value}"


def _answer(ask: Ask, function: Function, node: Node, source: str, params: Params) -> str:
    scalar = not function.composite and function.table is None
    alias, reading = identifier(node.alias), Reading(params=params)
    with_source, total = "", "null"
    if ask.preferences.count:
        # The function runs once; what it gave is both counted and read.
        columns = sources.columns(node, filtered=True) if node.table else f"{alias}.*"
        with_source = f"with {SOURCE} as materialized (select {columns} from {source}) "
        source = f"{SOURCE} as {alias}"
        total = f"(select count(*) from ({reading.existing(node, source)}) as c)"
    if scalar:
        rows = f"select {alias}.{identifier(SCALAR)} from {source}"
    elif with_source and node.table:
        rows = sources.read(reading, node, SOURCE)
    else:
        rows = reading.select(node, source)
    if function.set_returning:
        rows += reading.page(node, cap=True)
    return with_source + answering.answer_sql(
        f"({rows}) as {answering.ROW}",
        _body(ask, function, scalar),
        page=answering.checked_page(ask, params),
        total=total,
    )


def _body(ask: Ask, function: Function, scalar: bool) -> str:
    if ask.head or function.void:
        return "null"
    media = ask.media
    if not scalar:
        return answering.body_sql(media, single=not function.set_returning)
    value = f"{answering.ROW}.{identifier(SCALAR)}"
    if media.kind == "text" or (media.kind == "binary" and function.returns == "bytea"):
        if function.set_returning:
            return answering.body_sql(media)
        return f"(array_agg({value}))[1]::text"
    if media.kind in ("json", "object", "plan"):
        if function.set_returning and media.kind != "object":
            return f"coalesce(json_agg({value}), '[]')"
        return f"coalesce((array_agg(to_json({value})))[1]::text, 'null')"
    return answering.body_sql(media, single=not function.set_returning)


def _missing(ask: Ask, catalogue: Catalogue, given: Sequence[str]) -> Refused:
    name = f"{ask.schema}.{ask.target}"
    listed = ", ".join(sorted(given))
    called = f"{name}({listed})" if given else f"{name} without parameters"
    word = "parameters" if len(given) > 1 else "parameter"
    searched = f"with {word} {listed}" if given else "without parameters"
    whole = "" if ask.by_get else " or with a single unnamed json/jsonb parameter"
    if ask.body is not None and ask.body.raw:
        searched, whole = f"with a single unnamed {ask.body.raw} parameter", ""
    return refuse(
        "PGRST202",
        f"Could not find the function {called} in the schema cache",
        details=f"Searched for the function {name} {searched}{whole}, but no matches were found"
        " in the schema cache.",
        hint=nearest.function_hint(catalogue, ask.schema, ask.target, given),
        status=404,
    )


def _ambiguous(ask: Ask, found: Sequence[Function]) -> Refused:
    described = ", ".join(
        f"{each.schema}.{each.name}("
        + ", ".join(f"{one.name} => {one.type}" for one in each.parameters)
        + ")"
        for each in found
    )
    return refuse(
        "PGRST203",
        f"Could not choose the best candidate function between: {described}",
        hint="Try renaming the parameters or the function itself in the database so function"
        " overloading can be resolved",
        status=300,
    )
