"""A Redis of the test's own: Debian's redis-server on a socket in a temporary folder, started and
stopped by its id. It writes nothing to disk unless it is told to."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

PROGRAMS = ("redis-server", "redis-check-rdb")
"""One program under two names; Debian's redis-tools, which starts no service, has the second."""
START_S_MAX = 20
STOP_S_MAX = 5
POLL_S = 0.01


@dataclass(kw_only=True)
class RedisServer:
    """A server, and the folder of its socket and snapshot."""

    folder: Path
    program: str
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """As AGON_REDIS_URL takes it."""
        return f"unix://{self.folder}/redis.sock"

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        """A client that waits as long as it takes."""
        async with Redis.from_url(self.url, socket_timeout=None) as redis:
            yield redis

    async def ask(self, *command: Any) -> Any:
        """The answer to one command."""
        async with self.client() as redis:
            return await redis.execute_command(*command)

    async def start(self) -> None:
        """Start it, with the snapshot that lies in its folder, if one does."""
        self.process = await asyncio.create_subprocess_exec(
            "redis-server", "--port", "0", "--unixsocket", f"{self.folder}/redis.sock",
            "--dir", str(self.folder), "--save", "", "--appendonly", "no",
            executable=self.program, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(START_S_MAX):
            while self.process.returncode is None:
                try:
                    await self.ask("PING")
                    return
                except (RedisError, OSError):
                    await asyncio.sleep(POLL_S)
        raise RuntimeError(f"redis-server ended with {self.process.returncode}")

    async def kill(self) -> None:
        """End it at once: what was in its memory is gone."""
        process, self.process = self.process, None
        if process is not None and process.returncode is None:
            process.kill()
            await asyncio.wait_for(process.wait(), STOP_S_MAX)


@asynccontextmanager
async def redis_server(*, started: bool = True) -> AsyncIterator[RedisServer]:
    """A server of its own, for the length of the block; started: False leaves that to the test.
    Skips the test where there is no redis-server."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no redis-server here: `apt-get install redis-tools`")
    with tempfile.TemporaryDirectory(prefix="agon-redis-") as folder:
        server = RedisServer(folder=Path(folder), program=program)
        if started:
            await server.start()
        try:
            yield server
        finally:
            await server.kill()
