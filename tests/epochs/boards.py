"""A place with a Redis beside it: its live board, as Redis has it and as Postgres holds it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agon.epochs import keeping, live
from agon.kernel.database import ANONYMOUS
from tests import places
from tests.epochs import days
from tests.epochs.days import DAY
from tests.places import Place
from tests.servers import TestServer
from tests.standins.redis_server import RedisServer, redis_server

QUICK = days.profile(minimum_hold_ms=0, cooldown_ms={"bot": 0, "slot": 0})
"""A day without any wait."""
FRESH_MS = 60_000
_numbers = itertools.count(1)


@dataclass(kw_only=True)
class Board:
    """live: what a server asks. It is as patient as who keeps boards, since tests share a
    machine."""

    place: Place
    redis: RedisServer
    live: live.Live
    day: days.Day = field(init=False)

    async def begin(self, config: dict[str, Any] | None = None, *names: str) -> None:
        """A day on the true clock, whose board is in Redis, and known to the server."""
        self.day = await days.live(self.place, config, *(names or ("ada", "bob")))
        await days.on_true_clock(self.day)
        await self.kept()
        await self.answered()

    async def kept(self, rounds: int = 3) -> list[str]:
        """Some rounds of a process that has just begun to keep boards; the epochs that are live."""
        epochs: list[str] = []
        for _ in range(rounds):
            epochs = await keeping.once(self.place.database, self.live, epochs)
        return epochs

    async def claim(
        self, name: str, slot: int = 0, asked: live.Live | None = None
    ) -> dict[str, Any]:
        """A claim of somebody's by the Python function, of which Redis was told. asked: another
        process's Redis."""
        answer = await live.claim_slot(
            self.place.database, asked or self.live, self.place.actor(name), day=DAY,
            slot_index=slot, code="abc", bot=self.day.bots[name],
        )  # fmt: skip
        await (asked or self.live).told()
        return answer

    async def early(self, name: str, slot: int = 0) -> dict[str, Any] | None:
        """What Redis alone says to such a claim."""
        bot = self.day.bots[name]
        return await self.live.refusal(self.place.actor(name), DAY, slot, "abc", bot)

    async def shown(self) -> list[dict[str, Any]] | None:
        """The board as Redis alone has it."""
        found = await self.live.board(DAY)
        return found and found["slots"]

    async def held(self) -> list[dict[str, Any]]:
        """The board as Postgres holds it."""
        return (await live.show_board(self.place.database, None, ANONYMOUS, DAY))["slots"]

    async def answered(self) -> list[dict[str, Any]]:
        """The board as everyone is answered with it."""
        return (await live.show_board(self.place.database, self.live, ANONYMOUS, DAY))["slots"]


@asynccontextmanager
async def opened(server: TestServer, folder: Path) -> AsyncIterator[Board]:
    """A place of its own, whose process is told of a Redis of its own. Its boards are fresh for as
    long as a test may take."""
    async with redis_server() as redis:
        name, environ = f"agon_board_{next(_numbers)}", {"AGON_REDIS_URL": redis.url}
        async with (
            places.opened(server, name, folder, environ) as place,
            live.opened(place.runtime, keeping.ANSWER_S_MAX) as found,
        ):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(live, "FRESH_MS", FRESH_MS)
                yield Board(place=place, redis=redis, live=found)
