"""Models: rows that say what a judge takes; checked before they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from agon.challenges.evidence import MEDIA_TYPES
from agon.challenges.judges import JUDGES
from agon.challenges.records import PROVIDERS
from agon.kernel.errors import Refused, refuse

MEDIA_TYPES_KNOWN = (*sorted(MEDIA_TYPES.values()), "application/json", "application/zip")
REFERENCES = ("$ref", "$dynamicRef")
MISTAKE_CHARS_MAX = 200


def check(model: Mapping[str, Any]) -> None:
    """Refuse a model that no evidence or no challenge could ever fit. Pure.

    Raises Refused `invalid_model`, with a pointer (RFC 6901) in details.
    """
    if model.get("judge") not in list(JUDGES):
        raise _invalid("/judge", f"The judge is one of {', '.join(JUDGES)}.")
    _check_names(model, "sources", PROVIDERS)
    _check_names(model, "file_accept", MEDIA_TYPES_KNOWN)
    _check_schema(model.get("params_schema"))


def _check_names(model: Mapping[str, Any], key: str, known: tuple[str, ...]) -> None:
    names = model.get(key)
    if not isinstance(names, list) or not names:
        raise _invalid(f"/{key}", f"{key} is a list of one or more of {', '.join(known)}.")
    for index, name in enumerate(names):
        if name not in known:
            raise _invalid(f"/{key}/{index}", f"{key} takes {', '.join(known)}.")


def _check_schema(schema: object) -> None:
    """None is the empty schema; else an object that is a schema of draft 2020-12."""
    if schema is None:
        return
    if not isinstance(schema, dict):
        raise _invalid("/params_schema", "A schema is an object.")
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        foreign = next(_foreign_references(schema), None)
    except jsonschema.SchemaError as error:
        place = pointer("/params_schema", error.absolute_path)
        raise _invalid(place, error.message[:MISTAKE_CHARS_MAX]) from error
    except RecursionError as error:
        raise _invalid("/params_schema", "The schema is nested too deeply.") from error
    if foreign is not None:
        # Whoever validates never fetches: a schema is whole in itself.
        raise _invalid("/params_schema", f"{foreign[:MISTAKE_CHARS_MAX]!r} leads elsewhere.")


def _foreign_references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in REFERENCES and isinstance(inner, str) and not inner.startswith("#"):
                yield inner
            yield from _foreign_references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _foreign_references(inner)


def pointer(start: str, path: Iterator[str | int]) -> str:
    """A JSON pointer (RFC 6901) to what stands at a path below start."""
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    return "/".join([start, *steps])


def _invalid(place: str, message: str) -> Refused:
    return refuse(
        "invalid_model",
        message,
        details=place,
        hint="GET /api/admin/models shows models that work.",
        status=422,
    )
