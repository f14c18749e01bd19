"""Reading the outbox: each subscription sees every event of its topics once, in order, but for
those that it could not take: they are parked, and wait for `agon events retry`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agon.kernel import logs
from agon.kernel.database import Conn, Database

EVENTS_PER_BATCH_MAX = 100
TRIES_MAX = 12
"""Of one event, with pauses of 1, 2, 4 … s: within 19 minutes."""
PAUSE_LONGEST = timedelta(minutes=5)

log = logs.get("agon.events")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of the outbox. key names the thing that it is about."""

    id: int
    topic: str
    key: str | None
    payload: dict[str, Any]
    actor: str | None
    created_at: datetime


Handler = Callable[[Conn, Event], Awaitable[None]]


async def pump(database: Database, reader: str, topics: Sequence[str], handle: Handler) -> int:
    """Hand the reader's next events to `handle`, each in a savepoint of the transaction that moves
    its cursor past the last one that was taken.

    One that fails is logged and ends the batch. It comes again, later each time; after TRIES_MAX it
    is parked, and those behind it go on. Returns how many were read for good.
    """
    async with database.as_worker() as conn:
        rows = await conn.fetch(
            "select * from agon.read_events($1, $2, $3)",
            reader,
            list(topics),
            EVENTS_PER_BATCH_MAX,
        )
        for number, row in enumerate(rows):
            try:
                async with conn.transaction():
                    await handle(conn, _event(row))
            except Exception as error:
                named = {"subscription": reader, "id": row["id"], "topic": row["topic"]}
                log.error("event.failed", **named, exc_info=error)
                await _advance(conn, reader, rows[:number])
                return number + await _note_trouble(conn, reader, row, error)
        await _advance(conn, reader, rows)
        return len(rows)


async def retry(database: Database, reader: str, event_id: int, handle: Handler) -> bool:
    """Hand over an event that was parked; whether there is one. What `handle` raises leaves it."""
    async with database.as_worker() as conn:
        row = await conn.fetchrow("select * from agon.take_parked_event($1, $2)", reader, event_id)
        if row is not None:
            await handle(conn, _event(row))
        return row is not None


def _event(row: Mapping[str, Any]) -> Event:
    return Event(
        id=row["id"],
        topic=row["topic"],
        key=row["key"],
        payload=row["payload"],
        actor=str(row["actor"]) if row["actor"] else None,
        created_at=row["created_at"],
    )


async def _advance(conn: Conn, reader: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        last = rows[-1]
        await conn.execute(
            "select agon.advance_cursor($1, $2, $3)", reader, last["xid"], last["id"]
        )


async def _note_trouble(conn: Conn, reader: str, row: Mapping[str, Any], error: Exception) -> bool:
    """Whether the event is parked. A connection that is lost fails here too, and nothing counts."""
    return await conn.fetchval(
        "select agon.note_event_trouble($1, $2, $3, $4, $5, $6)",
        reader,
        row["xid"],
        row["id"],
        f"{type(error).__name__}: {error}",
        TRIES_MAX,
        PAUSE_LONGEST,
    )
