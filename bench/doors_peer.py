"""The peer that doors are compared with: pgbench, calling one function a request."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from agon.kernel.embedded_account import program
from bench.doors_tables import Case

THREADS = 2
PROGRAM_S_MAX = 60


async def pgbench(
    case: Case, clients: int, *, url: str, folder: Path, round_s: int
) -> tuple[float, float]:
    """Requests per second and the 99th percentile in ms, with as many connections as clients.

    url: of a Unix socket; folder: for what pgbench reads and writes.
    """
    script, logs = folder / f"{case.name}.sql", folder / "log"
    script.write_text(case.script)
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    command = [
        str(program("pgbench")), "-n", "-M", "prepared", "-c", str(clients), "-j", str(THREADS),
        "-T", str(round_s), "-f", str(script), "-l", f"--log-prefix={logs}/t",
        "-h", query["host"][0], "-p", query["port"][0], "-U", str(parts.username),
        parts.path[1:],
    ]  # fmt: skip
    child = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "PGPASSWORD": str(parts.password)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, wrong = await asyncio.wait_for(child.communicate(), PROGRAM_S_MAX)
    found = re.search(rb"tps = ([0-9.]+)", said)
    if child.returncode or not found:
        raise RuntimeError(f"pgbench, {child.returncode}: {wrong.decode()} {said.decode()}")
    micros = [int(line.split()[2]) for log in logs.iterdir() for line in log.open()]
    return float(found[1]), percentile_99(micros) / 1000


def percentile_99(values: list[float] | list[int]) -> float:
    """The value that one in a hundred exceeds."""
    return sorted(values)[len(values) * 99 // 100] if values else 0.0
