"""Templates: rows with a rule; checked before they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agon.challenges import rules
from agon.kernel.errors import refuse


def check(template: Mapping[str, Any]) -> None:
    """Refuse a template whose rule does not hold with its fields' defaults. Pure.

    Raises Refused `invalid_rule`, `invalid_template`, `unknown_field`.
    """
    if not isinstance(template.get("rule_config"), dict):
        raise refuse(
            "invalid_template",
            "A template needs a rule.",
            details="/rule_config",
            hint="docs/rules.md explains the language.",
            status=422,
        )
    fields = template.get("fields_json", [])
    whole = isinstance(fields, list) and all(
        isinstance(field, dict) and {"name", "pointer", "default"} <= set(field) for field in fields
    )
    if not whole:
        raise refuse(
            "invalid_template",
            "Each field needs a name, a pointer into rule_config and a default.",
            details="/fields_json",
            status=422,
        )
    rules.fill({**template, "fields_json": fields}, {})
