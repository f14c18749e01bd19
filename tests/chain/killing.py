"""Ends a sender between two steps: before a call or statement is made, or after, when its answer
is lost. What is lost is what a killed process loses; the database and the node go on."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Any

from agon.commons.chain import sending
from agon.commons.chain.outbox import Desk


class Killed(BaseException):
    """The process is no more."""


@dataclass(kw_only=True)
class Fate:
    """Dies at a step with a probability, or at the steps that are numbered."""

    share: float = 0.0
    seed: int = 0
    at_steps: frozenset[int] = frozenset()
    steps: int = 0
    deaths: int = 0
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def step(self) -> None:
        self.steps += 1
        if self.steps in self.at_steps or self.dice.random() < self.share:
            self.deaths += 1
            raise Killed

    async def around(self, act: Awaitable[Any]) -> Any:
        try:
            self.step()
        except Killed:
            act.close()  # type: ignore[attr-defined]
            raise
        answer = await act
        self.step()
        return answer


class Mortal:
    """Stands before a node or a connection; each awaited call of it is a step."""

    def __init__(self, inner: Any, fate: Fate, names: frozenset[str]):
        self._inner, self._fate, self._names = inner, fate, names

    def __getattr__(self, name: str) -> Any:
        whole = getattr(self._inner, name)
        if name not in self._names:
            return whole
        return lambda *given, **named: self._fate.around(whole(*given, **named))


NODE = frozenset({"call", "batch", "settle", "chain_id"})
CONN = frozenset({"execute", "executemany", "fetch", "fetchrow", "fetchval"})


def mortal(at: Desk, fate: Fate) -> Desk:
    """A desk at which every step may be the last."""
    return replace(at, node=Mortal(at.node, fate, NODE), conn=Mortal(at.conn, fate, CONN))


async def rounds(at: Desk, fate: Fate, count: int) -> None:
    """So many rounds; after each death a new process, which knows nothing of the one before."""
    head = None
    for _ in range(count):
        try:
            head = await sending.once(mortal(at, fate), head)
        except Killed:
            head = None
