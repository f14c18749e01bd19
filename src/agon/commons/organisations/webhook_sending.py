"""Sending to webhooks: what is due is taken, sent and noted, side by side, one at a time for each.

A worker holds a webhook from taking a delivery to noting what came of it. One that dies in between
leaves it to whoever comes after the hold is over, so a delivery is sent at least once, and always
with the same id. Endpoints that were slow or failed at their last attempt have slots of their own.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agon.commons.organisations import webhook_messages as messages
from agon.commons.organisations import webhooks
from agon.kernel import clock, logs
from agon.kernel.errors import Refused
from agon.kernel.jobs import Work
from agon.kernel.outbound import Client, asked_wait_s

PROMPT_MAX = 24
SLOW_MAX = 8
"""Deliveries on their way at a time, of a process; together as many as it keeps connections."""
TOTAL_MS_MAX = 15_000
"""Of one attempt."""
ANSWER_BYTES_MAX = 4 * messages.BODY_CHARS_MAX
"""Read of an answer: a character of UTF-8 has four bytes at most."""
EVENTS_MAX = 1000
"""Events of the outbox that are looked at in one transaction."""
POLL_S = 0.5
STOP_S_MAX = 10
"""How long a worker that stops waits for answers; what is left is sent again by another."""
ERROR_CHARS_MAX = 300

log = logs.get("agon.webhooks")

Row = Any
"""What agon.take_deliveries gives."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a worker sends with. holder: its name for this run; the rest: see the limits above."""

    work: Work
    client: Client
    holder: uuid.UUID = field(default_factory=uuid.uuid4)
    total_ms: int = TOTAL_MS_MAX
    prompt_max: int = PROMPT_MAX
    slow_max: int = SLOW_MAX
    poll_s: float = POLL_S

    @property
    def hold(self) -> timedelta:
        """For so long nobody else sends to a webhook that was taken: longer than an attempt and
        what comes before and after it can take."""
        return timedelta(milliseconds=self.total_ms) + timedelta(seconds=45)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of an attempt. status, body: None without an answer; error: why there was none."""

    row: Row
    outcome: messages.Outcome
    wait_s: float
    took_ms: int
    status: int | None = None
    body: str | None = None
    error: str | None = None


async def run(work: Work, stop: asyncio.Event) -> None:
    """Send until told to stop."""
    async with webhooks.calling(work.runtime) as client:
        await send_all(Desk(work=work, client=client), stop)


async def send_all(desk: Desk, stop: asyncio.Event) -> None:
    """Take, send and note until told to stop; then note what is still answered in time."""
    running: dict[asyncio.Task[Report], bool] = {}  # and whether it has a slow one's slot
    spread_at = 0.0
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            if _time_s() >= spread_at:
                is_behind = await _spread(desk) == EVENTS_MAX
                spread_at = _time_s() + (0 if is_behind else desk.poll_s)
            reports = _take_done(running)
            slow = sum(running.values())
            rows = await _turn(
                desk, reports, desk.prompt_max - len(running) + slow, desk.slow_max - slow
            )
            for row in rows:
                running[asyncio.create_task(_attempt(desk, row))] = row["is_slow"]
            pause_s = max(0, spread_at - _time_s())
            await asyncio.wait(
                {stopping, *running}, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED
            )
        if running:
            await asyncio.wait(running, timeout=STOP_S_MAX)
            await _turn(desk, _take_done(running), 0, 0)
    finally:
        for task in (stopping, *running):
            task.cancel()


def _take_done(running: dict[asyncio.Task[Report], bool]) -> list[Report]:
    done = [task for task in running if task.done()]
    for task in done:
        del running[task]
    return [task.result() for task in done]


async def _spread(desk: Desk) -> int:
    async with desk.work.database.as_worker() as conn:
        return await conn.fetchval("select agon.spread_webhook_events($1)", EVENTS_MAX)


async def _turn(
    desk: Desk, reports: Sequence[Report], prompt_most: int, slow_most: int
) -> list[Row]:
    """Note what is done and take what is due, in one transaction."""
    async with desk.work.database.as_worker() as conn:
        # In the order of ids, as everybody locks several of them.
        for report in sorted(reports, key=lambda report: report.row["webhook_id"]):
            noted = await conn.fetchval(
                "select agon.note_delivery($1, $2, $3, $4, $5, $6, $7, make_interval(secs => $8))",
                desk.holder,
                report.row["delivery_id"],
                report.outcome,
                report.status,
                report.body,
                report.error,
                report.took_ms,
                report.wait_s,
            )
            log.debug("webhook.noted", delivery=str(report.row["delivery_id"]), outcome=noted)
        if prompt_most + slow_most <= 0:
            return []
        return await conn.fetch(
            "select * from agon.take_deliveries($1, $2, $3, $4)",
            desk.holder,
            desk.hold,
            prompt_most,
            slow_most,
        )


async def _attempt(desk: Desk, row: Row) -> Report:
    """Send one delivery, once. Whatever happens to it is a report, for it must stop no other."""
    started_s = _time_s()
    try:
        answer = await desk.client.tell(
            row["url"],
            row["payload"].encode(),
            headers=_headers(desk, row),
            excerpt_bytes=ANSWER_BYTES_MAX,
            total_ms=desk.total_ms,
        )
    except Refused as refused:
        why = " ".join(filter(None, (str(refused), refused.refusal.details)))
        return _failed(row, started_s, why)
    except Exception as error:
        log.error("webhook.attempt_failed", webhook=str(row["webhook_id"]), exc_info=error)
        return _failed(row, started_s, "The attempt failed here; it is in the log.")
    return Report(
        row=row,
        outcome=messages.outcome(answer.status),
        wait_s=messages.wait_s(row["failures"], random.random(), asked_wait_s(answer.headers)),
        took_ms=_since_ms(started_s),
        status=answer.status,
        body=messages.excerpt(answer.body),
    )


def _headers(desk: Desk, row: Row) -> dict[str, str]:
    sealed = filter(None, (row["secret"], row["previous_secret"]))
    privates = desk.work.runtime.sealing_keys
    secrets = [webhooks.open_secret(privates, row["webhook_id"], each) for each in sealed]
    return messages.headers(secrets, str(row["delivery_id"]), clock.now(), row["payload"])


def _failed(row: Row, started_s: float, why: str) -> Report:
    return Report(
        row=row,
        outcome="failed",
        wait_s=messages.wait_s(row["failures"], random.random(), None),
        took_ms=_since_ms(started_s),
        error=why.replace("\0", "")[:ERROR_CHARS_MAX],
    )


def _time_s() -> float:
    return asyncio.get_running_loop().time()


def _since_ms(started_s: float) -> int:
    return round(1000 * (_time_s() - started_s))
