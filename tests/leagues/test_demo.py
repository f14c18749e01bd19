"""The demonstration of a bracket: what it tells, and that its results verify."""

from __future__ import annotations

import io

from rich.console import Console

from agon.kernel import results
from agon.kernel.stage import Stage
from agon.leagues import demo
from tests.leagues.test_competitions import KINDS


async def test_the_bracket_is_drawn_with_its_dispute_and_its_undo(place):
    told = io.StringIO()
    console = Console(file=told, width=120)
    stage = Stage(runtime=place.runtime, database=place.database, console=console)
    await demo.play(stage)
    await demo.play(stage)  # beside the one before
    shown = told.getvalue()
    for said in ("disputed it, and it was overturned", "w.2.1: its result was undone", "├─ ",
                 "Champion: ", "gf.1", "l.6.1", "w.1.8", "SHA-256"):  # fmt: skip
        assert said in shown, shown
    assert [what for what, _ in stage.results] == ["bracket result", "bracket prizes"] * 2
    for _, cid in stage.results:
        data = await place.owner.fetchval("select bundle from agon.results where cid = $1", cid)
        assert results.verify(data, KINDS, cid).ok
