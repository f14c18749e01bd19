"""Settling a day: its log and its bots' owners become a result, and one transaction writes all that
follows from it. In the order of the walk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from agon.commons.content import files, forms, publishing
from agon.epochs import event_log, settlement, summaries
from agon.epochs.event_log import Log
from agon.kernel import cid as cids
from agon.kernel import results
from agon.kernel.database import ENGINE, Conn, Database
from agon.kernel.jobs import Work
from agon.kernel.processes import Processes

FETCHED_ROWS = 5_000
"""Of the log at a time; between two fetches the worker's heartbeat goes on."""
EVENTS_INLINE_MAX = 10_000
"""A longer log is settled in a process, which gives its memory back."""
READ_TYPES = [*event_log.KINDS, "vote_cast"]

LOG = """
    select e.seq, e.event_type as type,
      (extract(epoch from e.occurred_at) * 1000)::bigint as at_ms,
      e.actor_bot_identity_id::text as bot, e.slot_index as slot, e.actor_wallet_address as wallet,
      e.payload as data
    from public.epoch_events e
    where e.epoch_id = (select (agon.show_epoch($1)).id) and e.event_type = any ($2)
    order by e.seq
"""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What is to be written of a day. voters: in the order of the output's weights; summary,
    metadata: the bytes of the files."""

    bundle: results.Bundle
    voters: list[str]
    summary: bytes
    metadata: bytes


async def settle(work: Work, day: date) -> str:
    """Settle a day, if it can be: settled | early | waiting (for the chain). Any number of times.

    Raises PT404 `epoch_unknown`, Refused `log_malformed`, `result_large`.
    """
    database = work.database
    async with database.as_worker() as conn:
        case = await conn.fetchval("select agon.load_settlement($1)", day)
    if case["state"] != "due":
        return case["state"]
    log = await read_log(database, day)
    settled = await _decided(case, log)
    root = await asyncio.to_thread(files.folder, work.runtime)
    async with database.as_worker() as conn:
        await write(conn, root, day, settled)
    return "settled"


async def read_log(database: Database, day: date) -> Log:
    """The log of a day, row by row: no more than its columns are held.

    Raises PT404 `epoch_unknown`, Refused `event_malformed`, `log_malformed`.
    """
    reader = event_log.Reader()
    async with database.as_caller(ENGINE) as conn:
        async for event in conn.cursor(LOG, day, READ_TYPES, prefetch=FETCHED_ROWS):
            reader.add(event)
    return await asyncio.to_thread(reader.log)


async def _decided(case: Mapping[str, Any], log: Log) -> Settled:
    if log.events() <= EVENTS_INLINE_MAX:
        return decide(case, log)
    with Processes(1) as processes:
        return await processes.run(decide, case, log)


def decide(case: Mapping[str, Any], log: Log) -> Settled:
    """What a day comes to. case: as `agon.load_settlement` tells it. Pure."""
    head, number = case["head"], case["number"]
    bundle = settlement.bundle(
        log, head["epoch"], head["owners"], head["pool_wei"], head["profile"]
    )
    summary = summaries.summarise(head, case["profile"], number, bundle.cid, bundle.output)
    metadata = summaries.describe_edition(
        head, number, bundle.cid, f"ipfs://{cids.of_bytes(summary)}", bundle.output
    )
    return Settled(bundle=bundle, voters=log.voters, summary=summary, metadata=metadata)


async def write(conn: Conn, root: Path, day: date, settled: Settled) -> None:
    """Publish the files and write the rows, once, in the engine's transaction."""
    epoch = await conn.fetchrow("select * from agon.take_settlement($1)", day)
    if epoch["result_cid"]:
        return
    await conn.execute("set local statement_timeout = '10min'")  # a million votes are weighed
    bundle = settled.bundle
    for name, data in bundle.attachments.items():
        await conn.execute("select agon.keep_attachment($1, $2)", name, data)
    await conn.execute(
        "select agon.settle_epoch($1, $2, $3, $4, $5, $6, $7)",
        day,
        bundle.cid,
        bundle.data,
        bundle.output,
        settled.voters,
        await publishing.publish(conn, root, settled.summary, forms.JSON),
        await publishing.publish(conn, root, settled.metadata, forms.JSON),
    )
