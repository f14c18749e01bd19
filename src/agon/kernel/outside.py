"""Work outside: what asks a party, between an intent that Postgres holds and a receipt.

The domain's row says what is meant; `agon.mean_outside` queues it, with a row of its own. A worker
takes that in hand, so that two ask the party once, and counts the attempt. The receipt and the end
of the work are one transaction. Delivery is at least once: a worker that dies before the
receipt leaves the work to another, as soon as it is no longer in hand; where a party knows no
idempotency keys, `act` looks first whether the party was asked already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agon.kernel import logs
from agon.kernel.database import Conn
from agon.kernel.errors import Refused, retry_after_s
from agon.kernel.jobs import RETRY_FIRST_S, RETRY_LONGEST_S, Later, Work

HOLD_MARGIN_S = 30
"""In hand for so much longer than an attempt may take, for its receipt."""
ASKED_WAIT_S_MAX = 86_400
"""The longest that a party's Retry-After is heeded."""

Row = Mapping[str, Any]

log = logs.get("agon.outside")


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One kind of work outside.

    job: its name in the queue. load: a SQL function of the key, for the row that says what is to
    be done; no row where that is nothing. act: asks the party and answers with what the receipt
    needs, or `Later`. receipt: ``(work, conn, row, answer)``, in the transaction that ends the
    work. gave_up: a SQL function of key and reason. attempt_s: what one attempt may take;
    attempts_max: with the pauses of `carry`; final: codes of refusals that no attempt changes.
    """

    job: str
    load: str
    act: Callable[[Work, Row], Awaitable[Any]]
    receipt: Callable[[Work, Conn, Row, Any], Awaitable[object]]
    gave_up: str
    attempt_s: int
    attempts_max: int
    final: Collection[str] = ()


async def carry(work: Work, errand: Errand, key: str) -> Later | None:
    """One attempt, unless that is done or another worker has it in hand.

    Answers with when the next is due: after 1, 2, 4 … s up to five minutes, or what the party asks
    for if that is longer; None after the receipt, and once it is given up.
    """
    hold = timedelta(seconds=errand.attempt_s + HOLD_MARGIN_S)
    async with work.database.as_worker() as conn:
        held = await conn.fetchrow(
            "select * from agon.hold_outside($1, $2, $3)", errand.job, key, hold
        )
        if held is None:
            return None
        if held["attempt"] is None:
            # After as long as it has been held: soon behind a quick one, seldom behind a dead one.
            wait = min(held["free_in"], hold - held["free_in"])
            return Later(seconds=wait.total_seconds() + 1, why="another has it in hand")
        row = await conn.fetchrow(f"select * from {errand.load}($1)", key)
        if row is None:
            await conn.execute("select agon.end_outside($1, $2)", errand.job, key)
            return None
    try:
        async with asyncio.timeout(errand.attempt_s):
            answer = await errand.act(work, row)
        if not isinstance(answer, Later):
            return await _receive(work, errand, key, row, answer)
        is_final, why, asked_s = False, answer.why, answer.seconds
    except Refused as refused:
        refusal = refused.refusal
        is_final, asked_s = refusal.code in errand.final, retry_after_s(refusal) or 0
        why = " ".join(filter(None, (f"[{refusal.code}]", refusal.message, refusal.details)))
    except OSError as error:  # TimeoutError is one, too
        is_final, asked_s, why = False, 0, f"{type(error).__name__}: {error}"
    except Exception as error:
        log.error("outside.failed", job=errand.job, key=key, exc_info=error)
        is_final, asked_s, why = False, 0, f"{type(error).__name__}: {error}"
    pause_s = min(RETRY_FIRST_S * 2 ** min(held["attempt"] - 1, 30), RETRY_LONGEST_S)
    # A party's words may hold what Postgres does not.
    why = why.replace("\0", "").encode("utf-8", "replace").decode()
    later = Later(seconds=min(max(pause_s, asked_s), ASKED_WAIT_S_MAX), why=why)
    return await _put_off(work, errand, key, held["attempt"], later, is_final=is_final)


async def _receive(work: Work, errand: Errand, key: str, row: Row, answer: object) -> None:
    async with work.database.as_worker() as conn:
        await errand.receipt(work, conn, row, answer)
        await conn.execute("select agon.end_outside($1, $2)", errand.job, key)
    log.debug("outside.done", job=errand.job, key=key)


async def _put_off(
    work: Work, errand: Errand, key: str, attempt: int, later: Later, *, is_final: bool
) -> Later | None:
    """The same, or None where there is no next attempt: then the domain's row is told."""
    async with work.database.as_worker() as conn:
        outcome = await conn.fetchval(
            "select agon.put_off_outside($1, $2, $3, $4, $5, $6)",
            errand.job,
            key,
            attempt,
            later.why,
            is_final,
            errand.attempts_max,
        )
        if outcome == "given up":
            await conn.execute(f"select {errand.gave_up}($1, $2)", key, later.why)
            log.error("outside.given_up", job=errand.job, key=key, why=later.why)
    return later if outcome == "put off" else None
