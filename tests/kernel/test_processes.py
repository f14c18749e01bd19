"""Processes that die are replaced; work that kills them is refused."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agon.kernel.errors import Refused
from agon.kernel.processes import Processes


def double(number: int) -> int:
    return 2 * number


def die_once(mark: str) -> str:
    path = Path(mark)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_a_dead_process_is_replaced(tmp_path):
    with Processes(1) as processes:
        assert await processes.run(double, 21) == 42
        assert await processes.run(die_once, str(tmp_path / "mark")) == "alive"
        assert await processes.run(double, 4) == 8


async def test_work_that_kills_its_process_is_refused_and_the_next_goes_on():
    with Processes(1) as processes:
        with pytest.raises(Refused) as refused:
            await processes.run(die)
        assert refused.value.refusal.code == "process_died"
        assert await processes.run(double, 1) == 2


async def test_what_the_work_raises_comes_through():
    with Processes(1) as processes, pytest.raises(TypeError):
        await processes.run(double, None, None)
