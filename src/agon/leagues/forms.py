"""Settings against their published JSON Schemas. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jsonschema

from agon.kernel.canonical import canonical, step
from agon.kernel.errors import Refused

MISTAKES_MAX = 20
"""Mistakes that one answer lists."""
MISTAKE_CHARS_MAX = 200


@lru_cache(maxsize=8)
def schema(name: str) -> dict[str, Any]:
    """A schema of this package, draft 2020-12, by the name of its file. Not to be changed."""
    return json.loads(files("agon.leagues").joinpath(name).read_text("utf-8"))


def mistakes(config: object, name: str) -> Iterator[str]:
    """What a schema does not allow, each as "/path: sentence", in the order of places; floats and
    what else cannot stand in a result first."""
    try:
        canonical(config)
    except Refused as refused:
        yield refused.refusal.details or refused.refusal.message
        return
    validator = jsonschema.Draft202012Validator(schema(name))
    found = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    for error in found[:MISTAKES_MAX]:
        place = "".join(step(str(key)) for key in error.absolute_path)
        yield f"{place or '/'}: {error.message[:MISTAKE_CHARS_MAX]}"
