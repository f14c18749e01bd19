"""Hypothesis strategies for reads that mostly find rows: relations and columns that are there,
operators with values of their types, and conditions that rows of the caller's meet."""

from __future__ import annotations

from hypothesis import strategies as st

MET = {
    "number": ("gte.0", "lt.9000", "neq.8000", "not.is.null", "isdistinct.8000", "not.in.(8000,9)"),
    "text": ("like.*", "neq.x", "not.eq.x", "gt.A", "not.is.null", "match..", 'not.in.(x,"y,z")'),
    "list": ("cs.{x}", "ov.{x,y}", "neq.{}", "not.cs.{y}"),
    "object": ("cs.{}", "neq.{}", "not.is.null", 'not.eq."x"'),
    "range": ("neq.empty", "sl.[zz,)", "not.ov.[0,1)"),
    "time": ("gte.2026-01-01", "lt.infinity", "eq.2026-01-01"),
    "words": ("fts.a:*|o:*", "not.plfts(simple).x", "not.is.null"),
    "flag": ("in.(true,false)", "not.is.null"),
}
"""What the rows that Ada and strangers see meet, by the type of a column."""
COLUMNS = {
    "notes": {
        "id": "number", "title": "text", "code": "text", "secret": "text", "amount": "number",
        "tags": "list", "facts": "object", "span": "range", "made": "time", "search": "words",
        "shown": "flag", "folder_id": "number", "vault_id": "number",
    },
    "folders": {"id": "number", "name": "text", "secret": "text"},
    "links": {"note_id": "number", "folder_id": "number", "memo": "text"},
    "staff": {"id": "number", "name": "text", "age": "number", "note_id": "number"},
}  # fmt: skip
COLUMNS["my_notes"] = COLUMNS["notes"]
EMBEDS = {
    "notes": ("folders!notes_folder_id_fkey(name)", "links(memo)", "siblings(id,title)", "label"),
    "my_notes": ("folders!notes_folder_id_fkey(id,secret)", "id::text", "facts->>word"),
    "folders": ("notes!notes_folder_id_fkey(id,title)", "links(*)", "of:notes!links(id)"),
    "links": ("notes(*)", "...folders(name)", "memo::varchar"),
    "staff": ("notes(id,title)", "...notes(title)", "age::text"),
}
SEEN = {"ada": tuple(COLUMNS), "anon": ("notes", "my_notes", "staff")}
ACCEPTED = (b"application/json", b"text/csv", b"*/*")
PREFERRED = (b"count=exact", b"count=estimated", b"handling=strict", b"return=minimal")


@st.composite
def reads(draw) -> tuple[str, str, list[tuple[str, str]], dict[bytes, bytes]]:
    """Who asks, of which relation, by which pairs of a query, with which headers."""
    who = draw(st.sampled_from(("ada", "ada", "anon")))
    table = draw(st.sampled_from(SEEN[who]))
    types = COLUMNS[table]
    names = st.sampled_from(sorted(types))
    shown = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    shown += draw(st.lists(st.sampled_from(EMBEDS[table]), max_size=1))
    pairs = [("select", ",".join(shown))]
    asked = st.lists(names, max_size=3)
    met = [(name, draw(st.sampled_from(MET[types[name]]))) for name in draw(asked)]
    if met and draw(st.booleans()):
        way = draw(st.sampled_from(("or", "and")))
        met = [(way, "(" + ",".join(".".join(each) for each in met) + ")")]
    pairs += met
    if draw(st.booleans()):
        turn = draw(st.sampled_from(("", ".desc", ".asc.nullslast")))
        column = draw(names.filter(lambda name: name != "search"))
        pairs.append(("order", column + turn))
    if draw(st.booleans()):
        pairs.append(("limit", draw(st.sampled_from(("1", "2", "100")))))
    given = {b"accept": ACCEPTED, b"prefer": PREFERRED}
    headers = {
        name: draw(st.sampled_from(values)) for name, values in given.items() if draw(st.booleans())
    }
    return who, table, pairs, headers
