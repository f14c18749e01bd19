"""The auth door's description of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agon.app import serve
from agon.kernel import runtime
from agon.systems import SYSTEMS

WITHOUT_BODY = {"/auth/v1/logout", "/auth/v1/reauthenticate"}
OPEN = {"/auth/v1/health", "/auth/v1/settings", "/auth/v1/.well-known/jwks.json"}


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    home: Path = tmp_path_factory.mktemp("home")
    process = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(home)}, folder=home)
    paths = serve(process, work=False).openapi()["paths"]
    return {
        (method, path): operation
        for path, item in paths.items()
        if path.startswith("/auth/v1")
        for method, operation in item.items()
    }


def test_what_takes_a_body_describes_it(operations: dict[tuple[str, str], Any]) -> None:
    taking = {key for key in operations if key[0] in ("post", "put")}
    described = {key for key, found in operations.items() if "requestBody" in found}
    assert {path for _, path in taking - described} == WITHOUT_BODY
    assert described <= taking


def test_the_bodies_that_clients_send_fit(operations: dict[tuple[str, str], Any]) -> None:
    found = operations["post", "/auth/v1/signup"]["requestBody"]["content"]["application/json"]
    schema = found["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    sent = {"email": "a@b.example", "password": "x", "data": {}, "gotrue_meta_security": {}}
    jsonschema.validate({**sent, "code_challenge": None, "code_challenge_method": None}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**sent, "email": 7}, schema)


def test_a_desk_takes_a_token(operations: dict[tuple[str, str], Any]) -> None:
    for (_, path), operation in operations.items():
        assert path in OPEN or "security" in operation, path
