"""Finding what an embed means: the relationship between two relations of the schema cache."""

from __future__ import annotations

from collections.abc import Sequence

from agon.kernel.errors import Refused, refuse
from agon.rest import nearest
from agon.rest.catalogue import Catalogue, Name, Relationship

CARDINALITY = {
    "many_to_one": "many-to-one",
    "one_to_many": "one-to-many",
    "one_to_one": "one-to-one",
    "many_to_many": "many-to-many",
}


def find(catalogue: Catalogue, source: Name, target: str, hint: str | None) -> Relationship:
    """The relationship that `target!hint` names. Raises Refused PGRST200 (none), PGRST201 (many).

    target: a relation's name, a foreign key's, the column of one, or a computed relationship's.
    """
    known = catalogue.relationships.get(source, ())
    computed = [each for each in known if each.function and each.constraint == target]
    if computed and hint is None:
        return computed[0]
    stored = [each for each in known if not each.function]
    if hint is None:
        found = [each for each in stored if _named(each, source[0], target)]
    else:
        found = [each for each in stored if _hinted(each, source[0], target, hint)]
    if not found:
        raise _missing(catalogue, source, target, hint)
    if len(found) > 1:
        raise _ambiguous(source, target, found)
    return found[0]


def _named(each: Relationship, schema: str, target: str) -> bool:
    if each.target == (schema, target):
        return True
    # A foreign key's name or column means the row that it points to, also within one table.
    if target == each.constraint:
        return each.source != each.target or _owns_key(each)
    return _owns_key(each) and len(each.columns) == 1 and each.columns[0][0] == target


def _hinted(each: Relationship, schema: str, target: str, hint: str) -> bool:
    if each.target != (schema, target):
        return False
    if each.junction:
        return hint == each.junction.table[1]
    if each.source == each.target and _owns_key(each):
        # Within one table a hint means the rows that point here.
        return False
    names = {each.constraint}
    if len(each.columns) == 1:
        names |= set(each.columns[0])
    return hint in names


def _owns_key(each: Relationship) -> bool:
    """Whether the foreign key is the source's."""
    return each.to_one and not each.is_parent


def _missing(catalogue: Catalogue, source: Name, target: str, hint: str | None) -> Refused:
    using = f" using the hint '{hint}'" if hint else ""
    return refuse(
        "PGRST200",
        f"Could not find a relationship between '{source[1]}' and '{target}' in the schema cache",
        details=f"Searched for a foreign key relationship between '{source[1]}' and '{target}'"
        f"{using} in the schema '{source[0]}', but no matches were found.",
        hint=nearest.relationship_hint(catalogue, *source, target),
        status=400,
    )


def _ambiguous(source: Name, target: str, found: Sequence[Relationship]) -> Refused:
    ways = ", ".join(f"'{target}!{_way(each)}'" for each in found)
    return refuse(
        "PGRST201",
        f"Could not embed because more than one relationship was found for '{source[1]}' and"
        f" '{target}'",
        details=[_described(each) for each in found],
        hint=f"Try changing '{target}' to one of the following: {ways}."
        " Find the desired relationship in the 'details' key.",
        status=300,
    )


def _way(each: Relationship) -> str:
    return each.junction.table[1] if each.junction else each.constraint


def _described(each: Relationship) -> dict[str, str]:
    source, target = each.source[1], each.target[1]
    if each.junction:
        junction = each.junction
        here = ", ".join(column for _, column in junction.source_columns)
        there = ", ".join(column for _, column in junction.target_columns)
        relationship = (
            f"{junction.table[1]} using {junction.to_source}({here})"
            f" and {junction.to_target}({there})"
        )
    else:
        here = ", ".join(column for column, _ in each.columns)
        there = ", ".join(column for _, column in each.columns)
        relationship = f"{each.constraint} using {source}({here}) and {target}({there})"
    return {
        "cardinality": CARDINALITY[each.kind],
        "embedding": f"{source} with {target}",
        "relationship": relationship,
    }
