"""What the worker does of seasons and leaderboards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agon.kernel import logs
from agon.kernel.database import ENGINE, Conn
from agon.kernel.errors import Refused
from agon.kernel.events import Event
from agon.kernel.jobs import Work
from agon.leagues import counting, leaderboards, seasons

log = logs.get("agon.leagues")


async def count(work: Work, payload: dict[str, Any]) -> None:
    """Results of a competition changed: count whom they concern."""
    await counting.count(work.database, UUID(payload["competition_id"]))


async def stand(work: Work, payload: dict[str, Any]) -> None:
    """Records or places changed: compute the standings that they concern."""
    await counting.stand(work.database, UUID(payload["season_id"]))


async def settle_season(work: Work, payload: dict[str, Any]) -> None:
    """A season has another competition, or one of its own is over: count, rate, and keep a
    bundle."""
    season_id = UUID(payload["season_id"])
    await seasons.settle(work.database, season_id)
    try:
        await seasons.snapshot(work.database, ENGINE, season_id, anew=True)
    except Refused as refused:
        # Larger than a bundle can be: the standings hold, and there is no file of them.
        log.warning("season.no_bundle", season_id=str(season_id), why=str(refused))


async def complete_due(work: Work, _payload: dict[str, Any]) -> None:
    """Every minute: end competitions of type challenge and leaderboard that are over."""
    async with work.database.as_worker() as conn:
        rows = await conn.fetch("select due from agon.due_leaderboards() due")
    for row in rows:
        try:
            await leaderboards.complete(work.database, ENGINE, row["due"], by_itself=True)
        except Refused as refused:
            log.warning("competition.waits", competition_id=str(row["due"]), why=str(refused))


async def note_verdict(conn: Conn, event: Event) -> None:
    """A verdict was recorded: it counts where its challenge does."""
    await conn.execute("select agon.note_verdict($1)", event.id)


async def note_completed(conn: Conn, event: Event) -> None:
    """A competition is completed: its seasons take it in."""
    await conn.execute(
        "select agon.note_competition_end($1)", UUID(event.payload["competition_id"])
    )
