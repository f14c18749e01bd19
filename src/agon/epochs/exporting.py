"""A day as a file: what `agon epoch replay` reads (replaying.py), from the tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import BinaryIO

from agon.kernel.database import ENGINE, Database

FETCHED_ROWS = 5_000

EVENTS = """
    select agon.show_epoch_event(e)::text as line from public.epoch_events e
    where e.epoch_id = (select (agon.show_epoch($1)).id) order by e.seq
"""


async def export(
    database: Database, day: date, opened: Callable[[], AbstractContextManager[BinaryIO]]
) -> int:
    """Write a day's file: its first line, then every event by its seq. How many events there are.

    opened: opens the file, once it is known that there is something to write. Of a day that is
    settled the file settles to the same result. Before that, it says who would be paid now. Raises
    PT404 `epoch_unknown`, PT409 `epoch_not_over`.
    """
    async with database.as_worker() as conn:
        head = await conn.fetchval("select agon.export_epoch($1)", day)
    count = 0
    async with database.as_caller(ENGINE) as conn:
        with opened() as out:
            out.write(json.dumps(head, separators=(",", ":")).encode() + b"\n")
            async for row in conn.cursor(EVENTS, day, prefetch=FETCHED_ROWS):
                out.write(row["line"].encode() + b"\n")
                count += 1
    return count
