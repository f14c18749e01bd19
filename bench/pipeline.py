"""Evidence rows per second from HTTP intake to verdict, with one server and one worker.

And how long the server takes from its start to the first answer. Usage: pipeline.py OUT.json
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from agon.challenges import challenges
from agon.commons.people import wallets
from agon.kernel import clock, commands, database, embedded, jwt, runtime
from agon.systems import SYSTEMS
from bench.machine import save

ROWS = 1500
CLIENTS = 8
PORT = 8765
START_S_MAX = 30
JUDGED_S_MAX = 120
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


async def measure_rows(home: Path, at: runtime.Runtime) -> dict[str, Any]:
    """Submit ROWS small documents by CLIENTS clients; until each has its verdict."""
    people = [f"0x{index:040x}" for index in range(1, ROWS + 1)]
    key = at.jwt_keys[0]
    async with at.database() as pools, pools.as_worker() as conn:
        draft = {
            "title": "Bench", "model_id": "agon.fitness@1", "proof": {"params": {"rule": RULE}},
        }  # fmt: skip
        challenge = (await challenges.create(conn, people[0], draft, approve=True))["id"]
        for person in people:
            await wallets.link(conn, wallets.local_user(person), person)
    tokens = {
        person: jwt.mint(
            {"role": "authenticated", "sub": wallets.local_user(person)}, key, clock.now_s(), 3600
        )
        for person in people
    }
    waiting = iter(enumerate(people))
    with process(home, "serve", "--no-work"), process(home, "work"):
        await answers("/readyz")
        await asyncio.sleep(2)
        started = time.perf_counter()

        async def client() -> None:
            async with aiohttp.ClientSession() as http:
                for index, person in waiting:
                    await _submit(http, challenge, index, person, tokens[person])

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        taken_in = time.perf_counter() - started
        await _judged(at.urls["agon_owner"], challenge)
        judged = time.perf_counter() - started
    return {
        "rows": ROWS,
        "clients": CLIENTS,
        "intake_rows_per_s": round(ROWS / taken_in, 1),
        "intake_to_verdict_rows_per_s": round(ROWS / judged, 1),
        "share_of_aim_300": round(ROWS / judged / 300, 2),
    }


async def _submit(
    http: aiohttp.ClientSession, challenge: int, index: int, person: str, token: str
) -> None:
    start_s = 1_793_000_000 + index
    stamps = [
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
        for second in (start_s, start_s + 3600)
    ]
    entry = {"sport": "run", "distance_m": 9000, "start": stamps[0], "end": stamps[1]}
    body = {
        "challenge_id": challenge, "subject": person, "provider": "manual",
        "data": {"activities": [entry]},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}
    async with http.post(URL + "/api/aivm/intake", json=body, headers=headers) as answer:
        assert answer.status == 201, await answer.text()


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
        save(out, figures)
        print(figures)
    finally:
        embedded.stop(home)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
