"""Challenges: a draft is checked to the last field before it becomes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema

from agon.challenges import rules, verdicts
from agon.kernel.database import Conn
from agon.kernel.errors import refuse

DRAFT_KEYS = ("title", "description", "model_id", "params", "proof", "timeline", "funds", "options")
DRAFT_BYTES_MAX = 256 * 1024
MISTAKES_LISTED_MAX = 50


async def create(
    conn: Conn, creator: str, draft: Mapping[str, Any], *, approve: bool
) -> dict[str, Any]:
    """Check a draft and make it a challenge of the creator's wallet, approved at once by policy.

    Raises Refused `draft_unknown_field`, `draft_too_large`, `timeline_invalid`, `params_invalid`,
    `invalid_rule` or `rule_missing`, with pointers, and the database's refusals.
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
    _check_params(draft, params_schema)
    rules.parse(verdicts.rule_of(draft), judge)


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
    proof = draft.get("proof")
    params = proof.get("params") if isinstance(proof, dict) else draft.get("params")
    if not schema or params is None:
        return
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(params), key=str)
    if errors:
        lines = [
            "/".join(["/proof/params", *map(str, error.absolute_path)]) + f": {error.message}"
            for error in errors[:MISTAKES_LISTED_MAX]
        ]
        raise refuse(
            "params_invalid",
            "The parameters do not fit the model's schema.",
            details="\n".join(lines),
            status=422,
        )
