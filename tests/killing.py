"""The kill harness: workers and Postgres die at random while work goes on.

`Victims` owns what is killed. Everything runs on a home of its own, never on the shared server.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from agon.kernel import commands, embedded, runtime
from agon.kernel.errors import Refused
from agon.systems import SYSTEMS

CALM_S = (0.3, 1.5)
"""Between two kills."""
LOST = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
RETRIES_MAX = 200
RETRY_PAUSE_S = 0.1


@dataclass(kw_only=True)
class Victims:
    """A server and a worker process that may be killed at any moment; both come back."""

    process: runtime.Runtime
    home: Path
    worker: subprocess.Popen[bytes] | None = None
    killed: list[str] = field(default_factory=list)

    def start_worker(self) -> None:
        """A worker of its own, `agon work`."""
        environ = {**os.environ, "AGON_HOME": str(self.home), "AGON_LOG_LEVEL": "error"}
        self.worker = subprocess.Popen(
            [sys.executable, "-c", "from agon.cli import main; main(['work'])"],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()
        self.killed.append("worker")
        self.start_worker()

    async def kill_postgres(self) -> None:
        """Kill -9 of the postmaster, and a new start."""
        pid = int((self.home / "pg" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        self.killed.append("postgres")
        await asyncio.to_thread(embedded.start, self.home)


@asynccontextmanager
async def victims() -> AsyncIterator[Victims]:
    """A migrated installation with one worker; everything is stopped and removed at the end."""
    folder = tempfile.mkdtemp(prefix="agon-kill-", dir="/tmp")
    os.chmod(folder, 0o711)
    home = Path(folder) / "home"
    process = runtime.begin(
        SYSTEMS, environ={"AGON_HOME": str(home), "AGON_LOG_LEVEL": "error"}, folder=Path(folder)
    )
    try:
        await commands.migrate_all(process)
        doomed = Victims(process=process, home=home)
        doomed.start_worker()
        yield doomed
    finally:
        if doomed.worker:
            doomed.worker.kill()
            doomed.worker.wait()
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


async def haunt(doomed: Victims, seed: int, stop: asyncio.Event) -> None:
    """Kill something now and then until told to stop."""
    chance = random.Random(seed)
    while not stop.is_set():
        await asyncio.sleep(chance.uniform(*CALM_S))
        if chance.random() < 0.5:
            doomed.kill_worker()
        else:
            await doomed.kill_postgres()


async def insist(act: Callable[[], Awaitable[object]]) -> None:
    """Do it until it is done, as a client does whose answers get lost."""
    for _ in range(RETRIES_MAX):
        try:
            await act()
            return
        except LOST:
            await asyncio.sleep(RETRY_PAUSE_S)
        except Refused as refused:
            if refused.refusal.code == "evidence_counted_already":
                return  # the answer before this one got lost
            if refused.refusal.status < 500:
                raise
            await asyncio.sleep(RETRY_PAUSE_S)
    raise AssertionError(f"not done after {RETRIES_MAX} tries")
