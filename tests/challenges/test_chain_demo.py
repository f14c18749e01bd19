"""The demonstration on a chain: what it tells, and when it leaves itself out."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from agon.challenges import chain_demo
from agon.commons.chain import local_chain
from agon.kernel.errors import Refused
from agon.kernel.stage import Stage
from tests.places import Place
from tests.standins import anvil


async def told(place: Place, **settings: str) -> str:
    """What it prints."""
    values = {**place.runtime.settings.values, **settings}
    runtime = replace(place.runtime, settings=replace(place.runtime.settings, values=values))
    page = io.StringIO()
    console = Console(file=page, width=120)
    await chain_demo.play(Stage(runtime=runtime, database=place.database, console=console))
    return page.getvalue()


async def test_what_was_paid_in_is_paid_out_and_nothing_stays(place, monkeypatch):
    binary = anvil.program("anvil")
    monkeypatch.setattr(local_chain, "program", lambda _folder: binary)
    page = await told(place)
    assert page.count("same") == 8 and "differs" not in page
    assert "paid in: 12" in page
    assert await place.owner.fetchval("select count(*) from agon.chains") == 0


async def test_without_node_it_says_so(place, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    page = await told(place)
    assert page.startswith("On a chain: Left out: There is no anvil here")
    assert "node and npm not installed" in page.replace("\n", " ")


async def test_a_chain_of_the_operators_is_left_alone(place):
    assert "leaves that chain alone" in await told(place, rpc_url="http://127.0.0.1:9")


def test_where_npm_has_none_there_is_none(tmp_path, monkeypatch):
    for name, script in (("node", "exit 0"), ("npm", "echo no such package >&2; exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Refused) as refused:
        local_chain.program(tmp_path / "tools")
    assert refused.value.refusal.code == "local_chain_missing"
    assert "no such package" in (refused.value.refusal.details or "")


async def test_an_anvil_that_ends_at_once_is_told(tmp_path):
    program = tmp_path / "anvil"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(Refused) as refused:
        async with local_chain.running(program):
            pass
    assert refused.value.refusal.code == "local_chain_not_started"
