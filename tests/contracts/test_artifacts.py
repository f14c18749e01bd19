"""The committed ABI and bytecode belong to the committed sources."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from agon.commons.chain import artifacts, deployment
from agon.kernel.errors import Refused
from tests.standins import anvil

CONTRACTS = anvil.CONTRACTS
OURS = anvil.ROOT / "src/agon/commons/chain/artifacts"
ATTACKERS = Path(__file__).parent / "artifacts"
FILES = sorted(OURS.glob("*.json")) + sorted(ATTACKERS.glob("*.json"))
COMPILE_S_MAX = 120


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_artifact_belongs_to_the_sources_as_they_are(path):
    artifact = artifacts.parse(json.loads(path.read_text("utf-8")))
    releases = json.loads((CONTRACTS / "package.json").read_text("utf-8"))["devDependencies"]
    made_of = {
        "compiler": json.loads((CONTRACTS / "settings.json").read_text("utf-8")),
        "files": {
            source: hashlib.sha256((CONTRACTS / source).read_bytes()).hexdigest()
            for source in artifact.sources
        },
        "releases": {"openzeppelin": releases["@openzeppelin/contracts"], "solc": releases["solc"]},
    }
    text = json.dumps(made_of, sort_keys=True, separators=(",", ":"))
    assert artifact.sources_sha256 == hashlib.sha256(text.encode()).hexdigest(), "make contracts"


LENSES = {"OwnersLens"}
"""What is only ever called, and never deployed."""


def test_every_contract_is_in_the_plan():
    planned = {each.name for each in deployment.PLAN + deployment.STANDINS}
    assert {path.stem for path in OURS.glob("*.json")} - LENSES == planned


def test_an_unknown_contract_is_refused():
    for name, version in (("Nothing", 1), ("../artifacts/Edition", 1), ("Edition", 2)):
        with pytest.raises(Refused) as caught:
            artifacts.load(name, version)
        assert caught.value.refusal.code == "contract_unknown"
        assert "AIVM, BotIdentity" in (caught.value.refusal.hint or "")


@pytest.mark.prove
@pytest.mark.parametrize("source, kept", [("src", OURS), ("test", ATTACKERS)])
def test_compiling_again_gives_the_same_bytes(source, kept, tmp_path):
    anvil.program("anvil")  # which installs what the compiler is made of
    subprocess.run(
        ["node", "compile.mjs", source, str(tmp_path)],
        cwd=CONTRACTS, check=True, capture_output=True, timeout=COMPILE_S_MAX,
    )  # fmt: skip
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in kept.glob("*.json")}
