"""The form of a rule: plain JSON without floats, of bounded size, as schemas/rule.json has it.

What a schema cannot say (units that fit, windows that exist, parts that can be met) is in
`rules.py`. Both speak in mistakes: a JSON pointer (RFC 6901) and a sentence.
"""

from __future__ import annotations

import difflib
import importlib.resources
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema
import rfc8785

from agon.challenges.quantities import INTEGER_MAX

RULE_BYTES_MAX = 65_536
"""Size of a rule in canonical JSON."""
JSON_DEPTH_MAX = 40
"""Objects and arrays inside each other; parts nest at most PARTS_DEPTH_MAX deep in them."""
MISTAKES_MAX = 20
"""Mistakes that one answer lists."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One thing wrong with a rule: where (JSON pointer, "" for the whole) and what."""

    pointer: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.sentence}"


def pointer_to(path: Iterable[str | int]) -> str:
    """JSON pointer of a path of keys and indexes."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def canonical(rule: object) -> bytes | list[Mistake]:
    """The rule's canonical JSON, or what keeps it from having one within RULE_BYTES_MAX."""
    if not isinstance(rule, dict):
        return [Mistake(pointer="", sentence="A rule is a JSON object.")]
    mistakes = _json_mistakes(rule)
    if mistakes:
        return mistakes
    data = rfc8785.dumps(rule)
    if len(data) > RULE_BYTES_MAX:
        return [Mistake(pointer="", sentence=f"A rule has at most {RULE_BYTES_MAX} bytes.")]
    return data


def form_mistakes(rule: dict[str, Any]) -> list[Mistake]:
    """Where a rule departs from the schema, ordered by place."""
    errors = sorted(_validator().iter_errors(rule), key=lambda error: list(map(str, error.path)))
    return list(dict.fromkeys(mistake for error in errors for mistake in _mistakes_of(error)))


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The rule language as a JSON Schema, draft 2020-12."""
    path = importlib.resources.files("agon.challenges").joinpath("schemas/rule.json")
    return json.loads(path.read_text("utf-8"))


@lru_cache(maxsize=1)
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def _json_mistakes(rule: dict[str, Any]) -> list[Mistake]:
    """Values that canonical JSON, or this language, has no place for. Never recurses."""
    found: list[Mistake] = []
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), rule)]
    while waiting and len(found) < MISTAKES_MAX:
        path, value = waiting.pop()
        sentence = _wrong_value(value, len(path))
        if sentence:
            found.append(Mistake(pointer=pointer_to(path), sentence=sentence))
        elif isinstance(value, dict):
            waiting.extend(((*path, str(key)), inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), inner) for index, inner in enumerate(value))
    return sorted(found, key=lambda mistake: mistake.pointer)


def _wrong_value(value: Any, depth: int) -> str | None:
    if isinstance(value, float):
        return 'Write a decimal number as a string, such as "42.195".'
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        return "This number is too large."
    if isinstance(value, dict | list) and depth >= JSON_DEPTH_MAX:
        return "This is nested too deep."
    texts = [value] if isinstance(value, str) else value if isinstance(value, dict) else []
    if not all(isinstance(text, str) and _is_unicode(text) for text in texts):
        return "This text is not Unicode."
    known = value is None or isinstance(value, str | int | dict | list)
    return None if known else "This is not JSON."


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _mistakes_of(error: jsonschema.ValidationError) -> Iterator[Mistake]:
    """The mistakes that one error of the schema library stands for."""
    path = list(error.absolute_path)
    if error.validator in ("unevaluatedProperties", "additionalProperties"):
        known = _known_keys(error.schema)
        for key in sorted(set(error.instance) - set(known)):
            sentence = f'Unknown key "{key}".{_nearest(key, known)}'
            yield Mistake(pointer=pointer_to([*path, key]), sentence=sentence)
    elif error.validator in ("required", "dependentRequired"):
        wanted = error.validator_value
        for name in wanted if isinstance(wanted, list) else ("start", "end"):
            if name not in error.instance:
                yield Mistake(pointer=pointer_to(path), sentence=f'"{name}" is missing.')
    else:
        yield Mistake(pointer=pointer_to(path), sentence=_sentence(error))


def _known_keys(part: dict[str, Any]) -> list[str]:
    keys = list(part.get("properties", {}))
    if "$ref" in part:
        keys += schema()["$defs"][part["$ref"].rsplit("/", 1)[1]]["properties"]
    return keys


def _nearest(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def _sentence(error: jsonschema.ValidationError) -> str:
    """What to write instead, by the schema's keyword."""
    value = error.validator_value
    match error.validator:
        case "enum":
            known = [str(one) for one in value]
            near = _nearest(str(error.instance), known)
            return f"This must be one of {', '.join(known)}.{near}"
        case "const":
            return f"This must be {json.dumps(value)}."
        case "type":
            return f"This must be {'a' if value[0] not in 'aio' else 'an'} {value}."
        case "minimum" | "minLength" | "minItems":
            return f"This must be at least {value}{_counted(error)}."
        case "maximum" | "maxLength" | "maxItems":
            return f"This must be at most {value}{_counted(error)}."
        case "uniqueItems":
            return "Each item may stand here once."
        case _:
            return f"This must be {error.schema.get('description', error.message)}."


def _counted(error: jsonschema.ValidationError) -> str:
    return " long" if error.validator.endswith(("Length", "Items")) else ""
