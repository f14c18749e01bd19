"""Commands of challenges on a chain."""

from __future__ import annotations

from agon.kernel import commands
from agon.kernel.runtime import Runtime


def cancel_terminal_jobs() -> None:
    """Cancel AIVM jobs whose challenge is over; the dispatcher does so every minute."""
    canceled = commands.run(_cancel(commands.begin()))
    commands.out.print(f"{canceled} jobs canceled")


async def _cancel(runtime: Runtime) -> int:
    async with runtime.database() as database, database.as_worker() as conn:
        return await conn.fetchval("select agon.cancel_terminal_jobs()")
