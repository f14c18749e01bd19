"""A day that was played to its end, for tests of what becomes of it."""

from __future__ import annotations

import json
from typing import Any

from agon.epochs import settlement, settling
from agon.kernel import results
from agon.kernel.jobs import Work
from tests.epochs import days
from tests.epochs.days import DAY, SETTLES, Day
from tests.places import Place

POOL = 10**18 + 7
KINDS = {("epochs.settlement", 1): settlement.KIND}


def profile(**changes: Any) -> dict[str, Any]:
    """Without caps, and with a pool that leaves something over."""
    return days.profile(**{"caps": {"bot_bps": 10_000}, "pool_wei": str(POOL)} | changes)


async def played(place: Place, config: dict[str, Any] | None = None) -> Day:
    """Three bots claimed, took and attacked slots; four wallets voted; it is in `settle`."""
    day = await days.live(place, config or profile(), "ada", "bob", "eve")
    for name in ("dan", "fay", "gus"):
        await place.own(name)
    await day.claim("ada", 0)
    await day.claim("bob", 1)
    await day.at(8)
    await day.claim("eve", 0)  # an attack: ada's hold lasts
    await day.at(40)
    await day.claim("eve", 0)
    await day.claim("bob", 2)
    await day.at(100)
    await day.claim("ada", 3)
    await day.claim("eve", 1)
    for who, target, score in (
        ("dan", "ada", "0.9"), ("fay", "ada", "0.8"), ("gus", "ada", "0.1"),
        ("dan", "bob", "0.4"), ("fay", "bob", "0.4"), ("bob", "eve", "1"),
    ):  # fmt: skip
        await day.vote(who, day.bots[target], score, kind="bot")
    await ended(day)
    return day


async def ended(day: Day) -> None:
    """Up to the moment at which it may be settled."""
    await day.at(SETTLES)
    await day.advance()


def work_of(place: Place) -> Work:
    """What a job is given."""
    return Work(database=place.database, runtime=place.runtime)


async def settle(place: Place) -> str:
    """Settle the day, as its job does."""
    return await settling.settle(work_of(place), DAY)


async def bundle_of(place: Place) -> results.Bundle:
    """The day's result, verified."""
    row = await place.owner.fetchrow(
        "select r.cid, r.bundle, r.subject from public.epochs e "
        "join agon.results r on r.cid = e.result_cid"
    )
    assert row["subject"] is None
    assert results.verify(row["bundle"], KINDS, row["cid"]).ok
    return results.Bundle(
        cid=row["cid"], data=row["bundle"], output=json.loads(row["bundle"])["output"]
    )


async def paid(place: Place) -> dict[str, int]:
    """Wei by recipient."""
    rows = await place.owner.fetch(
        "select recipient_address, sum(amount_wei)::text as wei from public.epoch_payouts "
        "group by 1"
    )
    return {row["recipient_address"]: int(row["wei"]) for row in rows}
