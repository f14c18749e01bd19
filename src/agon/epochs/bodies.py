"""What each path takes, as JSON Schema for OpenAPI. The checks themselves stand in SQL."""

from __future__ import annotations

from agon.epochs.event_log import TARGET_ID, TARGET_TYPES
from agon.web.bodies import Schema, takes

SLOT_INDEX_MAX = 32_767
"""As in profile.schema.json."""
EVENTS_PER_BATCH_MAX = 1000
HOST_KINDS = ("slot_update", "activity")

BOT: Schema = {"type": ["string", "null"], "format": "uuid"}
SLOT: Schema = {"type": "integer", "minimum": 0, "maximum": SLOT_INDEX_MAX}


CLAIM = takes(
    ("slot_index", "code"),
    {
        "slot_index": SLOT,
        "code": {"type": "string", "description": "Within the size and characters of the slot."},
        "bot_identity_id": {
            **BOT,
            "description": "Left out: the credential's bot, or the only one that the caller owns.",
        },
    },
)

VOTE = takes(
    ("target_type", "target_id", "score", "voter_address"),
    {
        "target_type": {"type": "string", "enum": list(TARGET_TYPES)},
        "target_id": {
            "type": "string",
            "pattern": f"^{TARGET_ID}$",
            "description": "Of a bot its id.",
        },
        "score": {
            "type": ["string", "number"],
            "description": "0 to 1, with 4 places at most.",
            "examples": ["0.7500"],
        },
        "voter_address": {
            "type": "string",
            "pattern": "^0x[0-9a-fA-F]{40}$",
            "description": "One of the caller's wallets.",
        },
    },
)

EVENTS = takes(
    ("events",),
    {
        "events": {
            "type": "array",
            "maxItems": EVENTS_PER_BATCH_MAX,
            "items": {
                "type": "object",
                "required": ["id", "kind", "at_ms"],
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "kind": {"type": "string", "enum": list(HOST_KINDS)},
                    "at_ms": {"type": "integer", "description": "Milliseconds since 1970."},
                    "bot": BOT,
                    "slot": {**SLOT, "type": ["integer", "null"]},
                    "data": {"type": "object"},
                },
            },
        },
    },
)
