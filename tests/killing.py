"""The kill harness: processes die at random while work goes on, in one of two ways.

`Victims` are processes that are truly killed, in a home of their own, never on the shared server.
`Fate` ends one within the test between two steps: before a call or statement is made, or after,
when its answer is lost. What is lost is what a killed process loses; the database and the node go
on.
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
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from agon.kernel import commands, embedded, runtime
from agon.kernel.database import Conn, Database
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

NODE = frozenset({"call", "batch", "settle", "chain_id"})
CONN = frozenset({"execute", "executemany", "fetch", "fetchrow", "fetchval", "copy_to_table"})
"""The steps of who uses a node, and a connection."""


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


async def insist(act: Callable[[], Awaitable[object]], done: Collection[str] = ()) -> None:
    """Do it until it is done, as a client does whose answers get lost. done: codes of refusals that
    say so, when the answer before them got lost."""
    for _ in range(RETRIES_MAX):
        try:
            await act()
            return
        except LOST:
            await asyncio.sleep(RETRY_PAUSE_S)
        except Refused as refused:
            if refused.refusal.code in done:
                return
            if refused.refusal.status < 500:
                raise
            await asyncio.sleep(RETRY_PAUSE_S)
    raise AssertionError(f"not done after {RETRIES_MAX} tries")


class Killed(BaseException):
    """The process is no more."""


@dataclass(kw_only=True)
class Fate:
    """Dies at a step with a probability, or at the steps that are numbered."""

    share: float = 0.0
    seed: int = 0
    at_steps: frozenset[int] = frozenset()
    steps: int = 0
    deaths: int = 0
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def step(self) -> None:
        self.steps += 1
        if self.steps in self.at_steps or self.dice.random() < self.share:
            self.deaths += 1
            raise Killed

    async def around(self, act: Awaitable[Any]) -> Any:
        try:
            self.step()
        except Killed:
            act.close()  # type: ignore[attr-defined]
            raise
        answer = await act
        self.step()
        return answer


class Mortal:
    """Stands before a node or a connection; each awaited call of it is a step."""

    def __init__(self, inner: Any, fate: Fate, names: frozenset[str]):
        self._inner, self._fate, self._names = inner, fate, names

    def __getattr__(self, name: str) -> Any:
        whole = getattr(self._inner, name)
        if name not in self._names:
            return whole
        return lambda *given, **named: self._fate.around(whole(*given, **named))


class MortalDatabase:
    """A database of a process that may die before, within and after each transaction."""

    def __init__(self, inner: Database, fate: Fate):
        self._inner, self._fate = inner, fate

    @asynccontextmanager
    async def as_worker(self, *given: Any) -> AsyncIterator[Conn]:
        async with self._inner.as_worker(*given) as conn:
            yield Mortal(conn, self._fate, CONN)
        self._fate.step()
