"""What paths of seasons and leaderboards take, as JSON Schema for OpenAPI. The checks themselves
stand in SQL, and in scoring.py."""

from __future__ import annotations

from typing import Any

from agon.leagues.bodies import REASON, TEXT, TIME, WALLET, Schema, _takes

SCORES_MAX = 1000

DESCRIPTION: Schema = {
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": {**TEXT, "maxLength": 20_000},
    "scoring_config": {
        "type": "object",
        "description": "As GET /api/seasons/schemas describes it; by default 3, 1 and 0 points.",
    },
    "starts_at": TIME,
    "ends_at": TIME,
}
SEASON: dict[str, Any] = _takes(("name",), DESCRIPTION)
SEASON_UPDATE: dict[str, Any] = _takes((), DESCRIPTION)
WEIGHT: dict[str, Any] = _takes(
    (),
    {
        "weight": {
            "type": ["string", "number"],
            "default": "1",
            "description": "0 to 1000, with 4 places at most; it multiplies points.",
            "examples": ["1.5"],
        }
    },
)
SCORES: dict[str, Any] = _takes(
    ("scores",),
    {
        "scores": {
            "type": "array",
            "minItems": 1,
            "maxItems": SCORES_MAX,
            "items": {
                "type": "object",
                "required": ["wallet", "score", "key"],
                "additionalProperties": False,
                "properties": {
                    "wallet": WALLET,
                    "score": {"type": "string", "pattern": r"^-?\d{1,9}(\.\d{1,6})?$"},
                    "key": {
                        "type": "string", "pattern": "^[!-~]{1,200}$",
                        "description": "The poster's own name for it: the same is posted once.",
                    },
                },
            },
        }
    },
)  # fmt: skip
REVERT: dict[str, Any] = _takes(("reason",), {"reason": REASON})
