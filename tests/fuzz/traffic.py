"""Hypothesis strategies for requests to the data door: some fit the database of canaries, some
nearly do, some are noise."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from hypothesis import strategies as st

from agon.rest.printing import print_query
from tests.fuzz import aimed
from tests.rest.strategies import PAIRS, queries

TABLES = (
    "notes", "folders", "links", "vaults", "staff", "my_notes", "my_pay", "shown_notes",
)  # fmt: skip
COLUMNS = {
    "notes": (
        "id", "owner", "title", "code", "secret", "amount", "tags", "facts", "plain", "span",
        "made", "search", "shown", "folder_id", "vault_id",
    ),
    "folders": ("id", "owner", "name", "secret"),
    "links": ("note_id", "folder_id", "owner", "memo"),
    "vaults": ("id", "secret"),
    "staff": ("id", "name", "pay", "age", "note_id"),
    "my_pay": ("id", "pay"),
    "shown_notes": ("id", "title", "secret", "amount"),
}  # fmt: skip
COLUMNS["my_notes"] = COLUMNS["notes"]
COMPUTED = ("tell", "tell_folder", "inverse", "label", "to_json", "count", "ctid", "tableoid")
EMBEDS = {
    "notes": (
        "folders!notes_folder_id_fkey",
        "folders!links",
        "links",
        "vaults",
        "staff",
        "siblings",
        "drawer",
    ),
    "my_notes": ("folders!notes_folder_id_fkey", "vaults", "staff", "links"),
    "folders": ("notes!notes_folder_id_fkey", "notes!links", "links", "my_notes"),
    "links": ("notes", "folders"),
    "vaults": ("notes", "my_notes"),
    "staff": ("notes", "my_notes"),
    "my_pay": ("notes", "staff"),
    "shown_notes": ("folders", "links"),
}
RESULTS = {"siblings": "notes", "drawer": "folders"}
FUNCTIONS = {
    "notes_of": ("who",),
    "find_notes": ("word", "lowest"),
    "secret_of": ("note",),
    "open_vault": ("vault",),
    "add_note": ("new_id", "new_owner"),
    "drop_notes": ("ids",),
    "echo": (),
    "whoami": (),
    "tell": ("note",),
    "siblings": ("note",),
}
PARAMETERS = {
    "who": ("00000000-0000-4000-8000-000000626f62",), "word": ("b", "bob", "%", ""),
    "lowest": ("0", "-1"), "note": ("4", "1", "7"), "vault": ("1", "2"),
    "new_id": ("4", "20"), "new_owner": ("00000000-0000-4000-8000-000000626f62",),
    "ids": ("{1,4}", "{4}"),
}  # fmt: skip
ALL_NAMES = sorted({*TABLES, *FUNCTIONS, *COMPUTED, *(c for of in COLUMNS.values() for c in of)})
BOB = "00000000-0000-4000-8000-000000626f62"
ADA = "00000000-0000-4000-8000-000000616461"
TEXTS = st.sampled_from(
    (
        "1", "4", "7", "0", "-1", "x", "%", "*", "b*", "bob*", "^b", "[", "four", "his", ADA, BOB,
        "{1,4}", "{b,x}", '{"word":"x"}', "[1,2]", "[b,c)", "2026-01-01", "true", "NULL",
        "99999999999", "1e400", "NaN", "\\", "(", "'", '"', "bob:*", "!x", "amy", "\ud7ff", "𝕏", "",
    )
)  # fmt: skip
OPERATIONS = (
    "eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "isdistinct", "cs",
    "cd", "ov", "sl", "sr", "nxr", "nxl", "adj", "fts", "plfts(simple)", "phfts", "wfts(english)",
    "eq(any)", "like(all)", "not.eq", "not.like", "not.gt",
)  # fmt: skip
LIKE = ("like", "ilike", "match", "imatch", "not.like", "like(any)", "fts", "plfts", "wfts(simple)")
KINDS = {
    "id": (("eq", "gt", "lte", "neq", "not.eq"), ("0", "1", "3", "4", "7", "1001")),
    "text": (("eq", "gt", "lte", *LIKE), ("*", "b*", "bob*", "%q%", "a", "four", "his", ".")),
    "owner": (("eq", "neq", "isdistinct", "gte"), (ADA, BOB)),
    "tags": (("cs", "cd", "ov", "eq"), ("{}", "{x}", "{bobq}")),
    "facts": (("cs", "cd", "eq", "gt"), ("{}", '{"word":"x"}', "1", '"b"')),
    "span": (("sl", "sr", "nxr", "nxl", "adj", "ov", "cs"), ("[a,c)", "[b,z]", "empty")),
    "search": (("fts", "plfts(simple)", "phfts", "wfts"), ("bob:*", "b:* | a:*", "x")),
    "made": (("eq", "lt", "gte"), ("2026-01-01", "infinity")),
    "shown": (("eq", "neq"), ("true", "f")),
}
"""What fits a column: operators and values. Names that are not there are numbers or texts."""
NUMBERS = ("note_id", "folder_id", "vault_id", "amount", "age")

CASTS = (
    "text", "int", "int[]", "jsonb", "xml", "uuid", "bytea", "regclass", "boolean", "tsvector",
    "words", "tsquery", "notes", "oid", "numeric(4,2)", "varchar(5)", "money", "interval",
)  # fmt: skip
NAMED = {
    b"prefer": (
        "return=representation", "return=minimal", "return=headers-only", "count=exact",
        "count=planned", "count=estimated", "resolution=merge-duplicates",
        "resolution=ignore-duplicates", "missing=default", "tx=rollback", "handling=strict",
        "max-affected=1", "timezone=America/Lima", "max-affected=x", "nonsense",
    ),
    b"accept": (
        "application/json", "application/vnd.pgrst.object+json", "text/csv", "*/*",
        "text/csv", "application/vnd.pgrst.plan+json; options=analyze|verbose",
        "application/vnd.pgrst.array+json;nulls=stripped", "application/geo+json", "text/plain",
        "application/vnd.pgrst.plan+json; options=verbose|settings", "application/octet-stream",
        "application/vnd.pgrst.plan+text", "application/vnd.agon.policies+json", "x/y;q=z,,;",
    ),
    b"range": ("0-0", "1-", "5-2", "-", "0-99999999999999999999", "items=0-1"),
    b"accept-profile": ("public", "auth", "agon", "fuzz", "pg_catalog"),
    b"content-profile": ("public", "auth", "agon", "fuzz"),
    b"content-type": (
        "application/json", "text/csv", "application/x-www-form-urlencoded", "text/plain",
        "application/octet-stream", "text/xml", "application/vnd.agon.batch+json", "x",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. who: anon, or the name of a user; path: decoded, below the door."""

    who: str
    method: str
    path: str
    query: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


def encoded(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join(
        "=".join(quote_plus(part, errors="replace") for part in pair) for pair in pairs
    ).encode()


@st.composite
def headers(draw, *, common: tuple[bytes, ...]) -> dict[bytes, bytes]:
    """Headers that the door reads: those of `common` often, the others seldom."""
    drawn = {}
    for name, values in NAMED.items():
        if draw(st.integers(0, 39)) < (14 if name in common else 1):
            values = values[: len(values) // 2] if draw(st.integers(0, 4)) else values
            some = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)
            text = some.map(", ".join) if name == b"prefer" else st.sampled_from(values)
            noise = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
            drawn[name] = draw(noise if draw(st.integers(0, 29)) == 0 else text).encode("latin-1")
    return drawn


@st.composite
def fields(draw, table: str) -> str:
    name = draw(st.sampled_from(COLUMNS[table]))
    kind = draw(st.integers(0, 11))
    if kind == 0:
        return draw(st.sampled_from(COMPUTED))
    if kind == 1 and "facts" in COLUMNS[table]:
        return "facts" + draw(
            st.sampled_from(("->word", "->>word", "->list->0", "->>list", "->-1"))
        )
    return name


@st.composite
def conditions(draw, table: str) -> tuple[str, str]:
    """A column and what is asked of it; one in six need not fit."""
    if draw(st.integers(0, 5)) == 0:
        return draw(fields(table)), f"{draw(st.sampled_from(OPERATIONS))}.{draw(TEXTS)}"
    name = draw(st.sampled_from([each for each in COLUMNS[table] if each != "plain"]))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return name, "is." + draw(st.sampled_from(("null", "not_null")))
    operators, values = KINDS.get(name) or KINDS["id" if name in NUMBERS else "text"]
    value = draw(st.sampled_from(values))
    if kind == 1:
        return name, f"in.({json.dumps(value)})"
    operator = draw(st.sampled_from(operators))
    return name, f"{operator}.{{{value}}}" if "any" in operator else f"{operator}.{value}"


@st.composite
def selections(draw, table: str, depth: int = 0) -> str:
    """What to show, with embeds as far as there are any; some of it need not be there."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 19))
        if kind < 5:
            parts.append("*")
        elif kind < 10 or (depth > 1 and kind > 12):
            parts.append(draw(st.sampled_from(COLUMNS[table])))
        elif kind == 10:
            parts.append(draw(fields(table)))
        elif kind == 11:
            parts.append(f"{draw(fields(table))}::{draw(st.sampled_from(CASTS))}")
        elif kind == 12:
            aggregate = draw(st.sampled_from(("sum", "avg", "min", "max", "count")))
            parts.append(draw(st.sampled_from((f"{draw(fields(table))}.{aggregate}()", "count()"))))
        else:
            known = EMBEDS[table] if draw(st.integers(0, 9)) else tuple(EMBEDS)
            target = draw(st.sampled_from(known))
            inner = RESULTS.get(target, target.split("!")[0])
            spread = draw(st.sampled_from(("", "", "", "...", "alias:")))
            join = draw(st.sampled_from(("", "", "!inner", "!left")))
            parts.append(f"{spread}{target}{join}({draw(selections(inner, depth + 1))})")
    return ",".join(dict.fromkeys(parts))


@st.composite
def fitting_pairs(draw, table: str) -> list[tuple[str, str]]:
    """A query that names what there is."""
    pairs = []
    if draw(st.booleans()):
        pairs.append(("select", draw(selections(table))))
    for _ in range(draw(st.integers(0, 2))):
        pairs.append(draw(conditions(table)))
    if draw(st.integers(0, 3)) == 0:
        parts = [".".join(draw(conditions(table))) for _ in range(draw(st.integers(1, 3)))]
        way = draw(st.sampled_from(("or", "and", "not.or")))
        pairs.append((way, f"({','.join(parts)})"))
    if draw(st.integers(0, 3)) == 0:
        target = draw(st.sampled_from(EMBEDS[table])).split("!")[0]
        pairs = [("select", f"*,{target}(*)")]
        key, operation = draw(conditions(RESULTS.get(target, target)))
        pairs.append((f"{target}.{key}", operation))
        if draw(st.booleans()):
            pairs.append((target, draw(st.sampled_from(("is.null", "not.is.null")))))
    if draw(st.integers(0, 3)) == 0:
        turn = draw(st.sampled_from(("", ".desc", ".asc.nullsfirst")))
        pairs.append(("order", draw(fields(table)) + turn))
    for key in ("limit", "offset"):
        if draw(st.integers(0, 5)) == 0:
            pairs.append((key, draw(st.sampled_from(("0", "1", "2", "100", "-1", "x")))))
    return pairs


@st.composite
def pairs_of(draw, table: str, *, call: bool = False) -> list[tuple[str, str]]:
    kind = draw(st.integers(0, 9))
    if kind < 7:
        return draw(fitting_pairs(table))
    if kind < 9:
        names = st.sampled_from(COLUMNS[table] if kind == 7 else ALL_NAMES)
        return print_query(*draw(queries(names=names, texts=TEXTS, call=call)))
    return list(draw(PAIRS))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FITTING = {
    "id": st.integers(1, 12) | st.integers(1000, 1005),
    "note_id": st.integers(1, 12), "folder_id": st.integers(1, 5), "vault_id": st.integers(1, 3),
    "owner": st.sampled_from((ADA, ADA, BOB, None)), "amount": st.integers(-1, 5),
    "age": st.sampled_from((1, 100, None)), "facts": JSON, "plain": JSON,
    "tags": st.just(["x"]), "span": st.sampled_from(("[a,c)", "[bobq,bobr)", "[x,y]", "empty")),
    "shown": st.booleans(), "made": st.just("2026-02-02"),
}  # fmt: skip


@st.composite
def rows(draw, table: str) -> dict:
    columns = [name for name in COLUMNS[table] if draw(st.integers(0, 2)) == 0]
    if "id" in COLUMNS[table] and draw(st.integers(0, 3)):
        columns.append("id")
    if "title" in COLUMNS[table]:
        columns.append("title")
    return {name: draw(FITTING.get(name, TEXTS)) for name in columns}


@st.composite
def bodies(draw, table: str, kind: bytes) -> bytes:
    """A payload, more or less as the content type has it."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=30) | JSON.map(lambda each: json.dumps(each).encode()))
    row = draw(rows(table))
    if kind == b"text/csv":
        lines = [row.keys(), row.values()]
        return "\n".join(",".join(map(str, line)) for line in lines).encode(errors="replace")
    if kind == b"application/x-www-form-urlencoded":
        return encoded([(key, str(value)) for key, value in row.items()])
    if draw(st.integers(0, 2)) == 0:
        return json.dumps([row, {**row, **draw(rows(table))}]).encode()
    return json.dumps(row).encode()


@st.composite
def to_tables(draw) -> Request:
    """Reads and writes of tables and views."""
    table = draw(st.sampled_from((*TABLES, "notes", "notes")))
    method = draw(
        st.sampled_from(("GET",) * 6 + ("HEAD", "POST", "POST", "PATCH", "PUT", "DELETE"))
    )
    sent = draw(headers(common=(b"prefer", b"accept")))
    pairs = draw(pairs_of(table))
    if method in ("POST", "PUT", "PATCH") and draw(st.booleans()):
        pairs = [("select", draw(selections(table)))]
    if method == "PUT" and draw(st.booleans()):
        pairs = [("id", f"eq.{draw(st.integers(1, 9))}")]
    if method == "POST" and draw(st.integers(0, 3)) == 0:
        pairs.append(("on_conflict", draw(st.sampled_from(COLUMNS[table]))))
    body = b""
    if method in ("POST", "PATCH", "PUT"):
        body = draw(bodies(table, sent.get(b"content-type", b"")))
    return Request(
        who=draw(st.sampled_from(("ada", "ada", "anon"))), method=method, path=f"/{table}",
        query=encoded(pairs), headers=sent, body=body,
    )  # fmt: skip


@st.composite
def to_functions(draw) -> Request:
    """Calls."""
    name, parameters = draw(st.sampled_from(sorted(FUNCTIONS.items())))
    given = {}
    for each in parameters:
        if draw(st.integers(0, 7)):
            fit = draw(st.sampled_from(PARAMETERS.get(each, ("x",))))
            given[each] = fit if draw(st.integers(0, 7)) else draw(TEXTS)
    pairs = draw(st.just([]) | pairs_of("notes", call=True))
    if draw(st.booleans()):
        pairs = [pair for pair in pairs if "(" not in pair[0] and "." in pair[1]]
    method = draw(st.sampled_from(("GET", "POST", "POST", "HEAD")))
    body = b""
    if method == "POST":
        noise = st.binary(max_size=20) | JSON.map(lambda each: json.dumps(each).encode())
        body = json.dumps(given).encode() if draw(st.integers(0, 5)) else draw(noise)
    else:
        pairs += given.items()
    return Request(
        who=draw(st.sampled_from(("ada", "ada", "anon"))), method=method, path=f"/rpc/{name}",
        query=encoded(pairs), headers=draw(headers(common=(b"prefer", b"accept"))), body=body,
    )  # fmt: skip


@st.composite
def batches(draw) -> Request:
    """Several requests as one."""
    listed = []
    for one in draw(st.lists(to_tables() | to_functions(), max_size=3)):
        item: dict = {"method": one.method, "path": one.path}
        if one.query:
            item["path"] += "?" + one.query.decode()
        said = {
            name.decode(): value.decode("latin-1")
            for name, value in one.headers.items()
            if name in (b"prefer", b"accept") or draw(st.integers(0, 9)) == 0
        }
        if said:
            item["headers"] = said
        if one.body:
            item["body"] = one.body.decode(errors="replace")
            if draw(st.integers(0, 9)):
                item["body"] = {"id": draw(st.integers(1, 12)), "title": "x"}
        listed.append(item if draw(st.integers(0, 19)) else draw(JSON))
    return Request(
        who=draw(st.sampled_from(("ada", "ada", "anon"))), method="POST", path="/",
        headers={b"content-type": b"application/vnd.agon.batch+json"},
        body=json.dumps(listed).encode(),
    )  # fmt: skip


@st.composite
def noise(draw) -> Request:
    """What no client sends."""
    words = st.text(st.characters(codec="utf-8"), max_size=8)
    places = st.sampled_from(("notes", "rpc/echo", "rpc/", "rpc", "auth/users", "pg_roles", ""))
    method = st.sampled_from(("GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "TRACE", "get"))
    return Request(
        who=draw(st.sampled_from(("ada", "anon"))),
        method=draw(method),
        path="/" + draw(places | words),
        query=draw(PAIRS.map(encoded) | st.binary(max_size=20)),
        headers=draw(headers(common=tuple(NAMED))),
        body=draw(st.binary(max_size=30)),
    )


to_rows = aimed.reads().map(
    lambda read: Request(
        who=read[0], method="GET", path=f"/{read[1]}", query=encoded(read[2]), headers=read[3]
    )
)
REQUESTS = st.integers(0, 23).flatmap(
    lambda n: (
        to_tables() if n < 10 else to_functions() if n < 14 else batches() if n < 17
        else noise() if n < 18 else to_rows
    )
)  # fmt: skip
