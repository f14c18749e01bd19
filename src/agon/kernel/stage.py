"""The stage that each system's part of the demonstration plays on."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from agon.kernel import database, embedded, jobs, migrate, runtime
from agon.kernel.database import Database
from agon.kernel.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class Stage:
    """evidence: files that the user gave; results: (what it is, CID), verified at the end."""

    runtime: Runtime
    database: Database
    console: Console
    evidence: tuple[Path, ...] = ()
    results: list[tuple[str, str]] = field(default_factory=list)

    async def work(self) -> None:
        """Do all work that waits."""
        await jobs.drain(jobs.Work(database=self.database, runtime=self.runtime))


@asynccontextmanager
async def apart(stage: Stage, environ: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Another installation for the length of the block, which leaves nothing behind.

    For what must not stand beside the truth, such as the logs of a chain that is none.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="agon-apart-"))
    home = folder / "home"
    try:
        # Started as root, the server has an account of its own, which has to get in.
        await asyncio.to_thread(folder.chmod, 0o711)
        own = runtime.begin(
            stage.runtime.systems,
            environ={"AGON_HOME": str(home), "AGON_LOG_LEVEL": "error", **environ},
            folder=folder,
        )
        owner = await database.connect(await asyncio.to_thread(lambda: own.urls["agon_owner"]))
        try:
            await migrate.run(owner, migrate.collect(own.systems))
        finally:
            await owner.close()
        async with own.database() as pools:
            yield Stage(runtime=own, database=pools, console=stage.console)
    finally:
        await asyncio.to_thread(embedded.stop, home)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
