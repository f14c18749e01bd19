"""Turns: how much of Postgres one caller may have at once, so that others find some of it free."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable

from agon.kernel.errors import Refusal

WAITING_MAX = 100
"""Requests of one caller that wait for their turn; more are refused at once."""
WAIT_S_MAX = 10
RETRY_AFTER = "1"
"""Seconds."""


class Later(Exception):
    """A request comes too early. refusal: what it is told; after: the value of `Retry-After`."""

    def __init__(self, refusal: Refusal, after: str):
        super().__init__(str(refusal))
        self.refusal, self.after = refusal, after


class Turns:
    """Each caller has `most` turns at once; his further requests wait, the first comes first."""

    def __init__(self, most: int):
        self._most = most
        self._taken: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def take(self, name: Hashable) -> bool:
        """A turn, if one is free: then `give` it back. Else `wait` for one."""
        taken = self._taken.get(name, 0)
        if taken >= self._most:
            return False
        self._taken[name] = taken + 1
        return True

    def give(self, name: Hashable) -> None:
        """End a turn: it is the next one's who waits."""
        for waiter in self._waiting.get(name, ()):
            if not waiter.done():
                waiter.set_result(None)
                return
        left = self._taken[name] - 1
        if left:
            self._taken[name] = left
        else:
            del self._taken[name]

    async def wait(self, name: Hashable) -> None:
        """A turn, once one is free; `give` it back. Raises Later `too_many_at_once`."""
        queue = self._waiting.setdefault(name, deque())
        if len(queue) >= WAITING_MAX:
            raise self._too_many(f"{WAITING_MAX} wait already.")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self.give(name)  # its turn came at the very moment when it went away
            if isinstance(error, TimeoutError):
                raise self._too_many(f"No turn came within {WAIT_S_MAX} s.") from error
            raise
        finally:
            queue.remove(waiter)
            if not queue:
                del self._waiting[name]

    def _too_many(self, details: str) -> Later:
        refusal = Refusal(
            code="too_many_at_once",
            message="Too many requests at once.",
            details=f"Of one caller {self._most} are answered at a time. {details}",
            hint="Wait for answers before you send more.",
            status=429,
        )
        return Later(refusal, RETRY_AFTER)
