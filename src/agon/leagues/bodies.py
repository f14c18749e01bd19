"""What each path takes, as JSON Schema for OpenAPI. The checks themselves stand in SQL, and in
settings.py, prizes.py and the formats and reports of brackets."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

REASON_CHARS_MAX = 4000

TEXT: Schema = {"type": ["string", "null"]}
TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
HTTPS: Schema = {"type": ["string", "null"], "pattern": "^https://", "maxLength": 2048}
WALLET: Schema = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
PARTICIPANT: Schema = {"type": "string", "description": "A wallet, or the id of a team."}
REASON: Schema = {"type": "string", "minLength": 1, "maxLength": REASON_CHARS_MAX}
SCHEMA_NOTE = "As GET /api/competitions/schemas describes it."


def _takes(required: tuple[str, ...], properties: Schema, **more: Any) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, **more}
    if required:
        schema["required"] = list(required)
    elif "anyOf" not in more:
        schema["minProperties"] = 1
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


COMPETITION = {
    "title": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": {**TEXT, "maxLength": 20_000},
    "type": {"enum": ["challenge", "bracket", "leaderboard"]},
    "category": {**TEXT, "maxLength": 60},
    "rules": {"type": "object", "description": "Free, of 64 KiB at most."},
    "prize_config": {"type": "object", "description": f"{SCHEMA_NOTE} Empty for none."},
    "settings": {"type": "object", "description": SCHEMA_NOTE},
    "challenge_ids": {"type": "array", "maxItems": 256, "items": {"type": "integer", "minimum": 0}},
    "registration_opens_at": TIME,
    "registration_closes_at": TIME,
    "starts_at": TIME,
    "ends_at": TIME,
}
CREATE = _takes(
    ("title",),
    {
        **COMPETITION,
        "org": {
            **TEXT,
            "description": "The organisation's slug; left out: the key's own, or the domain's.",
        },
    },
)
UPDATE = _takes((), COMPETITION)
REGISTER = _takes(
    (),
    {
        "wallet": {**WALLET, "description": "By default the caller's only one."},
        "team_id": {"type": "string", "format": "uuid"},
    },
)
DISQUALIFY = _takes(("participant", "reason"), {"participant": PARTICIPANT, "reason": REASON})
SEEDS = _takes(
    ("seeds",),
    {
        "seeds": {
            "type": "array",
            "maxItems": 65_536,
            "items": {
                "type": "object",
                "required": ["participant"],
                "properties": {
                    "participant": PARTICIPANT,
                    "seed": {"type": ["integer", "null"], "minimum": 1},
                    "rating": {"type": ["integer", "null"]},
                },
            },
        }
    },
)
RESULT: Schema = {
    "scores": {
        "type": "array",
        "minItems": 1,
        "maxItems": 99,
        "description": "The games of a best of n, each with the score of a and of b.",
        "items": {
            "type": "array", "minItems": 2, "maxItems": 2,
            "items": {"type": "integer", "minimum": 0, "maximum": 1_000_000_000},
        },
    },
    "kind": {"enum": ["score", "forfeit", "walkover", "double_forfeit"]},
    "by": {**PARTICIPANT, "description": "Who gives up (forfeit)."},
    "winner": {**PARTICIPANT, "description": "Who came (walkover)."},
}  # fmt: skip
REPORT = _takes((), RESULT, anyOf=[{"required": ["scores"]}, {"required": ["kind"]}])
SCHEDULE = _takes(
    (), {"scheduled_at": TIME, "challenge_id": {"type": ["integer", "null"], "minimum": 0}}
)
UNDO = _takes(("reason",), {"reason": REASON})
DISPUTE = _takes(
    ("match", "reason"),
    {
        "match": {"type": "string", "examples": ["w.1.3"]},
        "reason": REASON,
        "evidence_url": {**TEXT, "pattern": "^(https|ipfs)://", "maxLength": 2048},
    },
)
RESOLVE = _takes(
    ("resolution", "note"),
    {
        "resolution": {"enum": ["upheld", "replayed", "overturned", "dismissed"]},
        "note": REASON,
        "result": {
            "type": "object",
            "properties": RESULT,
            "description": "With overturned: what stands instead.",
        },
    },
)

DESCRIPTION = {
    "name": {"type": "string", "minLength": 1, "maxLength": 100},
    "tag": {**TEXT, "maxLength": 12},
    "logo_url": HTTPS,
}
TEAM = _takes(
    ("name",),
    {**DESCRIPTION, "captain": {**WALLET, "description": "By default the caller's wallet."}},
)
TEAM_UPDATE = _takes((), DESCRIPTION)
INVITE = _takes(("wallet",), {"wallet": WALLET, "role": {"enum": ["player", "captain"]}})
CAPTAIN = _takes(("wallet",), {"wallet": {**WALLET, "description": "On the roster."}})
