"""Challenges: a draft is checked to the last field before it becomes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable

from agon.challenges import models, rules, verdicts
from agon.kernel.database import Conn
from agon.kernel.errors import refuse

DRAFT_KEYS = ("title", "description", "model_id", "params", "proof", "timeline", "funds", "options")
DRAFT_BYTES_MAX = 256 * 1024
MISTAKES_LISTED_MAX = 50
MISTAKE_CHARS_MAX = 200


async def create(
    conn: Conn, creator: str, draft: Mapping[str, Any], *, approve: bool
) -> dict[str, Any]:
    """Check a draft and make it a challenge of the creator's wallet, approved at once by policy.

    Raises Refused `draft_unknown_field`, `draft_too_large`, `timeline_invalid`, `params_invalid`,
    `model_unusable`, `invalid_rule` or `rule_missing`, with pointers, and the database's refusals.
    """
    model = await conn.fetchrow(
        "select * from agon.find_model($1)", str(draft.get("model_id") or "")
    )
    check(draft, model["judge"], model["params_schema"])
    row = await conn.fetchval(
        "select to_jsonb(agon.create_challenge($1, $2, $3))", creator, dict(draft), approve
    )
    return dict(row)


def check(draft: Mapping[str, Any], judge: str, params_schema: Mapping[str, Any]) -> None:
    """Refuse a draft with mistakes, naming each one's place. Pure."""
    unknown = sorted(set(draft) - set(DRAFT_KEYS))
    if unknown:
        raise refuse(
            "draft_unknown_field",
            f"A challenge has no field {unknown[0]!r}.",
            details=", ".join(unknown),
            hint=f"Its fields are {', '.join(DRAFT_KEYS)}.",
        )
    if len(json.dumps(draft)) > DRAFT_BYTES_MAX:
        raise refuse(
            "draft_too_large",
            f"A challenge is at most {DRAFT_BYTES_MAX} bytes of JSON.",
            status=413,
        )
    _check_timeline(draft.get("timeline"))
    rule = verdicts.rule_of(draft)
    _check_params(draft, params_schema)
    rules.parse(rule, judge)


def _check_timeline(timeline: object) -> None:
    if timeline is None:
        return
    fields = timeline if isinstance(timeline, dict) else {}
    start, end = fields.get("start"), fields.get("end")
    whole = all(type(value) is int for value in (start, end))
    if not whole or set(fields) != {"start", "end"} or start >= end:
        raise refuse(
            "timeline_invalid",
            "A timeline is {start, end} in Unix seconds, start before end.",
            details="/timeline",
            status=422,
        )


def _check_params(draft: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """The schema holds for the object that the rule is read from, wherever that is."""
    if not schema:
        return
    place, params = _params_of(draft)
    # An empty registry: what a schema points to elsewhere is never fetched.
    validator = jsonschema.Draft202012Validator(schema, registry=Registry())
    try:
        errors = list(islice(validator.iter_errors(params), MISTAKES_LISTED_MAX))
    except (Unresolvable, RecursionError) as error:
        raise refuse(
            "model_unusable",
            "The model's schema cannot be applied.",
            details=type(error).__name__,
            hint="Tell an admin; another model works meanwhile.",
            status=409,
        ) from error
    if errors:
        lines = [
            f"{models.pointer(place, error.absolute_path)}: {error.message[:MISTAKE_CHARS_MAX]}"
            for error in errors
        ]
        raise refuse(
            "params_invalid",
            "The parameters do not fit the model's schema.",
            details="\n".join(lines),
            hint="GET /api/templates shows parameters that work.",
            status=422,
        )


def _params_of(draft: Mapping[str, Any]) -> tuple[str, object]:
    """Where `rules.rule_of` reads the rule from, and what stands there."""
    proof = draft.get("proof")
    params = proof.get("params") if isinstance(proof, dict) else None
    rule = params.get("rule") if isinstance(params, dict) else None
    if isinstance(rule, dict) and rule:
        return "/proof/params", params
    return "/params", draft.get("params")
