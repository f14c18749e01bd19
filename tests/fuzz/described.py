"""The server's OpenAPI document as schemathesis takes it, and its cases as requests in process."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import requests
import schemathesis
from schemathesis import Case
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.auth.visitors import ANOTHER, PASSWORD

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
NOT_CONFIGURED = ("provider_not_configured",)
"""What 501 says: the operator has not set it up."""
TEXT = {"type": "string"}
EMAIL = "ada@example.org"
OBJECT = {"type": "object"}
AUTH_FIELDS = {
    "email": {"enum": [EMAIL, "bob@example.org", "eve@example.org", "x", None]},
    "password": {"anyOf": [{"enum": [PASSWORD, ANOTHER]}, TEXT]},
    "phone": TEXT, "data": OBJECT, "user_metadata": OBJECT, "app_metadata": OBJECT,
    "token": TEXT, "token_hash": TEXT, "refresh_token": TEXT, "auth_code": TEXT,
    "code_verifier": TEXT, "code_challenge": TEXT, "nonce": TEXT, "ban_duration": TEXT,
    "code_challenge_method": {"enum": ["s256", "plain", "x"]},
    "type": {"enum": ["signup", "magiclink", "recovery", "invite", "email", "email_change", "x"]},
    "provider": {"enum": ["github", "email", "x"]}, "chain": {"enum": ["ethereum", "solana"]},
    "message": TEXT, "signature": TEXT, "create_user": {"type": "boolean"},
    "email_confirm": {"type": "boolean"}, "should_soft_delete": {"type": "boolean"},
    "new_email": TEXT, "redirect_to": TEXT, "role": TEXT, "id": TEXT,
}  # fmt: skip
"""What the bodies of the auth door may hold. The document names none: they are read by hand."""
AUTH_BODY = {
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"type": "object", "properties": AUTH_FIELDS, "required": required}
                    for required in (
                        ["email", "password"],
                        ["email", "type"],
                        ["token", "type"],
                        [],
                    )
                ]
            }
        }
    }
}
AUTH_REFUSAL = {
    "description": "As the auth server's clients read it.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["code", "error_code", "msg"],
                "properties": {"code": {"type": "integer"}, "error_code": TEXT, "msg": TEXT},
            }
        }
    },
}
WORDS = {
    "grant_type": ["password", "refresh_token", "pkce", "web3", "id_token"],
    "scope": ["global", "local", "others"],
    "type": ["signup", "magiclink", "recovery", "invite", "email"],
    "provider": ["github", "strava", "steam"],
}
"""Of parameters that are documented as any text."""


def schema_of(document: dict[str, Any], ids: list[str]) -> schemathesis.BaseSchema:
    """The document, with the auth door's bodies and refusals, and words for some parameters.

    ids: of users that there are.
    """
    described = copy.deepcopy(document)
    described["paths"]["/metrics"]["get"]["responses"]["200"]["content"] = {"text/plain": {}}
    for path, item in described["paths"].items():
        for method, operation in item.items():
            # Who asks is the test's to choose.
            operation.pop("security", None)
            for parameter in operation.get("parameters", ()):
                words = ids if parameter["name"] == "user_id" else WORDS.get(parameter["name"])
                if words:
                    parameter["schema"] = {"anyOf": [{"enum": words}, TEXT]}
            if path.startswith("/auth/"):
                operation["responses"]["default"] = AUTH_REFUSAL
                if method in ("post", "put"):
                    operation["requestBody"] = AUTH_BODY
    return schemathesis.openapi.from_dict(described)


async def send(api: httpx.AsyncClient, case: Case, headers: dict[str, str]) -> httpx.Response:
    """The answer to a case. headers: of who asks."""
    parts = case.as_transport_kwargs(base_url="http://agon.test")
    made = requests.Request(**parts).prepare()
    sent = {**made.headers, **headers}
    return await api.request(made.method, made.url, content=made.body, headers=sent)


def check(case: Case, response: httpx.Response) -> None:
    """Raises what schemathesis finds wrong."""
    checks = CHECKS
    if response.status_code == 501 and response.json()["code"] in NOT_CONFIGURED:
        checks = CHECKS[1:]
    if response.is_redirect:
        checks = CHECKS[:2]  # it has no body
    case.validate_response(response, checks=checks)
