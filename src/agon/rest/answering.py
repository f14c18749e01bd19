"""The outermost select of every statement: one row with the counts, the body and what functions
set for the answer. See `ask.Row`."""

from __future__ import annotations

from agon.kernel.errors import refuse
from agon.rest.ask import Ask, Media, Param
from agon.rest.filters import Params

ROW = "agon_row"
"""The alias of what the body is made of."""


def answer_sql(
    source: str,
    body: str,
    *,
    page: str = f"count({ROW})",
    total: str = "null",
    inserted: str = "null",
    location: str = "null",
) -> str:
    """source: what stands after `from`; the others are the row's columns."""
    return (
        f"select {total}, {page}, {body},"
        " nullif(current_setting('response.headers', true), ''),"
        " nullif(current_setting('response.status', true), ''),"
        f" {inserted}, {location}"
        f" from {source}"
    )


def body_sql(media: Media, *, single: bool = False) -> str:
    """Rows called ROW as the bytes of a body. single: one object, as of a function that returns
    no set. Raises Refused PGRST107 for what no rows can be."""
    kind = media.plan_of if media.kind == "plan" else media.kind
    if kind == "object" or (kind == "json" and single):
        one = f"(array_agg(row_to_json({ROW})))[1]"
        return f"coalesce({_stripped(one, media)}::text, 'null')"
    if kind == "json":
        return f"coalesce({_stripped(f'json_agg({ROW})', media)}, '[]')"
    if kind == "csv":
        # A composite's text is a line of CSV in brackets.
        name = "case when k ~ '[\",\\s]' then '\"' || replace(k, '\"', '\"\"') || '\"' else k end"
        first = f"row_to_json((array_agg({ROW}))[1])"
        head = f"(select string_agg({name}, ',') from json_object_keys({first}) as k)"
        lines = f"string_agg(substr({ROW}::text, 2, length({ROW}::text) - 2), e'\\n')"
        return f"coalesce({head} || e'\\n' || {lines}, '')"
    if kind == "geojson":
        return (
            "json_build_object('type', 'FeatureCollection', 'features',"
            f" coalesce(json_agg(ST_AsGeoJSON({ROW})::json), '[]'))"
        )
    raise refuse(
        "PGRST107",
        f"None of these media types are available: {media.content_type}",
        hint="Rows are sent as application/json, application/vnd.pgrst.object+json or text/csv.",
        status=406,
    )


def checked_page(ask: Ask, params: Params, counted: str = f"count({ROW})") -> str:
    """The count of rows, with what the request requires of it: one object, or at most so many."""
    preferences = ask.preferences
    if preferences.handling == "strict" and preferences.max_affected is not None:
        most = params.bind(Param(form="constant", value=str(preferences.max_affected)))
        counted = f"agon.require_rows_at_most({counted}, {most})"
    if ask.media.kind == "object":
        counted = f"agon.require_one_row({counted})"
    return counted


def explained(ask: Ask, sql: str) -> str:
    """EXPLAIN of the statement, with the options of the media type."""
    options = [f"format {ask.media.plan_format}", *ask.media.options]
    return f"explain ({', '.join(options)}) {sql}"


def _stripped(sql: str, media: Media) -> str:
    return f"json_strip_nulls({sql})" if media.strip_nulls else sql
