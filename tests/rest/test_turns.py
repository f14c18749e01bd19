"""Turns: one caller has a few at once, his others wait in line, and nobody else notices."""

from __future__ import annotations

import asyncio

import pytest

from agon.rest import turns
from agon.rest.turns import Later, Turns


async def stopped(task: asyncio.Task) -> None:
    task.cancel()
    await asyncio.wait([task])


async def waiting(counter: Turns, name: str = "ada") -> asyncio.Task:
    """One who has come and waits."""
    task = asyncio.create_task(counter.wait(name))
    await asyncio.sleep(0)
    assert not task.done()
    return task


def is_empty(counter: Turns) -> bool:
    return not counter._taken and not counter._waiting


async def test_a_caller_has_so_many_turns_and_another_his_own():
    counter = Turns(2)
    assert [counter.take("ada") for _ in range(3)] == [True, True, False]
    assert counter.take("bob")
    counter.give("ada")
    assert counter.take("ada")
    for name in ("ada", "ada", "bob"):
        counter.give(name)
    assert is_empty(counter)


async def test_who_waits_longest_is_next_and_nobody_overtakes():
    counter = Turns(1)
    counter.take("ada")
    first, second = await waiting(counter), await waiting(counter)
    counter.give("ada")
    assert not counter.take("ada")
    await first
    assert not second.done()
    counter.give("ada")
    await second
    counter.give("ada")
    assert is_empty(counter)


async def test_who_goes_away_while_waiting_leaves_no_gap():
    counter = Turns(1)
    counter.take("ada")
    first, second = await waiting(counter), await waiting(counter)
    await stopped(first)
    counter.give("ada")
    await second
    counter.give("ada")
    assert is_empty(counter)


async def test_who_goes_away_when_his_turn_has_come_passes_it_on():
    counter = Turns(1)
    counter.take("ada")
    first, second = await waiting(counter), await waiting(counter)
    counter.give("ada")
    await stopped(first)
    await second
    counter.give("ada")
    assert is_empty(counter)


async def test_the_line_has_an_end(monkeypatch):
    monkeypatch.setattr(turns, "WAITING_MAX", 2)
    counter = Turns(1)
    counter.take("ada")
    line = [await waiting(counter) for _ in range(2)]
    with pytest.raises(Later) as caught:
        await counter.wait("ada")
    assert (caught.value.refusal.code, caught.value.refusal.status) == ("too_many_at_once", 429)
    assert caught.value.after == "1"
    await stopped(line[0])
    line.append(await waiting(counter))
    for task in line:
        await stopped(task)
    counter.give("ada")
    assert is_empty(counter)


async def test_waiting_ends(monkeypatch):
    monkeypatch.setattr(turns, "WAIT_S_MAX", 0.01)
    counter = Turns(1)
    counter.take("ada")
    with pytest.raises(Later, match="too_many_at_once"):
        await counter.wait("ada")
    counter.give("ada")
    assert is_empty(counter)
