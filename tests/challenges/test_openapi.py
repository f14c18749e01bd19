"""The server's description of itself: every body, every error, and who may call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from agon.app import serve
from agon.challenges.challenges import DRAFT_KEYS
from agon.challenges.intake_routes import FIELDS
from agon.challenges.judges import JUDGES
from agon.kernel import runtime
from agon.systems import SYSTEMS
from agon.web.handlers import ROW_ID_MAX
from tests.challenges.drafts import DRAFT, RULE
from tests.places import wallet

SUBJECT = wallet("bob")
WITHOUT_BODY = (
    {
        ("post", f"/api/admin/challenges/{{challenge_id}}/{act}")
        for act in ("approve", "reject", "cancel")
    }
    | {
        ("post", f"/api/bots/{{slug}}/{act}")
        for act in ("avatars/{index}/approve", "reinstate", "retire", "credentials")
    }
    | {
        ("post", "/api/org/invitations/{invitation}/accept"),
        ("post", "/api/org/invitations/{invitation}/decline"),
        ("post", "/api/org/{slug}/branding/check"),
        ("post", "/api/org/{slug}/webhooks/{webhook}/deliveries/{delivery}/redeliver"),
    }
    | {
        ("post", f"/api/org/{{slug}}/webhooks/{{webhook}}/{act}")
        for act in ("rotate", "resume", "ping")
    }
)
CUP = "/api/competitions/{competition}"
WITHOUT_BODY |= {
    *(("post", f"{CUP}/{act}") for act in ("open", "start", "cancel", "check-in", "withdraw")),
    ("post", f"{CUP}/complete"),
    ("post", f"{CUP}/matches/{{match}}/confirm"),
    ("post", "/api/seasons/{season}/snapshot"),
    ("post", "/api/seasons/{season}/complete"),
    ("post", "/api/teams/invitations/{invitation}/accept"),
    ("post", "/api/teams/invitations/{invitation}/decline"),
}
PICTURES = {("put", "/api/me/profile/avatar")}
"""What takes bytes, and no JSON."""
MODEL = {
    "id": "a@1", "label": "A", "kind": "custom", "judge": "fitness",
    "model_hash": "0x" + "0" * 64, "verifier": "0x" + "0" * 40,
    "sources": ["garmin"], "file_accept": ["application/json"],
}  # fmt: skip
TEMPLATE = {
    "id": "a", "name": "A", "kind": "running", "model_id": "agon.fitness@1", "rule_config": RULE,
}  # fmt: skip
SIGNED = {"message": "…", "signature": "0x" + "0" * 130}
EVIDENCE = {"challenge_id": 7, "subject": SUBJECT, "provider": "manual", "data": {}}
BODIES = {
    ("post", "/api/challenges"): ({**DRAFT, "subject": SUBJECT}, "subject"),
    ("post", "/api/challenge/{challenge_id}/participant"): ({"subject": SUBJECT}, "subject"),
    ("post", "/api/accounts/link"): ({"subject": SUBJECT, "provider": "strava"}, "provider"),
    ("post", "/api/aivm/intake"): (EVIDENCE, "data"),
    ("post", "/api/me/claims"): (
        {"subject": SUBJECT, "challenge_id": 7, "claim_type": "principal"},
        "claim_type",
    ),
    ("post", "/api/auth/steam/return"): ({**SIGNED, "openid": {}}, "openid"),
    ("post", "/api/bindings/start"): (
        {"subject": SUBJECT, "platform": "epic", "platform_id": "0" * 32},
        "platform_id",
    ),
    ("post", "/api/bindings"): ({**SIGNED, "countersignature": ""}, "message"),
    ("put", "/api/admin/templates"): (TEMPLATE, "rule_config"),
    ("put", "/api/admin/models"): (MODEL, "sources"),
    ("post", "/api/bots/{slug}/avatars"): ({"provider": "meshy", "prompt": "a"}, "provider"),
    ("post", "/api/bots/{slug}/avatars/{index}/reject"): ({"reason": "a"}, "reason"),
    ("post", "/api/bots/{slug}/loadout"): ({"generation_index": 1}, "generation_index"),
    ("post", "/api/bots/{slug}/snapshots"): ({"stats": {}, "epoch_id": None}, "stats"),
    ("post", "/api/bots/{slug}/suspend"): ({"reason": "a"}, "reason"),
    ("post", "/api/epochs/{day}/claims"): ({"slot_index": 0, "code": "a"}, "code"),
    ("post", "/api/epochs/{day}/votes"): (
        {"target_type": "tempo", "target_id": "9", "score": "1", "voter_address": SUBJECT},
        "score",
    ),
    ("post", "/api/epochs/{day}/events"): ({"events": []}, "events"),
    ("post", "/api/admin/challenges/{challenge_id}/finalize"): ({"outcome": 1}, "outcome"),
    ("post", "/api/org"): ({"name": "A", "slug": "acme"}, "slug"),
    ("post", "/api/org/new"): ({"name": "A", "slug": "acme"}, "name"),
    ("patch", "/api/org/{slug}"): ({"name": "A"}, "name"),
    ("post", "/api/org/{slug}/transfer"): ({"wallet": SUBJECT}, "wallet"),
    ("post", "/api/org/{slug}/members"): ({"wallet": SUBJECT, "role": "admin"}, "wallet"),
    ("patch", "/api/org/{slug}/members/{wallet}"): ({"role": "owner"}, "role"),
    ("post", "/api/org/{slug}/keys"): ({"label": "A", "scopes": ["org:read"]}, "scopes"),
    ("put", "/api/org/{slug}/branding"): ({"primary_color": "#6B5CFF"}, "primary_color"),
    ("post", "/api/org/{slug}/webhooks"): ({"url": "https://a.example/", "events": ["*"]}, "url"),
    ("patch", "/api/org/{slug}/webhooks/{webhook}"): ({"active": False}, "active"),
    ("post", "/api/org/{slug}/teams"): ({"name": "Reds"}, "name"),
    ("patch", "/api/teams/{team}"): ({"tag": "R"}, "tag"),
    ("post", "/api/teams/{team}/invitations"): ({"wallet": SUBJECT}, "wallet"),
    ("post", "/api/teams/{team}/captain"): ({"wallet": SUBJECT}, "wallet"),
    ("post", "/api/competitions"): ({"title": "A", "type": "bracket", "settings": {}}, "title"),
    ("patch", CUP): ({"title": "A"}, "title"),
    ("post", f"{CUP}/register"): ({"wallet": SUBJECT}, "wallet"),
    ("post", f"{CUP}/disqualify"): ({"participant": SUBJECT, "reason": "a"}, "reason"),
    ("put", f"{CUP}/seeds"): ({"seeds": [{"participant": SUBJECT, "seed": 1}]}, "seeds"),
    ("post", f"{CUP}/scores"): (
        {"scores": [{"wallet": SUBJECT, "score": "1.5", "key": "a"}]},
        "scores",
    ),
    ("post", f"{CUP}/scores/{{score}}/revert"): ({"reason": "a"}, "reason"),
    ("post", "/api/org/{slug}/seasons"): ({"name": "A", "scoring_config": {}}, "name"),
    ("patch", "/api/seasons/{season}"): ({"name": "A"}, "name"),
    ("put", "/api/seasons/{season}/competitions/{competition}"): ({"weight": "1.5"}, "weight"),
    ("patch", f"{CUP}/matches/{{match}}"): ({"challenge_id": 7}, "challenge_id"),
    ("post", f"{CUP}/matches/{{match}}/report"): ({"scores": [[2, 1]]}, "scores"),
    ("post", f"{CUP}/matches/{{match}}/undo"): ({"reason": "a"}, "reason"),
    ("post", f"{CUP}/disputes"): ({"match": "w.1.1", "reason": "a"}, "match"),
    ("post", f"{CUP}/disputes/{{dispute}}/resolve"): (
        {"resolution": "dismissed", "note": "a"},
        "note",
    ),
    ("post", "/api/invites"): (
        {"subject": SUBJECT, "challenge_id": 7, "method": "wallet", "value": SUBJECT},
        "method",
    ),
    ("post", "/api/invites/{invite_id}/accept"): ({"subject": SUBJECT}, "subject"),
    ("post", "/api/reminders"): (
        {"email": "a@b.example", "challenge_id": 7, "type": "finalization"},
        "email",
    ),
    ("post", "/api/v1/notifications"): (
        {"wallet": SUBJECT, "type": "news", "title": "Hello"},
        "title",
    ),
    ("post", "/api/v1/notifications/mark-read"): ({"wallet": SUBJECT, "all": True}, "all"),
    ("put", "/api/me/profile"): (
        {"wallet": SUBJECT, "display_name": "Ada", "bio": None},
        "display_name",
    ),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    home: Path = tmp_path_factory.mktemp("home")
    process = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(home)}, folder=home)
    return serve(process, work=False)


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return json.loads(json.dumps(app.openapi()))


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def schema_of(document: dict[str, Any], key: tuple[str, str], kind: str) -> dict[str, Any]:
    return operations(document)[key]["requestBody"]["content"][kind]["schema"]


def test_each_operation_that_takes_a_body_describes_it(document):
    taking = {
        (method, path)
        for method, path in operations(document)
        if method in ("post", "put", "patch") and path.startswith("/api/")
    }
    described = {
        key
        for key, found in operations(document).items()
        if "requestBody" in found and key[1].startswith("/api/")
    }
    assert described == taking - WITHOUT_BODY == set(BODIES) | PICTURES


@pytest.mark.parametrize("key", BODIES)
def test_a_described_body_is_one_that_works_and_no_less(document, key):
    body, needed = BODIES[key]
    schema = schema_of(document, key, "application/json")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(body, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: body[name] for name in body if name != needed}, schema)


def test_the_descriptions_name_the_fields_that_the_checks_know(document):
    draft = schema_of(document, ("post", "/api/challenges"), "application/json")
    assert set(draft["properties"]) == {"subject", "id", *DRAFT_KEYS}
    for kind, extra in (("application/json", "data"), ("multipart/form-data", "file")):
        form = schema_of(document, ("post", "/api/aivm/intake"), kind)
        assert set(form["properties"]) == {*FIELDS, extra}
        assert extra in form["required"]
    model = schema_of(document, ("put", "/api/admin/models"), "application/json")
    assert model["properties"]["judge"]["enum"] == sorted(JUDGES)


def test_every_error_has_four_parts_and_none_is_fastapis(document):
    assert "HTTPValidationError" not in json.dumps(document)
    for key, operation in operations(document).items():
        shape = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert set(shape["required"]) == {"code", "message", "details", "hint"}, key


def test_the_bearer_token_is_a_security_scheme(document):
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for (method, path), operation in operations(document).items():
        if path.startswith("/auth/"):
            continue
        is_open = not path.startswith("/api/") or path.endswith("/callback")
        assert ("security" not in operation) == is_open, (method, path)


def test_ids_in_paths_are_bounded(document):
    parameters = [
        parameter
        for operation in operations(document).values()
        for parameter in operation.get("parameters", ())
        if (parameter["name"], parameter["in"]) == ("challenge_id", "path")
    ]
    assert len(parameters) == 10
    for parameter in parameters:
        assert (parameter["schema"]["minimum"], parameter["schema"]["maximum"]) == (0, ROW_ID_MAX)
