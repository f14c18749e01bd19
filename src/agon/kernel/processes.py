"""A few processes for work that would hold up the loop; one that dies is replaced."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from agon.kernel import logs
from agon.kernel.errors import refuse

Answer = TypeVar("Answer")

TRIES = 2
"""A piece of work that kills its process twice is at fault itself."""

log = logs.get("agon.processes")


class Processes:
    """Started when first needed. Open it with ``with``."""

    def __init__(self, count: int):
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    async def run(self, work: Callable[..., Answer], *arguments: object) -> Answer:
        """What `work` answers. Raises Refused `process_died` if its process dies again and again,
        as for want of memory."""
        loop = asyncio.get_running_loop()
        for _ in range(TRIES):
            pool = self._pool or self._start()
            try:
                return await loop.run_in_executor(pool, work, *arguments)
            except BrokenProcessPool as error:
                log.error("process.died", work=work.__qualname__, why=str(error))
                if self._pool is pool:
                    self._pool = None
        raise refuse(
            "process_died",
            "Reading this took a process down.",
            hint="Send a smaller file; if it is small, tell us about it.",
            status=503,
        )

    def _start(self) -> ProcessPoolExecutor:
        # Forked processes would share our sockets; these start fresh.
        fresh = multiprocessing.get_context("forkserver")
        self._pool = ProcessPoolExecutor(self._count, mp_context=fresh)
        return self._pool
