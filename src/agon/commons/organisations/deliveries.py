"""What webhooks were told: listed, sent once more, forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from agon.kernel import logs
from agon.kernel.database import Conn
from agon.kernel.jobs import Work

PAGE_MAX = 100
KEPT = timedelta(days=30)
"""How long deliveries stay that wait for nothing."""

log = logs.get("agon.webhooks")


async def listed(
    conn: Conn, slug: str, webhook: UUID, before: int | None, most: int
) -> dict[str, Any]:
    """A webhook's deliveries, the newest first: {deliveries, next}. before: the next of an earlier
    answer. Raises PT403 `not_org_admin`, `scope_missing`, PT404 `webhook_unknown`."""
    return await conn.fetchval(
        "select agon.list_deliveries($1, $2, $3, $4)", slug, webhook, before, most
    )


async def redeliver(conn: Conn, slug: str, webhook: UUID, delivery: UUID) -> dict[str, Any]:
    """Send a delivery once more, with the same id. Raises as `listed`, PT404 `delivery_unknown`,
    PT409 `webhook_paused`, `too_many_redeliveries`."""
    return await conn.fetchval("select agon.redeliver($1, $2, $3)", slug, webhook, delivery)


async def ping(conn: Conn, slug: str, webhook: UUID) -> dict[str, Any]:
    """Send a `webhook.ping`, once. Raises as `redeliver`."""
    return await conn.fetchval("select agon.ping_webhook($1, $2)", slug, webhook)


async def forget(work: Work, _payload: dict[str, Any]) -> None:
    """Each night: what is old goes."""
    async with work.database.as_worker() as conn:
        count = await conn.fetchval("select agon.forget_deliveries($1)", KEPT)
    log.info("deliveries.forgotten", count=count)
