"""What each path takes, as JSON Schema for OpenAPI. The checks themselves stand with each noun."""

from __future__ import annotations

from agon.challenges.challenges import DRAFT_KEYS
from agon.challenges.claims import CLAIM_TYPES
from agon.challenges.invites import METHODS
from agon.challenges.models import MEDIA_TYPES_KNOWN
from agon.challenges.platforms.countersigned import ACCOUNTS as COUNTERSIGNED
from agon.challenges.providers import PROVIDERS as LINKABLE
from agon.challenges.records import PROVIDERS
from agon.challenges.reminders import TYPES as REMINDERS
from agon.web.bodies import Schema, takes

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
OBJECT: Schema = {"type": "object"}
OBJECT_OR_NULL: Schema = {"type": ["object", "null"]}
WALLET: Schema = {
    "type": "string",
    "pattern": "^0x[0-9a-fA-F]{40}$",
    "description": "One of the caller's wallets.",
}
TIMELINE: Schema = {
    "type": ["object", "null"],
    "description": "Unix seconds, start before end.",
    "required": ["start", "end"],
    "properties": {"start": {"type": "integer"}, "end": {"type": "integer"}},
    "additionalProperties": False,
}
NUMBER_AS_TEXT: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]+$"}


_DRAFT_TYPES: Schema = {
    "title": TEXT,
    "description": TEXT_OR_NULL,
    "model_id": {"type": "string", "examples": ["agon.fitness@1"]},
    "params": OBJECT_OR_NULL,
    "proof": {
        "type": ["object", "null"],
        "description": "The rule (docs/rules.md) stands in params.rule.",
        "properties": {"params": {"type": "object", "properties": {"rule": OBJECT}}},
    },
    "timeline": TIMELINE,
}
CHALLENGE = takes(
    ("subject", "model_id"),
    {
        "subject": WALLET,
        "id": {
            "type": "integer",
            "minimum": 0,
            "description": "Of a challenge on the chain, to describe it; its timeline is the "
            "chain's.",
        },
        **{key: _DRAFT_TYPES.get(key, {}) for key in DRAFT_KEYS},
    },
    closed=True,
)

JOINING = takes(
    ("subject",),
    {
        "subject": WALLET,
        "tx_hash": {
            **TEXT_OR_NULL,
            "description": "Of the transaction, for a challenge on a chain; else leave it out.",
        },
    },
)

CLAIM = takes(
    ("subject", "challenge_id", "claim_type"),
    {
        "subject": WALLET,
        "challenge_id": {"type": "integer", "minimum": 0},
        "claim_type": {"enum": list(CLAIM_TYPES)},
        "amount_wei": {**NUMBER_AS_TEXT, "description": "0, or left out: unknown.", "default": "0"},
        "tx_hash": {**TEXT_OR_NULL, "pattern": "^0x[0-9a-fA-F]{64}$"},
        "metadata": OBJECT_OR_NULL,
    },
)

INVITE = takes(
    ("subject", "challenge_id", "method", "value"),
    {
        "subject": WALLET,
        "challenge_id": {"type": "integer", "minimum": 0},
        "method": {"enum": list(METHODS)},
        "value": {**TEXT, "description": "An address of mail, a wallet, or a Steam64 id."},
    },
)
ACCEPTANCE = takes(
    ("subject",),
    {"subject": WALLET, "token": {**TEXT, "description": "Of the link in the invite's mail."}},
)
REMINDER = takes(
    ("email", "challenge_id", "type"),
    {
        "email": {"type": "string", "format": "email"},
        "challenge_id": {"type": "integer", "minimum": 0},
        "type": {"enum": list(REMINDERS)},
    },
)

OUTCOME = takes(("outcome",), {"outcome": {"enum": [1, 2], "description": "1 success, 2 failure."}})

LINKING = takes(
    ("subject", "provider"),
    {
        "subject": WALLET,
        "provider": {"enum": sorted(LINKABLE)},
        "external_id": {
            **NUMBER_AS_TEXT,
            "description": "The account's number, where the provider has no OAuth (OpenDota).",
        },
    },
)

_SIGNED: Schema = {
    "message": {**TEXT, "description": "As it was handed out."},
    "signature": {
        "type": "string",
        "pattern": "^0x[0-9a-fA-F]{130}$",
        "description": "The wallet's, over the message (EIP-191, personal_sign).",
    },
}
STEAM_RETURN = takes(
    ("message", "signature", "openid"),
    {**_SIGNED, "openid": {**OBJECT, "description": "Each openid field that Steam sent."}},
)
BINDING_START = takes(
    ("subject", "platform", "platform_id"),
    {
        "subject": WALLET,
        "platform": {"enum": sorted(COUNTERSIGNED)},
        "platform_id": {**TEXT, "description": "Riot's PUUID, Epic's account id."},
        "handle": TEXT_OR_NULL,
    },
)
BINDING = takes(
    ("message", "signature", "countersignature"),
    {
        **_SIGNED,
        "handle": TEXT_OR_NULL,
        "countersignature": {**TEXT, "description": "An operator's, over the text to countersign."},
    },
)

TEMPLATE = takes(
    ("id", "name", "kind", "model_id", "rule_config"),
    {
        "id": TEXT,
        "name": TEXT,
        "hint": TEXT_OR_NULL,
        "kind": TEXT,
        "model_id": TEXT,
        "fields_json": {
            "type": "array",
            "items": {"type": "object", "required": ["name", "pointer", "default"]},
        },
        "rule_config": OBJECT,
        "active": {"type": "boolean", "default": True},
    },
)

MODEL = takes(
    ("id", "label", "kind", "judge", "model_hash", "verifier", "sources", "file_accept"),
    {
        "id": TEXT,
        "label": TEXT,
        "kind": {"enum": ["aivm", "custom", "zk", "plonk"]},
        "judge": {"enum": ["fitness", "gaming", "passthrough"]},
        "model_hash": {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"},
        "verifier": {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"},
        "plonk_verifier": TEXT_OR_NULL,
        "binding": {"type": "boolean", "default": False},
        "signals": {"type": "array"},
        "params_schema": {"type": "object", "description": "JSON Schema, draft 2020-12."},
        "sources": {"type": "array", "minItems": 1, "items": {"enum": list(PROVIDERS)}},
        "file_accept": {"type": "array", "minItems": 1, "items": {"enum": list(MEDIA_TYPES_KNOWN)}},
        "notes": TEXT_OR_NULL,
        "active": {"type": "boolean", "default": True},
    },
)

_INTAKE_FIELDS: Schema = {
    "challenge_id": {**NUMBER_AS_TEXT, "minimum": 0, "description": "0 is a preview."},
    "subject": WALLET,
    "provider": {"enum": list(PROVIDERS)},
    "player": {**TEXT_OR_NULL, "description": "For games: the account that the subject plays as."},
}
_INTAKE_REQUIRED = ("challenge_id", "subject", "provider")
_MULTIPART: Schema = {
    "type": "object",
    "required": [*_INTAKE_REQUIRED, "file"],
    "properties": {
        **_INTAKE_FIELDS,
        "rule": {"type": "string", "description": "For previews: the rule, as JSON."},
        "file": {"type": "string", "format": "binary"},
    },
    "additionalProperties": False,
}
INTAKE = takes(
    (*_INTAKE_REQUIRED, "data"),
    {
        **_INTAKE_FIELDS,
        "rule": {**OBJECT_OR_NULL, "description": "For previews."},
        "data": {"description": "The provider's document."},
    },
    closed=True,
    form=_MULTIPART,
)
