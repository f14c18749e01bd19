"""`agon chain cancel-terminal-jobs` and `retry`, commands of this system in another's group."""

from __future__ import annotations

import asyncio

import pytest

from agon import cli
from agon.kernel import commands
from tests.challenges.stories import finalized
from tests.challenges.test_chain_jobs import dispatch, infer, job, ready

CANCEL = ("chain", "cancel-terminal-jobs")
RETRY = ("chain", "retry", "2")


@pytest.fixture(autouse=True)
def _here(place, monkeypatch):
    monkeypatch.setattr(commands, "begin", lambda: place.runtime)


async def said(capsys, *words: str) -> str:
    """What it prints; in a thread, since it runs a loop of its own."""
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, list(words))
    assert ended.value.code == 0
    return capsys.readouterr().out.strip()


async def test_jobs_of_challenges_that_are_over_are_canceled_once(place, api, capsys):
    story = await ready(place, api, "bob")
    await dispatch(place)
    assert await said(capsys, *CANCEL) == "0 jobs canceled"
    await story.mine(finalized(1))
    assert await said(capsys, *CANCEL) == "1 jobs canceled"
    assert (await job(place))["status"] == "canceled"
    assert await said(capsys, *CANCEL) == "0 jobs canceled"


async def test_what_was_given_up_goes_on(place, api, capsys):
    await ready(place, api, "bob", missing=("AIVM",))
    assert await said(capsys, *RETRY) == "Nothing was given up."
    await dispatch(place)
    for _ in range(5):
        await infer(place)
    assert await said(capsys, *RETRY) == "inference: tried again"
    assert (await job(place))["status"] == "queued"
