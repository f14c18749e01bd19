"""The stage that each system's part of the demonstration plays on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from agon.kernel import jobs
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
