"""Webhooks of organisations over HTTP; for admins, and keys with `webhooks:read|write`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from agon.commons.organisations import bodies, deliveries, webhooks
from agon.web.handlers import ROW_ID_MAX, Caller, JsonObject, Pools, Process, SignedIn

router = APIRouter(prefix="/api/org/{slug}/webhooks", tags=["webhooks"])
events_router = APIRouter(prefix="/api/webhook-events", tags=["webhooks"])

OVERLAP_S_MAX = 2**31 - 1
"""What the database takes as seconds; it says itself how few it means."""

Row = dict[str, Any]
Before = Annotated[int | None, Query(ge=0, le=ROW_ID_MAX)]
Most = Annotated[int, Query(alias="limit", ge=1, le=deliveries.PAGE_MAX)]
Overlap = Annotated[int, Query(ge=0, le=OVERLAP_S_MAX)]


@events_router.get("")
async def list_webhook_events(caller: Caller, pools: Pools) -> list[dict[str, str]]:
    """What webhooks may subscribe to."""
    async with pools.as_caller(caller) as conn:
        return await webhooks.events(conn)


@router.get("")
async def list_webhooks(slug: str, caller: SignedIn, pools: Pools) -> list[Row]:
    """Its webhooks, without their secrets."""
    async with pools.as_worker(caller) as conn:
        return await webhooks.listed(conn, slug)


@router.post("", status_code=201, openapi_extra=bodies.WEBHOOK)
async def create_webhook(
    slug: str, caller: SignedIn, pools: Pools, process: Process, body: JsonObject
) -> Row:
    """A new webhook; its secret is shown now, and never again."""
    async with webhooks.calling(process) as client, pools.as_worker(caller) as conn:
        return await webhooks.create(conn, client, slug, body)


@router.patch("/{webhook}", openapi_extra=bodies.WEBHOOK_CHANGES)
async def update_webhook(
    slug: str, webhook: UUID, caller: SignedIn, pools: Pools, process: Process, body: JsonObject
) -> Row:
    """Another url, other events, pause (`active: false`) or resume."""
    async with webhooks.calling(process) as client, pools.as_worker(caller) as conn:
        return await webhooks.update(conn, client, slug, webhook, body)


@router.delete("/{webhook}")
async def delete_webhook(
    slug: str, webhook: UUID, caller: SignedIn, pools: Pools
) -> dict[str, bool]:
    """End a webhook, with what is kept of its deliveries."""
    async with pools.as_worker(caller) as conn:
        return {"deleted": await webhooks.delete(conn, slug, webhook)}


@router.post("/{webhook}/rotate")
async def rotate_secret(
    slug: str,
    webhook: UUID,
    caller: SignedIn,
    pools: Pools,
    overlap_s: Overlap = webhooks.OVERLAP_S,
) -> Row:
    """Another secret, shown now and never again; for overlap_s the one before signs, too."""
    async with pools.as_worker(caller) as conn:
        return await webhooks.rotate(conn, slug, webhook, overlap_s)


@router.post("/{webhook}/resume")
async def resume_webhook(
    slug: str, webhook: UUID, caller: SignedIn, pools: Pools, skip: str = "none"
) -> Row:
    """Go on where it stopped, or retry at once. skip: `one` leaves out the delivery that waits,
    `all` everything until now."""
    async with pools.as_worker(caller) as conn:
        return await webhooks.resume(conn, slug, webhook, skip)


@router.post("/{webhook}/ping", status_code=202)
async def ping_webhook(slug: str, webhook: UUID, caller: SignedIn, pools: Pools) -> Row:
    """Send a `webhook.ping`, once; what came of it stands in the deliveries."""
    async with pools.as_worker(caller) as conn:
        return await deliveries.ping(conn, slug, webhook)


@router.get("/{webhook}/deliveries")
async def list_deliveries(
    slug: str,
    webhook: UUID,
    caller: SignedIn,
    pools: Pools,
    before: Before = None,
    most: Most = 20,
) -> Row:
    """What it was told, the newest first; `before` takes the last answer's `next`."""
    async with pools.as_worker(caller) as conn:
        return await deliveries.listed(conn, slug, webhook, before, most)


@router.post("/{webhook}/deliveries/{delivery}/redeliver", status_code=202)
async def redeliver(
    slug: str, webhook: UUID, delivery: UUID, caller: SignedIn, pools: Pools
) -> Row:
    """Send a delivery once more, with the same id."""
    async with pools.as_worker(caller) as conn:
        return await deliveries.redeliver(conn, slug, webhook, delivery)
