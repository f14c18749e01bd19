"""Conservation again, inside the EVM: forge's fuzzer over contracts/fuzz/."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.standins import anvil

FUZZ_S_MAX = 300


@pytest.mark.prove
def test_no_walk_that_the_fuzzer_finds_breaks_a_sum(tmp_path):
    done = subprocess.run(
        [anvil.program("forge"), "test", "--json",
         "--cache-path", tmp_path / "cache", "--out", tmp_path / "out"],
        cwd=anvil.CONTRACTS, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=FUZZ_S_MAX, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (suite,) = json.loads(done.stdout.splitlines()[-1]).values()
    found = {name: test["status"] for name, test in suite["test_results"].items()}
    assert len(found) == 2 and set(found.values()) == {"Success"}
