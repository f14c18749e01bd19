"""The data door over HTTP: requests per second as shares of pgbench's.

`agon serve` answers what supabase-js would send for a signed-in user, under row level security;
wrk asks. Beside it, in turns and on the same database, pgbench calls one function that does the
same (see `doors_ceiling`). Two more lines have no Postgres in them: uvicorn alone, and the door's
answer to OPTIONS. Usage: doors.py OUT.json
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from agon.kernel import clock, embedded, jwt, runtime
from agon.kernel.embedded_account import program
from agon.kernel.errors import Refused
from agon.systems import SYSTEMS
from bench import doors_servers
from bench.doors_ceiling import CLIENTS, ROUND_S, ROUNDS, prepare
from bench.doors_peer import pgbench
from bench.doors_requests import NODE, OPTIONS, REQUESTS, WRK, Sent, script_of, wrk
from bench.doors_servers import Process
from bench.doors_tables import CASES, READER
from bench.machine import save

TOKEN_S = 3600

Turn = tuple[float, float, float]
"""Requests per second, the 99th percentile in ms, the server's processor time in µs a request."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """url: where pgbench connects; headers: who asks."""

    url: str
    folder: Path
    headers: dict[str, str]

    async def http(self, at: Process, name: str, sent: Sent, clients: int) -> Turn:
        """One turn of wrk."""
        script = self.folder / f"{name}.lua"
        script.write_text(script_of(sent, self.headers))
        before_s = at.cpu_s()
        load = await wrk(script, at.url, clients=clients, round_s=ROUND_S)
        cpu_us = (at.cpu_s() - before_s) * 1e6 / load.requests
        return load.per_s, load.p99_us / 1000, cpu_us

    async def try_all(self, at: Process) -> None:
        """Each request once: what is measured is an answer, not a refusal."""
        async with aiohttp.ClientSession(headers={**NODE, **self.headers}) as http:
            for name, sent in REQUESTS.items():
                async with http.request(
                    sent.method, at.url + sent.example, headers=sent.headers, data=sent.example_body
                ) as answer:
                    body = await answer.read()
                    if answer.status not in (200, 201) or body == b"[]":
                        raise RuntimeError(f"{name}: {answer.status} {body!r}")


async def measure(bench: Bench, at: Process) -> list[dict[str, Any]]:
    """Each case with each number of clients; the lines take turns, and the median counts."""
    figures = []
    for case in CASES:
        for clients in CLIENTS:
            ours, peers = [], []
            for _ in range(ROUNDS):
                ours.append(await bench.http(at, case.name, REQUESTS[case.name], clients))
                peers.append(
                    await pgbench(
                        case, clients, url=bench.url, folder=bench.folder, round_s=ROUND_S
                    )
                )
            figures.append(told(case.name, clients, ours, peers))
            print(figures[-1], flush=True)
    return figures


async def measure_nothing(bench: Bench, at: Process) -> list[dict[str, Any]]:
    """The same without Postgres: uvicorn alone, and the door."""
    figures = []
    async with doors_servers.nothing() as bare:
        lines = {"uvicorn_alone": (bare, REQUESTS["by_key"]), "door_alone": (at, OPTIONS)}
        for clients in CLIENTS:
            for name, (server, sent) in lines.items():
                turns = [await bench.http(server, name, sent, clients) for _ in range(ROUNDS)]
                figures.append(told(name, clients, turns, []))
                print(figures[-1], flush=True)
    return figures


def told(
    name: str, clients: int, ours: list[Turn], peers: list[tuple[float, float]]
) -> dict[str, Any]:
    """One row of the result: medians, and the share of pgbench's."""
    per_s, p99_ms, cpu_us = map(statistics.median, zip(*ours, strict=True))
    row: dict[str, Any] = {
        "case": name,
        "clients": clients,
        "requests_per_s": {"http": round(per_s)},
        "p99_ms": {"http": round(p99_ms, 2)},
        "server_cpu_us": round(cpu_us),
    }
    if peers:
        peer_per_s, peer_ms = map(statistics.median, zip(*peers, strict=True))
        row["requests_per_s"]["pgbench"] = round(peer_per_s)
        row["p99_ms"]["pgbench"] = round(peer_ms, 2)
        row["share_of_pgbench"] = round(per_s / peer_per_s, 2)
    return row


def headers_of(at: runtime.Runtime) -> dict[str, str]:
    """The publishable key, and the access token of who asks."""
    claims = {"sub": READER, "role": "authenticated", "aud": "authenticated"}
    token = jwt.mint(claims, at.jwt_keys[0], clock.now_s(), TOKEN_S)
    return {"apikey": at.api_keys.publishable, "authorization": f"Bearer {token}"}


async def main(out: Path) -> None:
    """Measure on a home of its own and write the figures."""
    folder = Path(tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp"))
    os.chmod(folder, 0o711)
    home = folder / "home"
    try:
        at = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(home)}, folder=folder)
        await prepare(at)
        bench = Bench(url=at.urls["agon_web"], folder=folder, headers=headers_of(at))
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(doors_servers.agon(home))
            await bench.try_all(server)
            figures = {
                "connections_of_the_door": at.settings["rest_connections"],
                "rows": await measure(bench, server),
                "without_postgres": await measure_nothing(bench, server),
            }
        save(out, figures)
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


def missing() -> str | None:
    """What is not installed, of what this needs."""
    if shutil.which(WRK) is None:
        return "there is no wrk to ask with (Debian's package wrk)"
    try:
        program("pgbench")
    except Refused as refused:
        return f"there is no pgbench to compare with: {refused}"
    return None


if __name__ == "__main__":
    if why := missing():
        print(f"doors: skipped, since {why}")
    else:
        uvloop.run(main(Path(sys.argv[1])))
