"""Insert, upsert, update, delete and PUT as SQL.

The change is a `with` called SOURCE; what comes back is read from it, with its embeds, by the
same code as any read. The payload is one JSON parameter.
"""

from __future__ import annotations

from dataclasses import replace

from agon.kernel.errors import refuse
from agon.rest import answering, nearest, sources
from agon.rest.ask import Ask, Bounds, Param, Statement
from agon.rest.catalogue import Catalogue, Column, Table
from agon.rest.filters import Params, condition_sql, filter_sql
from agon.rest.quoting import identifier, qualified
from agon.rest.reading import Reading
from agon.rest.resolve import resolve, table_of
from agon.rest.resolved import Node
from agon.rest.sources import SOURCE
from agon.rest.tree import Condition, Field

PAYLOAD = "agon_payload"
NO_ROWS = "select null::int as nothing where false"


def write(ask: Ask, catalogue: Catalogue, bounds: Bounds) -> Statement:
    """The statement of a write. Raises Refused PGRST105, 114, 204, 205 and those of `resolve`."""
    table = table_of(catalogue, ask.schema, ask.target)
    params = Params()
    node = resolve(
        catalogue,
        ask.query,
        schema=ask.schema,
        root=table.name,
        table=table,
        aggregates=bounds.aggregates,
    )
    change = _change(ask, table, node, params)
    shown = ask.preferences.returns == "representation"
    returning = _returning(ask, table, node, shown)
    merged = _merges(ask, table)
    counted = answering.checked_page(ask, params)
    if ask.action == "put":
        counted = f"agon.require_same_key({counted})"
    inserted = "null"
    if merged:
        updated = "coalesce(nullif(current_setting('agon.updated', true), '')::bigint, 0)"
        inserted = f"count({answering.ROW}) - {updated}"
    with_change = f"with {SOURCE} as ({change}{returning if change is not NO_ROWS else ''}) "
    if change is NO_ROWS:
        rows = NO_ROWS
    elif shown:
        rows = _rows(node, params)
    else:
        rows = f"select * from {SOURCE}"
    sql = with_change + answering.answer_sql(
        f"({rows}) as {answering.ROW}",
        answering.body_sql(ask.media) if shown and not ask.head else "null",
        page=counted,
        total=f"count({answering.ROW})" if ask.preferences.count else "null",
        inserted=inserted,
        location=_location(ask, table),
    )
    explain = ask.media.kind == "plan"
    return Statement(
        sql=answering.explained(ask, sql) if explain else sql,
        params=tuple(params.bound),
        rollback=bounds.tx_rollback and ask.preferences.tx == "rollback",
        explain=explain,
    )


def _change(ask: Ask, table: Table, node: Node, params: Params) -> str:
    target = f"{qualified((table.schema, table.name))} as {identifier(node.alias)}"
    if ask.action == "delete":
        return f"delete from {target}{_where(ask, table, node, params)}"
    columns = [column_of(table, name) for name in written(ask)]
    assert ask.body is not None, "payload.read has refused a write without a body"
    if ask.body.empty_array or (ask.action == "update" and not columns):
        return NO_ROWS
    if ask.action == "update":
        sets = ", ".join(f"{identifier(each.name)} = {_value(ask, each)}" for each in columns)
        source = _payload(ask, columns, params)
        return f"update {target} set {sets} from {source}{_where(ask, table, node, params)}"
    names = ", ".join(identifier(each.name) for each in columns)
    if not columns:
        return f"insert into {target}{_defaults(ask, table, params)}"
    values = ", ".join(_value(ask, each) for each in columns)
    sql = f"insert into {target} ({names}) select {values} from {_payload(ask, columns, params)}"
    if ask.action == "put":
        _check_put(ask, table, node)
        tests = [_key_test(params, each, table) for each in node.where]
        sql += " where " + " and ".join(tests)
    return sql + _conflict(ask, table, columns)


def written(ask: Ask) -> tuple[str, ...]:
    """The columns that a payload writes."""
    if ask.query.columns is not None:
        return tuple(dict.fromkeys(ask.query.columns))
    return ask.body.keys if ask.body else ()


def column_of(table: Table, name: str) -> Column:
    """A column that may be written. Raises Refused PGRST204."""
    column = table.columns.get(name)
    if column is None:
        raise refuse(
            "PGRST204",
            f"Could not find the '{name}' column of '{table.name}' in the schema cache",
            hint=nearest.column_hint(table, name),
            status=400,
        )
    return column


def _payload(ask: Ask, columns: list[Column], params: Params) -> str:
    """The payload's rows, called PAYLOAD; with `missing=default` also each one as jsonb."""
    assert ask.body is not None
    fields = ", ".join(
        f"{identifier(each.name)} {'json' if _reader(each) else each.type}" for each in columns
    )
    body = params.bind(Param(form="body"))
    many = ask.body.is_array and ask.action != "update"
    if ask.preferences.missing == "default":
        document = f"{body}::jsonb"
        if ask.body.is_array and not many:
            document = f"({document} -> 0)"
        each = f"jsonb_array_elements({document})" if many else f"(select {document})"
        return (
            f"{each} as agon_each(doc),"
            f" lateral jsonb_to_record(agon_each.doc) as {PAYLOAD}({fields})"
        )
    if many:
        return f"json_to_recordset({body}::json) as {PAYLOAD}({fields})"
    document = f"({body}::json -> 0)" if ask.body.is_array else f"{body}::json"
    return f"json_to_record({document}) as {PAYLOAD}({fields})"


def _reader(column: Column) -> str | None:
    return column.representation.from_json if column.representation else None


def _value(ask: Ask, column: Column) -> str:
    value = f"{PAYLOAD}.{identifier(column.name)}"
    if reader := _reader(column):
        value = f"{reader}({value})"
    if ask.preferences.missing != "default" or column.default is None:
        return value
    key = column.name.replace("'", "''")
    return f"case when agon_each.doc ? '{key}' then {value} else {column.default} end"


def _defaults(ask: Ask, table: Table, params: Params) -> str:
    """Rows of nothing but defaults, for `{}` and for an array of them."""
    assert ask.body is not None
    if not ask.body.is_array:
        return " default values"
    column = next(iter(table.columns.values()))
    for each in table.columns.values():
        if each.default is not None:
            column = each
            break
    value = column.default or f"null::{column.type}"
    body = params.bind(Param(form="body"))
    return f" ({identifier(column.name)}) select {value} from json_array_elements({body}::json)"


def _conflict_columns(ask: Ask, table: Table) -> tuple[str, ...]:
    return ask.query.on_conflict or table.primary_key


def _merges(ask: Ask, table: Table) -> bool:
    """Whether rows that are there already are updated."""
    if ask.body is None or not written(ask) or ask.body.empty_array:
        return False
    if ask.action == "put":
        return True
    merging = ask.action == "insert" and ask.preferences.resolution == "merge-duplicates"
    return merging and bool(_conflict_columns(ask, table))


def _conflict(ask: Ask, table: Table, columns: list[Column]) -> str:
    resolution = ask.preferences.resolution if ask.action == "insert" else "merge-duplicates"
    keys = _conflict_columns(ask, table)
    if resolution is None or not keys:
        return ""
    on = f" on conflict ({', '.join(identifier(column_of(table, key).name) for key in keys)})"
    if resolution == "ignore-duplicates":
        return f"{on} do nothing"
    names = [identifier(each.name) for each in columns]
    sets = ", ".join(f"{name} = excluded.{name}" for name in names)
    # Counts what was there, since RETURNING cannot tell it (xmax is not had from a view).
    count = (
        "set_config('agon.updated',"
        " (coalesce(nullif(current_setting('agon.updated', true), ''), '0')::bigint + 1)::text,"
        " true) is not null"
    )
    return f"{on} do update set {sets} where {count}"


def _where(ask: Ask, table: Table, node: Node, params: Params) -> str:
    tests = [
        filter_sql(part, lambda one: condition_sql(params, node.alias, table, one))
        for part in node.where
    ]
    return f" where {' and '.join(tests)}" if tests else ""


def _check_put(ask: Ask, table: Table, node: Node) -> None:
    if node.limit is not None or node.offset is not None:
        raise refuse(
            "PGRST114", "limit/offset querystring parameters are not allowed for PUT", status=400
        )
    plain = [
        part.field.name
        for part in node.where
        if isinstance(part, Condition)
        and part == Condition(field=Field(part.field.name), operator="eq", value=part.value)
    ]
    if len(plain) != len(node.where) or not plain or sorted(plain) != sorted(table.primary_key):
        raise refuse(
            "PGRST105",
            "Filters must include all and only primary key columns with 'eq' operators",
            status=405,
        )


def _key_test(params: Params, part: object, table: Table) -> str:
    assert isinstance(part, Condition), "_check_put lets nothing else pass"
    return condition_sql(params, PAYLOAD, table, part)


def _returning(ask: Ask, table: Table, node: Node, shown: bool) -> str:
    alias = identifier(node.alias)
    if shown:
        return " returning " + sources.columns(node)
    if ask.preferences.returns == "headers-only" and table.primary_key:
        return " returning " + ", ".join(f"{alias}.{identifier(key)}" for key in table.primary_key)
    return " returning 1 as nothing"


def _rows(node: Node, params: Params) -> str:
    """What comes back of a change."""
    bare = replace(node, where=(), limit=None, offset=None)
    return sources.read(Reading(params=params, capped=False), bare, SOURCE)


def _location(ask: Ask, table: Table) -> str:
    if ask.preferences.returns != "headers-only" or ask.action not in ("insert", "put"):
        return "null"
    if not table.primary_key:
        return "null"
    row = answering.ROW
    return f"case when count({row}) = 1 then (array_agg(row_to_json({row})))[1] end"
