"""The demonstration of a day: what it tells adds up, and it leaves nothing behind."""

from __future__ import annotations

import io
import re

from rich.console import Console

from agon.epochs import demo
from agon.kernel.stage import Stage
from tests.places import Place


async def test_a_day_is_played_apart_and_its_table_adds_up(place: Place, monkeypatch):
    monkeypatch.setattr(demo, "TICKS", 30)
    page = io.StringIO()
    console = Console(file=page, width=140)
    await demo.play(Stage(runtime=place.runtime, database=place.database, console=console))
    rows = [line.split() for line in page.getvalue().splitlines()]
    listed = [row for row in rows if row and row[0].startswith("bot_")]
    listed += [row[1:] for row in rows if row[1:2] == ["others"]]
    total = next(row for row in rows if row and row[0] == "total")
    assert len(listed) == demo.SHOWN_BOTS + 1
    assert sum(int(row[-1]) for row in listed) == int(total[-1]) == 10**18
    assert sum(int(row[-2]) for row in listed) == int(total[-2]) == 10_000
    assert page.getvalue().count("same") == 1 and "differs" not in page.getvalue()
    tried, accepted, votes = map(
        int, re.findall(r"(\d+) (?:claims|accepted|votes)", page.getvalue())
    )
    assert tried == 300 and 0 < accepted < tried and votes == 240
    assert await place.owner.fetchval("select count(*) from public.epochs") == 0
