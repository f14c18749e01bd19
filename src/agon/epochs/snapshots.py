"""Snapshots: what a bot has done, as a document that anyone can check by its name."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

from agon.commons.content import files, forms, publishing
from agon.kernel.canonical import canonical
from agon.kernel.database import ENGINE, Actor, Database
from agon.kernel.runtime import Runtime

VERSION = 1


async def take(
    database: Database,
    runtime: Runtime,
    slug: str,
    stats: Mapping[str, Any],
    epoch_id: str | None = None,
    caller: Actor = ENGINE,
) -> Mapping[str, Any]:
    """Publish a bot's stats and keep where they are; the snapshot's row.

    stats: any JSON without floats. The same as last time is the same snapshot. Raises Refused
    `not_admin` (403) to everyone but the service, `bot_unknown` (404), `result_value_malformed`.
    """
    async with database.as_worker(caller) as conn:
        await conn.execute("select agon.require_service()")
        bot = await conn.fetchrow(
            """
            select id::text, slug, chain_id, contract_address, token_id::text
            from agon.show_bot_identity($1)
            """,
            slug,
        )
        data = canonical(
            {
                "kind": "agon.bot_stats",
                "version": VERSION,
                "bot": dict(bot),
                "epoch_id": epoch_id,
                "stats": stats,
            }
        )
        root = await asyncio.to_thread(files.folder, runtime)
        cid = await publishing.publish(conn, root, data, forms.JSON)
        return await conn.fetchval(
            "select to_jsonb(agon.keep_snapshot($1, $2::text::uuid, $3, $4))",
            slug,
            epoch_id,
            cid,
            hashlib.sha256(data).hexdigest(),
        )
