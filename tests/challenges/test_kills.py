"""Workers and Postgres are killed while evidence comes in: each participant has one verdict."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from agon.challenges import challenges, evidence
from agon.challenges.records import Source
from agon.commons.content import files
from agon.kernel import clock, database
from agon.kernel.database import ENGINE
from tests import killing
from tests.challenges.drafts import DRAFT, RULE
from tests.places import wallet

SETTLED_S_MAX = 150
SUBMITTERS = 4
PAUSE_S = 0.25
"""Between two submissions of one submitter, so that the kills have time to fall."""


def _document(index: int) -> bytes:
    start_s = 1_793_100_000 + index
    entry = {
        "sport": "run", "distance_m": 5_000 + index,
        "start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start_s)),
        "end": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start_s + 3600)),
    }  # fmt: skip
    return json.dumps({"activities": [entry]}).encode()


async def _submit(desk: evidence.Desk, challenge: int, index: int) -> None:
    with files.arriving(desk.folder) as path:
        path.write_bytes(_document(index))
        upload = evidence.Upload(
            challenge_id=challenge, subject=wallet(f"runner {index}"), path=path,
            source=Source(provider="manual"), received_ms=clock.now_ms(),
        )  # fmt: skip
        await evidence.receive(desk, ENGINE, upload)


async def _settled(url: str, wanted: int) -> dict[str, int]:
    """Counts once nothing waits any more, or time is up."""
    until = time.monotonic() + SETTLED_S_MAX
    while True:
        conn = await database.connect(url)
        row = await conn.fetchrow(
            """
            select (select count(*) from agon.pgqueuer) as jobs,
              (select count(*) from public.evidence) as evidence,
              (select count(*) from public.participants) as participants,
              (select count(*) from public.verdicts) as verdicts,
              (select count(distinct subject) from public.verdicts) as subjects
            """
        )
        await conn.close()
        if (row["jobs"] == 0 and row["verdicts"] == wanted) or time.monotonic() > until:
            return dict(row)
        await asyncio.sleep(0.5)


async def _run(submissions: int, seed: int) -> tuple[dict[str, int], list[str]]:
    async with killing.victims() as doomed, doomed.process.database() as pools:
        desk = evidence.Desk(database=pools, folder=files.folder(doomed.process))
        rule = {**RULE, "manual": "allow", "target": 1}
        async with pools.as_worker() as conn:
            draft = {**DRAFT, "proof": {"params": {"rule": rule}}}
            row = await challenges.create(conn, wallet("ada"), draft, approve=True)
        stop = asyncio.Event()
        ghost = asyncio.create_task(killing.haunt(doomed, seed, stop))
        waiting = iter(range(submissions))

        async def submitter() -> None:
            for index in waiting:
                await killing.insist(
                    lambda index=index: _submit(desk, row["id"], index),
                    done=["evidence_counted_already"],
                )
                await asyncio.sleep(PAUSE_S)

        await asyncio.gather(*(submitter() for _ in range(SUBMITTERS)))
        stop.set()
        await ghost
        counts = await _settled(doomed.process.urls["agon_owner"], submissions)
        return counts, doomed.killed


def _check(counts: dict[str, int], submissions: int) -> None:
    assert counts == {
        "jobs": 0, "evidence": submissions, "participants": submissions,
        "verdicts": submissions, "subjects": submissions,
    }  # fmt: skip


@pytest.mark.skipif("os.environ.get('AGON_TEST_PG_BIN')", reason="kills the embedded server")
async def test_a_few_kills_lose_and_double_nothing():
    counts, killed = await _run(40, seed=1)
    _check(counts, 40)
    assert killed


@pytest.mark.prove
async def test_500_submissions_survive_kills_of_workers_and_postgres():
    counts, killed = await _run(500, seed=2)
    print(f"\n{len(killed)} kills: {killed.count('worker')} of workers, "
          f"{killed.count('postgres')} of Postgres; {counts}")  # fmt: skip
    _check(counts, 500)
    assert killed.count("worker") >= 3
    assert killed.count("postgres") >= 3
