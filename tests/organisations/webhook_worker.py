"""A worker of webhooks as a process of its own, that a test may kill.

Usage: python -m tests.organisations.webhook_worker URLS.json; the rest is in the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agon.commons.organisations import webhook_sending
from agon.kernel import runtime
from agon.kernel.jobs import Work
from agon.systems import SYSTEMS
from tests.places import Place
from tests.standins.webhook_sink import Sink


@asynccontextmanager
async def process(place: Place, sink: Sink) -> AsyncIterator[asyncio.subprocess.Process]:
    """Such a process, for the length of the block."""
    host, port = sink.standin.address
    environ = {
        "AGON_HOME": str(place.runtime.home),
        "AGON_WEBHOOK_ALLOW": f"{host}:{port}",
        "AGON_LOG_LEVEL": "error",
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.organisations.webhook_worker", json.dumps(dict(place.runtime.urls))),
        env={**os.environ, **environ},
    )
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()


async def main(urls: dict[str, str]) -> None:
    """Send until killed."""
    own = runtime.begin(SYSTEMS)
    own.__dict__["urls"] = urls
    async with own.database() as pools:
        await webhook_sending.run(Work(database=pools, runtime=own), asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
