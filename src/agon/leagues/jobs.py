"""What the worker does of leagues."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agon.kernel import logs
from agon.kernel.database import ENGINE, Conn
from agon.kernel.errors import Refused
from agon.kernel.events import Event
from agon.kernel.jobs import Work
from agon.leagues import competitions, matches

log = logs.get("agon.leagues")


async def advance_due(work: Work, _payload: dict[str, Any]) -> None:
    """Every minute: what a job for its moment did not do."""
    async with work.database.as_worker() as conn:
        rows = await conn.fetch("select due from agon.due_competitions() due")
    for row in rows:
        await advance(work, {"competition_id": str(row["due"])})


async def advance(work: Work, payload: dict[str, Any]) -> None:
    """Start a competition, confirm what nobody answered, and complete it, as far as it is time."""
    competition_id = UUID(payload["competition_id"])
    async with work.database.as_worker() as conn:
        starts = await conn.fetchval("select agon.starts_by_itself($1)", competition_id)
        late = await conn.fetch("select key from agon.due_confirmations($1) key", competition_id)
    try:
        if starts:
            async with work.database.as_worker() as conn:
                await competitions.start(conn, competition_id)
        for row in late:
            await matches.confirm(work.database, ENGINE, competition_id, row["key"])
        completed = await competitions.complete(work.database, competition_id)
    except Refused as refused:
        # Too few came, a result before it is disputed, or it was canceled: somebody has to act.
        log.info("competition.waits", competition_id=str(competition_id), why=str(refused))
        return
    if completed:
        log.info("competition.completed", competition_id=str(competition_id))


async def note_challenge_end(conn: Conn, event: Event) -> None:
    """A challenge was finalized: matches that it decides are decided by it."""
    await conn.execute("select agon.note_challenge_end($1)", event.payload["challenge_id"])


async def decide_by_challenge(work: Work, payload: dict[str, Any]) -> None:
    """Decide one match by its challenge."""
    competition_id = UUID(payload["competition_id"])
    await matches.decide_by_challenge(work.database, competition_id, payload["match"])
