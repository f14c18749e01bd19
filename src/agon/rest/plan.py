"""From a request to its statement: what is asked, resolved against the schema cache, as SQL."""

from __future__ import annotations

from agon.rest import answering, sources
from agon.rest.ask import Ask, Bounds, Param, Statement
from agon.rest.calling import call
from agon.rest.catalogue import Catalogue
from agon.rest.filters import Params
from agon.rest.quoting import identifier, qualified
from agon.rest.reading import Reading
from agon.rest.resolve import resolve, table_of
from agon.rest.writing import write


def plan(ask: Ask, catalogue: Catalogue, bounds: Bounds) -> Statement:
    """The statement of a request: the same for all requests of its shape, whoever sends them.

    Raises Refused with PostgREST's codes: PGRST100, 105, 107, 108, 114, 118, 123, 127, 128,
    200 to 205.
    """
    if ask.media.kind == "policies":
        # The report stands before the plan; nothing that asks for it may be carried out.
        answering.body_sql(ask.media)
    if ask.action == "read":
        return read(ask, catalogue, bounds)
    if ask.action == "call":
        return call(ask, catalogue, bounds)
    return write(ask, catalogue, bounds)


def read(ask: Ask, catalogue: Catalogue, bounds: Bounds) -> Statement:
    """The statement of a read of a table or view."""
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
    source = f"{qualified((table.schema, table.name))} as {identifier(node.alias)}"
    reading = Reading(params=params)
    rows = sources.page_first(reading, node, source)
    total, counting = "null", ask.preferences.count
    if counting in ("exact", "estimated"):
        bound = ""
        if counting == "estimated":
            most = params.bind(Param(form="constant", value=str(bounds.rows_max + 1)))
            bound = f" limit {most}"
        total = f"(select count(*) from ({reading.existing(node, source)}{bound}) as c)"
    sql = answering.answer_sql(
        f"({rows}) as {answering.ROW}",
        "null" if ask.head else answering.body_sql(ask.media),
        total=total,
    )
    count_sql, count_params = None, Params()
    if counting in ("planned", "estimated"):
        existing = Reading(params=count_params).existing(node, source)
        count_sql = f"explain (format json) {existing}"
    explain = ask.media.kind == "plan"
    return Statement(
        sql=answering.explained(ask, sql) if explain else sql,
        params=tuple(params.bound),
        read_only=True,
        explain=explain,
        count_sql=count_sql,
        count_params=tuple(count_params.bound),
    )
