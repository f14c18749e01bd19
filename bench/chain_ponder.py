"""Ponder on the same node, with the same history to write; its rows are read back to compare."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from asyncio.subprocess import Process as Child
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.chain_state import Chain

FOLDER = Path(__file__).parent / "ponder"
PROGRAM = FOLDER / "node_modules/ponder/dist/esm/bin/ponder.js"
SCHEMA = "bench"
START_S_MAX, READY_S_MAX, STOP_S_MAX, INSTALL_S_MAX = 60, 600, 20, 600
POLL_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Run:
    """start_s: from the process to its first answer, which is before it asks the node for logs;
    index_s: from there until it says that all is indexed."""

    start_s: float
    index_s: float
    rows: list[dict[str, Any]]


async def run(chain: Chain, folder: Path, pool: str | None) -> Run:
    """Index everything once, from nothing. pool: a Postgres; without it PGlite in this folder."""
    _install()
    async with (
        _serving(chain, folder, pool) as (url, child, started_s),
        aiohttp.ClientSession() as http,
        asyncio.timeout(READY_S_MAX),
    ):
        await _until(child, http, f"{url}/health")
        healthy_s = time.perf_counter()
        await _until(child, http, f"{url}/ready")
        ready_s = time.perf_counter()
        async with http.get(f"{url}/owners") as answer:
            rows = await answer.json(content_type=None)
    return Run(start_s=healthy_s - started_s, index_s=ready_s - healthy_s, rows=rows)


def _install() -> None:
    if not PROGRAM.is_file():
        # `npm ci` wants the binaries of every platform in the lock, which has those of Linux.
        words = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(words, cwd=FOLDER, check=True, timeout=INSTALL_S_MAX)


@asynccontextmanager
async def _serving(
    chain: Chain, folder: Path, pool: str | None
) -> AsyncIterator[tuple[str, Child, float]]:
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    started_s = time.perf_counter()
    child = await asyncio.create_subprocess_exec(
        "node", str(PROGRAM), "start", "--schema", SCHEMA, "--hostname", "127.0.0.1",
        "--port", str(port), "--log-level", "error", "--log-format", "json",
        cwd=FOLDER, env=_environ(chain, folder, pool),
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}", child, started_s
    finally:
        await _stop(child)
        shutil.rmtree(FOLDER / ".ponder", ignore_errors=True)


def _environ(chain: Chain, folder: Path, pool: str | None) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NODE_ENV": "production",
        "PONDER_TELEMETRY_DISABLED": "1",
        "CHAIN_URL": chain.node.url,
        "CHAIN_LAST": str(chain.last_block),
        "BOTS": chain.bots,
        "PGLITE": str(folder / "pglite"),
        **({"POOL": pool} if pool else {}),
    }


async def _until(child: Child, http: aiohttp.ClientSession, url: str) -> None:
    """Until it answers 200."""
    while child.returncode is None:
        try:
            async with http.get(url) as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(POLL_S)
    raise RuntimeError(f"Ponder ended with {child.returncode}")


async def _stop(child: Child) -> None:
    if child.returncode is None:
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_S_MAX)
        except TimeoutError:
            child.kill()
            await child.wait()
