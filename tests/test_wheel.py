"""The wheel carries SQL, schemas and samples: built, installed elsewhere, migrated from there."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_an_installed_wheel_migrates(server, tmp_path):
    dist = tmp_path / "dist"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = dist.glob("*.whl")
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=False)
    python = clean / "bin" / "python"
    site = next((clean / "lib").glob("python*/site-packages"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--target", str(site), str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    # The libraries come from our own environment; Agon itself only from the wheel.
    libraries = next((Path(sys.prefix) / "lib").glob("python*/site-packages"))
    code = f"""
import asyncio, sys
sys.path.append({str(libraries)!r})
sys.path[:] = [path for path in sys.path if path != {str(ROOT / "src")!r}]
import agon
assert agon.__file__.startswith({str(site)!r}), agon.__file__
from agon.systems import SYSTEMS
from agon.challenges import rules
from agon.kernel import database, migrate
from importlib.resources import files
assert (files("agon.challenges") / "samples" / "index.json").is_file()
assert not rules.check({{"version": 1, "metric": "distance", "unit": "km", "sports": ["run"],
    "aggregate": "total", "compare": ">=", "target": 1}})
async def main():
    conn = await database.connect({server.url("agon_owner", "agon")!r})
    await conn.execute("create database agon_wheel")
    await conn.close()
    conn = await database.connect({server.url("agon_owner", "agon_wheel")!r})
    print(len(await migrate.run(conn, migrate.collect(SYSTEMS))))
    await conn.close()
asyncio.run(main())
"""
    done = subprocess.run(
        [python, "-S", "-c", f"import sys; sys.path.append({str(site)!r})\n" + code],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
