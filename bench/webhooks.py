"""Webhooks a minute to a sink on this machine, where one endpoint in ten fails.

drain: a heap of events that wait, beside a bare loop of unsigned posts to the same sink in the same
run; paced: 10,000 deliveries a minute to the endpoints that work, and how late they come.
Usage: webhooks.py OUT.json [seconds of the paced part]
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from aiohttp import web

from agon.commons.organisations import webhook_sending, webhooks
from agon.kernel import commands, database, embedded, keys, outbound, runtime
from agon.kernel.database import Conn, Database
from agon.kernel.jobs import Work
from agon.systems import SYSTEMS
from bench.machine import save

ORGS = 10
ENDPOINTS = 10
"""Of each organisation; the last one fails."""
HEAP = 500
"""Events that wait in the drain."""
PER_MINUTE = 10_000
PACED_S = 60
BARE_POSTS = 5000
CLIENTS = webhook_sending.PROMPT_MAX + webhook_sending.SLOW_MAX
POLL_S = 0.02
WAIT_S_MAX = 300
MAKE_ORG = """
insert into public.organizations (name, slug, owner_wallet)
values ('Org', 'org-' || $1::int, '0x' || lpad($1::int::text, 40, '0')) returning id::text
"""


class Sink:
    """Counts what it is told: /ok/… is taken, /bad/… is not. late_ms: of each, since its event."""

    def __init__(self) -> None:
        self.taken = 0
        self.late_ms: list[float] = []

    async def take(self, request: web.Request) -> web.Response:
        self.taken += 1
        happened = json.loads(await request.read()).get("timestamp")
        if happened:
            at = datetime.fromisoformat(happened).timestamp()
            self.late_ms.append(1000 * (time.time() - at))
        return web.Response()

    async def refuse(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=500)

    async def count(self, _request: web.Request) -> web.Response:
        return web.Response(text=str(self.taken))

    async def told(self, _request: web.Request) -> web.Response:
        """The figures, from zero again."""
        late, taken = sorted(self.late_ms), self.taken
        self.taken, self.late_ms = 0, []
        shares = {f"p{n}": round(late[len(late) * n // 100]) for n in (50, 99)} if late else {}
        return web.json_response({"taken": taken, "late_ms": shares})


async def serve_sink(port: int) -> None:
    """The sink, as a process of its own, until it is ended."""
    sink, app = Sink(), web.Application()
    app.router.add_post("/ok/{name}", sink.take)
    app.router.add_post("/bad/{name}", sink.refuse)
    app.router.add_get("/told", sink.told)
    app.router.add_get("/taken", sink.count)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


@asynccontextmanager
async def sink_process(http: aiohttp.ClientSession, port: int) -> AsyncIterator[str]:
    """Its URL, for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.webhooks", "--sink", str(port)
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await until_taken(http, url, 0)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def until_taken(http: aiohttp.ClientSession, url: str, count: int) -> None:
    """Wait until the sink runs and took so many since it was asked for its figures."""
    async with asyncio.timeout(WAIT_S_MAX):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectorError):
                async with http.get(f"{url}/taken") as answer:
                    if int(await answer.text()) >= count:
                        return
            await asyncio.sleep(POLL_S)


async def figures(http: aiohttp.ClientSession, url: str, count: int) -> dict[str, Any]:
    """What the sink says, once it took so many."""
    await until_taken(http, url, count)
    async with http.get(f"{url}/told") as answer:
        return await answer.json()


async def bare(url: str) -> float:
    """Posts per second of as many clients, without a database, a signature or a check."""
    body, left = json.dumps({"type": "bare", "data": {"org_id": "x" * 36}}), iter(range(BARE_POSTS))
    async with aiohttp.ClientSession() as http:
        started = time.perf_counter()

        async def client() -> None:
            for number in left:
                async with http.post(f"{url}/ok/{number % 100}", data=body) as answer:
                    await answer.read()

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return BARE_POSTS / (time.perf_counter() - started)


async def prepare(
    owner: Conn, pools: Database, at: runtime.Runtime, client: outbound.Client, url: str
) -> list[str]:
    """Organisations with their webhooks. Returns the organisations' ids."""
    orgs = [await owner.fetchval(MAKE_ORG, number) for number in range(ORGS)]
    async with pools.as_worker() as conn:
        await keys.publish_sealing_key(conn, at.sealing_keys)
        for org in range(ORGS):
            for number in range(ENDPOINTS):
                kind = "bad" if number == ENDPOINTS - 1 else "ok"
                draft = {"url": f"{url}/{kind}/{org}-{number}", "events": ["*"]}
                await webhooks.create(conn, client, f"org-{org}", draft)
    return orgs


async def emit(owner: Conn, org: str) -> None:
    """One event, which each of the organisation's webhooks is told of."""
    payload = {"org_id": org, "wallet": "0x" + "0" * 40, "role": "member"}
    await owner.execute("select agon.emit('member.added', $1, $2)", org, payload)


async def pace(owner: Conn, orgs: list[str], seconds: int) -> int:
    """Events at the pace at which PER_MINUTE deliveries are taken. Returns how many these are."""
    count = PER_MINUTE * seconds // 60 // (ENDPOINTS - 1)
    started = time.perf_counter()
    for number in range(count):
        ahead = started + number * seconds / count - time.perf_counter()
        await asyncio.sleep(max(0.0, ahead))
        await emit(owner, orgs[number % ORGS])
    return count * (ENDPOINTS - 1)


async def measure(at: runtime.Runtime, seconds: int, port: int) -> dict[str, Any]:
    """The bare loop, the drain, and the paced part."""
    owner = await database.connect(at.urls["agon_owner"])
    settings = outbound.Settings(exempt=frozenset({("127.0.0.1", port)}))
    async with (
        aiohttp.ClientSession() as http,
        sink_process(http, port) as url,
        outbound.client(settings) as client,
        at.database() as pools,
    ):
        orgs = await prepare(owner, pools, at, client, url)
        posts = await bare(url)
        await figures(http, url, BARE_POSTS)
        for number in range(HEAP):
            await emit(owner, orgs[number % ORGS])
        desk = webhook_sending.Desk(work=Work(database=pools, runtime=at), client=client)
        stop, started = asyncio.Event(), time.perf_counter()
        worker = asyncio.create_task(webhook_sending.send_all(desk, stop))
        count = HEAP * (ENDPOINTS - 1)
        await figures(http, url, count)
        drained = count / (time.perf_counter() - started)
        print(f"drain {drained:.0f}/s beside {posts:.0f}/s", flush=True)
        count = await pace(owner, orgs, seconds)
        paced = await figures(http, url, count)
        stop.set()
        await worker
    await owner.close()
    return {
        "endpoints": ORGS * ENDPOINTS,
        "drain": {
            "webhooks_per_min": round(60 * drained),
            "bare_posts_per_min": round(60 * posts),
            "share_of_bare": round(drained / posts, 2),
        },
        "paced": {"webhooks_per_min": PER_MINUTE, "seconds": seconds, **paced},
    }


async def main(out: Path, seconds: int) -> None:
    """Measure on a home of its own and write the figures."""
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    home = folder / "home"
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    try:
        at = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(home)}, folder=folder)
        await commands.migrate_all(at)
        found = await measure(at, seconds, port)
        print(found, flush=True)
        save(out, found)
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1] == "--sink":
        uvloop.run(serve_sink(int(sys.argv[2])))
    else:
        uvloop.run(main(Path(sys.argv[1]), int((sys.argv[2:] or [PACED_S])[0])))
