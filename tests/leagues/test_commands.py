"""`agon competition …`: what an operator does, and the bracket in the terminal."""

from __future__ import annotations

import asyncio
import json

import pytest

from agon import cli
from agon.kernel import commands
from tests.leagues import contests
from tests.places import wallet


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)


async def said(capsys, *words: str, code: int = 0) -> str:
    """What it prints; in a thread, since it runs a loop of its own."""
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, ["competition", *words])
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    return (printed.out + printed.err).strip()


async def test_an_operator_holds_a_competition(place, capsys):
    contest = await contests.drafted(place, settings={"disputes": {"window_s": 600}})
    number = str(contest.id)
    assert "draft" in await said(capsys, "list", "--org", "acme")
    assert await said(capsys, "open", number) == "The Cup is open."
    for n in range(1, 5):
        await place.own(f"p{n}")
        await contest.register(f"p{n}")
    await place.owner.execute(
        "insert into user_profiles (wallet, display_name) values ($1, 'Pia')", wallet("p1")
    )
    assert "4 registered, 0 waiting" in await said(capsys, "show", number)
    assert await said(capsys, "start", number) == "It is active."
    shown = await said(capsys, "show", number)
    assert "w.2.1" in shown and "Pia" in shown and "├─" in shown
    result = '{"scores": [[2, 1]]}'
    answer = await said(capsys, "report", number, "w.1.1", result)
    assert answer == f"w.1.1 is completed; the winner is {wallet('p1')}."
    assert "not JSON" in await said(capsys, "report", number, "w.1.2", "{", code=3)
    assert "decided" in await said(
        capsys, "report", number, "w.1.1", '{"scores": [[2, 1]]}', code=3
    )
    filed = await contest.dispute("p4", "w.1.1")
    ended = await said(
        capsys, "resolve", number, filed["id"], "overturned", "--note", "We saw it.",
        "--result", '{"scores": [[0, 1]]}',
    )  # fmt: skip
    assert ended == "The dispute is resolved: overturned."
    undone = await said(capsys, "undo", number, "w.1.1", "--reason", "Wrong", "--yes")
    assert json.loads(undone.splitlines()[0])["match"] == "w.1.1"
    out = await said(capsys, "disqualify", number, wallet("p3"), "--reason", "Cheated")
    assert out == f"{wallet('p3')} is out."
    data = json.loads(await said(capsys, "show", number, "--json"))
    assert (data["status"], data["registered"]) == ("active", 3)
    await contest.hold()
    assert await said(capsys, "cancel", number) == "The Cup is canceled."
    assert "no such competition" in await said(
        capsys, "show", "00000000-0000-4000-8000-000000000000", code=3
    )
