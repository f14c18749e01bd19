"""Rules of challenges: check one, read one, find the one that a challenge has.

`docs/rules.md` explains the language and `schemas/rule.json` is its form. One walk both finds
the mistakes and builds the tree, so what `check` accepts, `parse` reads.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from agon.challenges import windows
from agon.challenges.records import TIME_MIN_MS
from agon.challenges.rule_building import build
from agon.challenges.rule_syntax import MISTAKES_MAX, Mistake, canonical, form_mistakes
from agon.challenges.rule_tree import Rule
from agon.kernel.errors import Refused, refuse

RULES_REMEMBERED = 512
ANY_EVIDENCE = {"version": 1}


def check(rule: object, judge: str | None = None) -> tuple[Mistake, ...]:
    """What is wrong with a rule, at most MISTAKES_MAX; empty if it can be judged.

    judge: also whether this judge can read it (`fitness`, `gaming`; `passthrough` reads any).
    Give the rule as it will be judged: `with_timeline` first, if the challenge has one.
    """
    return read(rule, judge)[1]


def parse(rule: object, judge: str | None = None) -> Rule:
    """The tree of a rule that has no mistakes; Refused `invalid_rule` otherwise."""
    tree, mistakes = read(rule, judge)
    if tree is None:
        raise _invalid(mistakes)
    return tree


def read(rule: object, judge: str | None = None) -> tuple[Rule | None, tuple[Mistake, ...]]:
    """The tree, or None and the mistakes: `parse` and `check` in one, for whoever wants both.

    What passthrough is given without `version` is another model's: it asks for any evidence.
    """
    if judge == "passthrough" and isinstance(rule, dict) and "version" not in rule:
        rule = ANY_EVIDENCE
    data = canonical(rule)
    return _built(data, judge) if isinstance(data, bytes) else (None, tuple(data))


def rule_of(challenge: Mapping[str, Any]) -> dict[str, Any]:
    """A challenge's rule: proof.params.rule, else params.rule, else params.

    Refused `rule_missing` where none of these is an object with something in it.
    """
    proof, params = _object(challenge.get("proof")), _object(challenge.get("params"))
    for found in (_object(proof.get("params")).get("rule"), params.get("rule"), params):
        if isinstance(found, dict) and found:
            return found
    raise refuse(
        "rule_missing",
        "The challenge has no rule.",
        hint="Put the rule in proof.params.rule.",
        status=422,
    )


def with_timeline(rule: dict[str, Any], start_s: int | None, end_s: int | None) -> dict[str, Any]:
    """The rule with the challenge's timeline (Unix seconds) as its window, if it has none.

    A rule's own start and end stand. Its zone stands too, and is UTC where it names none.
    Refused `timeline_invalid` outside the years 2000 to 2099.
    """
    window = rule.get("window", {"zone": "UTC"})
    own = not isinstance(window, dict) or "start" in window or "end" in window
    if own or start_s is None or end_s is None:
        return rule
    if not TIME_MIN_MS <= start_s * 1000 < end_s * 1000 < windows.TIME_MAX_MS:
        raise refuse(
            "timeline_invalid",
            "The challenge's timeline is no span of Unix seconds.",
            details=f"start {start_s}, end {end_s}",
            status=422,
        )
    start, end = windows.rfc3339(start_s * 1000), windows.rfc3339(end_s * 1000)
    return {**rule, "window": {**window, "start": start, "end": end}}


def fill(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The template's rule with a creator's values in the places that its fields point to.

    A field without a value keeps its default, and without either what stands in its place.
    Refused `unknown_field` for a value that no field asks for, `invalid_rule` if the result has
    mistakes, `invalid_template` for fields without name and pointer, or that point nowhere.
    """
    rule = copy.deepcopy(template["rule_config"])
    try:
        fields = {field["name"]: field for field in template["fields_json"]}
        for name, field in fields.items():
            value = values.get(name, field.get("default"))
            if value is not None:
                _put(rule, field["pointer"], value)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as cause:
        raise refuse(
            "invalid_template",
            "A field of the template points nowhere.",
            details=repr(cause),
            status=422,
        ) from cause
    for name in values:
        if name not in fields:
            raise refuse(
                "unknown_field",
                f'This template has no field "{name}".',
                hint=f"Its fields are {', '.join(fields)}.",
            )
    mistakes = check(rule)
    if mistakes:
        raise _invalid(mistakes)
    return rule


def _put(rule: Any, pointer: str, value: Any) -> None:
    """Replace what a JSON pointer (RFC 6901) points to; only a last object key may be new."""
    *path, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for step in path:
        rule = rule[int(step)] if isinstance(rule, list) else rule[step]
    rule[int(last) if isinstance(rule, list) else last] = value


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _invalid(mistakes: tuple[Mistake, ...]) -> Refused:
    return refuse(
        "invalid_rule",
        "The rule has mistakes.",
        details="; ".join(map(str, mistakes)),
        hint="docs/rules.md explains each field.",
        status=422,
    )


@lru_cache(maxsize=RULES_REMEMBERED)
def _built(data: bytes, judge: str | None) -> tuple[Rule | None, tuple[Mistake, ...]]:
    rule = json.loads(data)
    mistakes = form_mistakes(rule)
    if mistakes:
        return None, tuple(mistakes[:MISTAKES_MAX])
    tree, mistakes = build(rule, judge)
    return tree, tuple(mistakes[:MISTAKES_MAX])
