"""What the worker does by the clock: old sessions end, and what has run out is forgotten."""

from __future__ import annotations

from datetime import timedelta

from agon.kernel import logs
from agon.kernel.jobs import Work

log = logs.get("agon.people")


async def sweep(work: Work) -> None:
    """End old sessions, and forget what has run out."""
    age = timedelta(days=work.runtime.settings["session_days"])
    pool = await work.database.pool("agon_worker")
    ended = await pool.fetchval("select agon.sweep_people($1)", age)
    log.info("people.swept", sessions_ended=ended)
