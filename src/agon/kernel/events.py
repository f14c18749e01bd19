"""Reading the outbox: each subscription sees every event of its topics once, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agon.kernel.database import Conn, Database

EVENTS_PER_BATCH_MAX = 100


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
    """Hand the reader's next events to `handle`, in the transaction that moves its cursor.

    An exception leaves the cursor where it was, so the event comes again. Returns how many.
    """
    async with database.as_worker() as conn:
        rows = await conn.fetch(
            "select * from agon.read_events($1, $2, $3)",
            reader,
            list(topics),
            EVENTS_PER_BATCH_MAX,
        )
        for row in rows:
            actor = str(row["actor"]) if row["actor"] else None
            event = Event(
                id=row["id"],
                topic=row["topic"],
                key=row["key"],
                payload=row["payload"],
                actor=actor,
                created_at=row["created_at"],
            )
            await handle(conn, event)
        if rows:
            await conn.execute(
                "select agon.advance_cursor($1, $2, $3)", reader, rows[-1]["xid"], rows[-1]["id"]
            )
        return len(rows)
