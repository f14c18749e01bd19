"""Evidence rows per second from intake to verdict with one worker, in process and over HTTP.

And how long the server takes from its start to the first answer. Usage: pipeline.py OUT.json
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from agon.challenges import challenges, evidence
from agon.challenges.records import Source
from agon.commons.content import files
from agon.commons.people import wallets
from agon.kernel import clock, commands, database, embedded, jwt, runtime
from agon.kernel.database import Actor
from agon.systems import SYSTEMS
from bench.machine import save

ROWS = 1500
CLIENTS = 8
PORT = 8765
START_S_MAX = 30
JUDGED_S_MAX = 120
WORKER_STARTS_S = 3
URL = f"http://127.0.0.1:{PORT}"
RULE = {
    "version": 1, "sports": ["run"], "metric": "distance", "unit": "km", "aggregate": "total",
    "compare": ">=", "target": 5, "manual": "allow",
}  # fmt: skip


@contextmanager
def process(home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """An `agon` process on this home."""
    environ = {
        **os.environ, "AGON_HOME": str(home), "AGON_PORT": str(PORT), "AGON_LOG_LEVEL": "error",
    }  # fmt: skip
    code = f"from agon.cli import main; main({list(arguments)!r})"
    child = subprocess.Popen([sys.executable, "-c", code], env=environ, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


async def answers(path: str) -> float:
    """Seconds until the server answers."""
    started = time.perf_counter()
    async with aiohttp.ClientSession() as http, asyncio.timeout(START_S_MAX):
        while True:
            try:
                async with http.get(URL + path) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - started
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)


async def measure_start(home: Path) -> dict[str, float]:
    """From the command to the first answer that took a look at the database."""
    figures = {}
    for name, stop in (("server_running_s", False), ("server_stopped_s", True)):
        if stop:
            embedded.stop(home)
        with process(home, "serve", "--no-work"):
            figures[name] = round(await answers("/readyz"), 3)
    return figures


async def prepare(at: runtime.Runtime, people: list[str]) -> int:
    """A challenge, and the people's wallets; returns the challenge's id."""
    async with at.database() as pools, pools.as_worker() as conn:
        draft = {
            "title": "Bench",
            "model_id": "agon.fitness@1",
            "proof": {"params": {"rule": RULE}},
        }
        row = await challenges.create(conn, people[0], draft, approve=True)
        for person in people:
            await wallets.link(conn, wallets.local_user(person), person)
    return row["id"]


async def clients(act: Callable[[int, str], Awaitable[None]], people: list[str]) -> None:
    """CLIENTS at a time, until each of the people has been served."""
    waiting = iter(enumerate(people))

    async def client() -> None:
        for index, person in waiting:
            await act(index, person)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def measure_rows(home: Path, at: runtime.Runtime) -> dict[str, Any]:
    """ROWS small documents handed in by one process, judged by one worker process."""
    people = [f"0x{index:040x}" for index in range(1, ROWS + 1)]
    challenge = await prepare(at, people)
    async with at.database() as pools:
        desk = evidence.Desk(database=pools, folder=files.folder(at))

        async def submit(index: int, person: str) -> None:
            with files.arriving(desk.folder) as path:
                path.write_bytes(json.dumps(document(index)).encode())
                upload = evidence.Upload(
                    challenge_id=challenge,
                    subject=person,
                    source=Source(provider="manual"),
                    path=path,
                    received_ms=clock.now_ms(),
                )
                actor = Actor(role="authenticated", claims={"sub": wallets.local_user(person)})
                await evidence.receive(desk, actor, upload)

        with process(home, "work"):
            await asyncio.sleep(WORKER_STARTS_S)
            return await timed(at, challenge, clients(submit, people))


async def measure_http(home: Path, at: runtime.Runtime) -> dict[str, Any]:
    """The same over HTTP: one server process, one worker process, CLIENTS connections."""
    people = [f"0x{index:040x}" for index in range(ROWS + 1, 2 * ROWS + 1)]
    challenge = await prepare(at, people)
    key = at.jwt_keys[0]

    async def submit(index: int, person: str) -> None:
        claims = {"role": "authenticated", "sub": wallets.local_user(person)}
        headers = {"Authorization": "Bearer " + jwt.mint(claims, key, clock.now_s(), 3600)}
        body = {
            "challenge_id": challenge,
            "subject": person,
            "provider": "manual",
            "data": document(ROWS + index),
        }
        async with http.post(URL + "/api/aivm/intake", json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()

    with process(home, "serve", "--no-work"), process(home, "work"):
        await answers("/readyz")
        await asyncio.sleep(WORKER_STARTS_S)
        async with aiohttp.ClientSession() as http:
            return await timed(at, challenge, clients(submit, people))


async def timed(at: runtime.Runtime, challenge: int, work: Awaitable[None]) -> dict[str, Any]:
    """Rows per second in, and through to the verdict."""
    started = time.perf_counter()
    await work
    taken_in = time.perf_counter() - started
    await _judged(at.urls["agon_owner"], challenge)
    judged = time.perf_counter() - started
    return {
        "rows": ROWS,
        "clients": CLIENTS,
        "taken_in_rows_per_s": round(ROWS / taken_in, 1),
        "judged_rows_per_s": round(ROWS / judged, 1),
        "share_of_aim_300": round(ROWS / judged / 300, 2),
    }


def document(index: int) -> dict[str, Any]:
    """A small document: one run, entered by hand."""
    start_s = 1_793_000_000 + index
    stamps = [
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
        for second in (start_s, start_s + 3600)
    ]
    return {
        "activities": [{"sport": "run", "distance_m": 9000, "start": stamps[0], "end": stamps[1]}]
    }


async def _judged(url: str, challenge: int) -> None:
    conn = await database.connect(url)
    statement = "select count(*) from public.verdicts where challenge_id = $1"
    async with asyncio.timeout(JUDGED_S_MAX):
        while await conn.fetchval(statement, challenge) < ROWS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await conn.close()


async def main(out: Path) -> None:
    """Measure on a home of its own and write the figures."""
    folder = tempfile.mkdtemp(prefix="agon-bench-", dir="/tmp")
    os.chmod(folder, 0o711)
    home = Path(folder) / "home"
    try:
        at = runtime.begin(SYSTEMS, environ={"AGON_HOME": str(home)}, folder=Path(folder))
        await commands.migrate_all(at)
        figures = {"start_to_first_answer": await measure_start(home)}
        figures["evidence"] = await measure_rows(home, at)
        figures["evidence_over_http"] = await measure_http(home, at)
        save(out, figures)
        print(figures)
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
