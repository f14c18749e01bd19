"""What each path takes, as JSON Schema for OpenAPI. The checks themselves stand in SQL."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

CSS_DESCRIPTION = (
    "What is not known to be harmless is left out, and told in `css_left_out`: no URLs, no "
    "imports, no positions."
)

TEXT: Schema = {"type": ["string", "null"]}
HTTPS: Schema = {"type": ["string", "null"], "pattern": "^https://", "maxLength": 2048}
WALLET: Schema = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
ROLE: Schema = {"type": "string", "enum": ["owner", "admin", "member"]}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 100}


def _takes(required: tuple[str, ...], properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    else:
        schema["minProperties"] = 1
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


DESCRIPTION = {
    "name": NAME,
    "logo_url": HTTPS,
    "website": HTTPS,
    "description": {**TEXT, "maxLength": 4000},
    "theme": {"type": "object", "description": "Free, of 8 KiB at most."},
}
CREATE = _takes(
    ("name", "slug"),
    {
        **DESCRIPTION,
        "slug": {
            "type": "string",
            "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$",
            "minLength": 3,
            "maxLength": 40,
        },
        "owner_wallet": {
            **WALLET,
            "description": "One of the caller's; left out: the only one that the caller has.",
        },
    },
)
UPDATE = _takes((), DESCRIPTION)
INVITE = _takes(("wallet",), {"wallet": WALLET, "role": {"enum": ["admin", "member"]}})
CHANGE = _takes((), {"role": ROLE, "email": {**TEXT, "description": "'' for none."}})
TRANSFER = _takes(("wallet",), {"wallet": {**WALLET, "description": "A member's."}})
KEY = _takes(
    ("label", "scopes"),
    {
        "label": NAME,
        "scopes": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "rate_limit": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 1_000_000,
            "description": "Requests an hour; 1,000 if left out.",
        },
        "expires_at": {"type": ["string", "null"], "format": "date-time"},
    },
)
BRANDING = _takes(
    (),
    {
        "primary_color": {**TEXT, "pattern": "^#[0-9A-Fa-f]{6}$"},
        "logo_url": HTTPS,
        "favicon_url": HTTPS,
        "custom_css": {**TEXT, "description": CSS_DESCRIPTION},
        "footer_text": {**TEXT, "maxLength": 500},
        "custom_domain": {**TEXT, "examples": ["challenges.acme.com"]},
    },
)
WEBHOOK_FIELDS = {
    "url": {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": 2048},
    "events": {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string"},
        "description": "Of `GET /api/webhook-events`; `*` for all.",
    },
}
WEBHOOK = _takes(("url", "events"), WEBHOOK_FIELDS)
WEBHOOK_CHANGES = _takes((), {**WEBHOOK_FIELDS, "active": {"type": "boolean"}})
