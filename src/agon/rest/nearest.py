"""Names that were probably meant, for the hint of an error.

Likeness is difflib's ratio, 0 to 1: twice the characters in common, in order, over all characters.
Pure. The sentences are PostgREST's.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice

from agon.rest.catalogue import Catalogue, Table

NAME_CHARS_MAX = 256
"""Longer ones are no names, and comparing takes the square of the length."""
CANDIDATES_MAX = 5_000
PARAMETERS_LEAST = 0.5
"""Lists of parameters differ in more than a letter."""


def nearest(name: str, candidates: Iterable[str], least: float = 0.75) -> str | None:
    """The candidate most like the name, the first of those in the alphabet; None where none is
    as like as `least`. Capitals count like small letters."""
    if len(name) > NAME_CHARS_MAX:
        return None
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(name.lower())
    best, best_ratio = None, 0.0
    for candidate in sorted(set(islice(candidates, CANDIDATES_MAX))):
        matcher.set_seq1(candidate[:NAME_CHARS_MAX].lower())
        bound = max(least, best_ratio)
        if matcher.real_quick_ratio() < bound or matcher.quick_ratio() < bound:
            continue
        ratio = matcher.ratio()
        if ratio >= least and ratio > best_ratio:
            best, best_ratio = candidate, ratio
    return best


def table_hint(catalogue: Catalogue, schema: str, name: str) -> str | None:
    """For a table or view that is not in the schema."""
    near = nearest(name, (table for own, table in catalogue.tables if own == schema))
    return f"Perhaps you meant the table '{schema}.{near}'" if near is not None else None


def function_hint(
    catalogue: Catalogue, schema: str, name: str, given: Iterable[str] = ()
) -> str | None:
    """For a function that is not in the schema, or not with the parameters that were given."""
    overloads = catalogue.functions.get((schema, name), ())
    if overloads:
        lists = (_listed(one.name for one in overload.parameters) for overload in overloads)
        parameters = nearest(_listed(given), lists, PARAMETERS_LEAST)
        near = name + parameters if parameters is not None else None
    else:
        near = nearest(name, (function for own, function in catalogue.functions if own == schema))
    return f"Perhaps you meant to call the function {schema}.{near}" if near is not None else None


def relationship_hint(catalogue: Catalogue, schema: str, source: str, target: str) -> str | None:
    """For an embed that was not found. Where source and target are both known there is nothing to
    say: the hint of the embed is wrong, or they do not belong together."""
    relationships = catalogue.relationships.get((schema, source))
    if relationships is None:
        near = nearest(source, (table for own, table in catalogue.relationships if own == schema))
        return _instead(near, source)
    targets = {one.constraint if one.function else one.target[1] for one in relationships}
    return None if target in targets else _instead(nearest(target, targets), target)


def column_hint(table: Table, name: str) -> str | None:
    """For a column that the table does not have."""
    return _instead(nearest(name, table.columns), name)


def _instead(near: str | None, name: str) -> str | None:
    known = near is None or near == name
    return None if known else f"Perhaps you meant '{near}' instead of '{name}'."


def _listed(parameters: Iterable[str]) -> str:
    return f"({', '.join(sorted(parameters))})"
