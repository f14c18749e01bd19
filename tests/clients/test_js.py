"""supabase-js, as published, under Node: the files in js/ against the same doors."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients import serving

HERE = Path(__file__).parent / "js"
FILES = sorted(path.name for path in HERE.glob("*.test.mjs"))
INSTALL_S_MAX = 180
RUN_S_MAX = 120
SHOWN_CHARS = 12_000
MISSING = [name for name in ("node", "npm") if shutil.which(name) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="session")
def packages() -> Path:
    """The locked packages, installed once beside Python's, outside of the repository's files."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "clients-js" / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False
        )
        if done.returncode:
            pytest.skip(f"npm ci did not succeed: {done.stderr.strip()[-500:]}")
        (folder / "complete").touch()
    return folder


@pytest.fixture(scope="session")
def scripts(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests, where Node finds the packages."""
    folder = tmp_path_factory.mktemp("js")
    for path in HERE.glob("*.mjs"):
        shutil.copy(path, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    return folder


@pytest.mark.parametrize("name", FILES)
async def test_the_js_client_passes(name: str, scripts: Path, doors: serving.Doors):
    given = {
        "AGON_URL": doors.url,
        "AGON_STRICT_URL": doors.strict_url,
        "AGON_PUBLISHABLE": doors.publishable,
        "AGON_SECRET": doors.secret,
        "AGON_MAIL": str(doors.home / "mail"),
        "AGON_CASES": str(HERE.parent),
    }
    node = await asyncio.create_subprocess_exec(
        "node", "--no-warnings", "--test-reporter=tap", name,
        cwd=scripts, env={**os.environ, **given},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(node.communicate(), RUN_S_MAX)
    except TimeoutError:
        node.kill()
        said, _ = await node.communicate()
    text = said.decode("utf-8", "replace")
    assert node.returncode == 0, _failures(text)
    assert "# fail 0" in text
    assert "# pass 0" not in text


def _failures(text: str) -> str:
    """The parts of a TAP report that failed."""
    blocks, kept = text.split("\n"), []
    keeping = False
    for line in blocks:
        if line.lstrip().startswith(("not ok", "ok ")):
            keeping = line.lstrip().startswith("not ok")
        if keeping:
            kept.append(line)
    return "\n".join(kept or blocks)[-SHOWN_CHARS:]
