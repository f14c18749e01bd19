"""The servers under load: Agon's own, and uvicorn alone with an application that does nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from asyncio.subprocess import Process as Child
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

HOST = "127.0.0.1"
START_S_MAX = 60
STOP_S_MAX = 30
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

UNLIMITED = {
    "AGON_REQUESTS_PER_S_USER": "0",
    "AGON_REQUESTS_PER_S_KEY": "0",
    "AGON_REQUESTS_PER_S_ADDRESS": "0",
    "AGON_LOG_LEVEL": "error",
}
SERVE = "from agon.cli import main; main(['serve', '--no-work'])"
NOTHING = "from bench.doors_servers import serve_nothing; serve_nothing()"
PORT_VARIABLE = "AGON_PORT"


@dataclass(frozen=True, kw_only=True)
class Process:
    """A server that answers."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        """Seconds of processor time that it has taken so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


@asynccontextmanager
async def agon(home: Path) -> AsyncIterator[Process]:
    """`agon serve` on this home, without its worker and without limits of requests per second."""
    async with _process(SERVE, {"AGON_HOME": str(home), **UNLIMITED}, "/readyz") as process:
        yield process


@asynccontextmanager
async def nothing() -> AsyncIterator[Process]:
    """uvicorn as `agon serve` runs it, with an application that answers 200 and `[]`."""
    async with _process(NOTHING, {}, "/") as process:
        yield process


def serve_nothing() -> None:
    """What the process of `nothing` runs."""
    import uvicorn

    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"2")]

    async def answer(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"[]"})

    uvicorn.run(
        answer, host=HOST, port=int(os.environ[PORT_VARIABLE]), loop="uvloop", http="httptools",
        log_config=None, access_log=False, lifespan="off",
    )  # fmt: skip


@asynccontextmanager
async def _process(code: str, environ: dict[str, str], ready: str) -> AsyncIterator[Process]:
    port = _free_port()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={**os.environ, **environ, PORT_VARIABLE: str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        process = Process(url=f"http://{HOST}:{port}", pid=child.pid)
        await _answers(process.url + ready, child)
        yield process
    finally:
        if child.returncode is None:
            child.terminate()
        await asyncio.wait_for(child.wait(), STOP_S_MAX)


def _free_port() -> int:
    with socket.socket() as line:
        line.bind((HOST, 0))
        return line.getsockname()[1]


async def _answers(url: str, child: Child) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(START_S_MAX):
        while child.returncode is None:
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError(f"the server at {url} ended with {child.returncode}")
