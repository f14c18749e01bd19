"""Webhooks as the tests meet them: acme's, at a sink on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from agon.commons.organisations import webhook_sending, webhooks
from agon.commons.organisations.webhook_sending import Desk
from agon.kernel import keys, outbound
from agon.kernel.jobs import Work
from tests.organisations.walks import SLUG, acme, as_
from tests.places import Place
from tests.standins.webhook_sink import Sink

WEBHOOKS = f"/api/org/{SLUG}/webhooks"
WAIT_S_MAX = 20
POLL_S = 0.01


async def ready(place: Place) -> str:
    """Acme, where a worker has published its key. Returns its id."""
    org = await acme(place)
    async with place.database.as_worker() as conn:
        await keys.publish_sealing_key(conn, place.runtime.sealing_keys)
    return org


@asynccontextmanager
async def calling(*sinks: Sink, names: Any = None) -> AsyncIterator[outbound.Client]:
    """The client for strangers, with leave to call these sinks."""
    exempt = frozenset(sink.standin.address for sink in sinks)
    async with outbound.client(outbound.Settings(exempt=exempt), names=names) as client:
        yield client


async def hook(place: Place, sink: Sink, path: str, *events: str, slug: str = SLUG) -> Any:
    """A new webhook at a path of the sink, for all events if none is named: with its secret."""
    draft = {"url": sink.url(path), "events": events or ["*"]}
    async with calling(sink) as client, place.database.as_worker(place.actor("ada")) as conn:
        return await webhooks.create(conn, client, slug, draft)


async def emit(place: Place, org: str, *wallets: str, topic: str = "member.added") -> None:
    """Events of an organisation, each in a transaction of its own."""
    for wallet in wallets:
        payload = {"org_id": org, "wallet": wallet}
        await place.owner.execute("select agon.emit($1, $2, $3)", topic, org, payload)


@asynccontextmanager
async def working(
    place: Place, *sinks: Sink, names: Any = None, **limits: Any
) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that sends webhooks, for the length of the block."""
    stop = asyncio.Event()
    work = Work(database=place.database, runtime=place.runtime)
    async with calling(*sinks, names=names) as client:
        desk = Desk(work=work, client=client, **{"poll_s": 0.02} | limits)
        task = asyncio.create_task(webhook_sending.send_all(desk, stop))
        try:
            yield task
        finally:
            stop.set()
            await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def until(place: Place, webhook: Any, wanted: Any) -> list[dict[str, Any]]:
    """A webhook's deliveries, the oldest first, once `wanted` holds of them."""
    async with asyncio.timeout(WAIT_S_MAX):
        while True:
            rows = await told_of(place, webhook)
            if wanted(rows):
                return rows
            await asyncio.sleep(POLL_S)


async def told_of(place: Place, webhook: Any) -> list[dict[str, Any]]:
    """A webhook's deliveries, the oldest first."""
    rows = await place.owner.fetch(
        "select agon.show_delivery(d) as d from webhook_deliveries d where webhook_id = $1 "
        "order by seq",
        webhook["id"],
    )
    return [row["d"] for row in rows]


async def until_failed(place: Place, webhook: Any, count: int) -> None:
    """Wait until so many attempts in a row have failed, and were noted."""
    failed = "select failures from agon.webhook_turns where webhook_id = $1"
    async with asyncio.timeout(WAIT_S_MAX):
        while True:
            if await place.owner.fetchval(failed, webhook["id"]) >= count:
                return
            await asyncio.sleep(POLL_S)


def all_delivered(count: int) -> Any:
    """Whether so many are, and nothing waits."""
    return lambda rows: [row["state"] for row in rows] == ["delivered"] * count


async def see(api: httpx.AsyncClient, place: Place, webhook: Any, by: str = "ada") -> Any:
    """The webhook, as its organisation sees it."""
    listed = (await api.get(WEBHOOKS, headers=as_(place, by))).json()
    return next(row for row in listed if row["id"] == webhook["id"])


async def turn_clock(place: Place, **ahead: float) -> None:
    """Everything that waits may be sent again; the signatures are of the true time."""
    await place.owner.execute("delete from agon.clock")
    await place.owner.execute(
        "insert into agon.clock (reads_at) select now() + make_interval(secs => $1)",
        ahead.get("seconds", 0) + 3600 * ahead.get("hours", 0),
    )
