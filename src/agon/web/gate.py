"""The gate before the routes and the doors: who asks, and not too often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from agon.kernel import clock
from agon.kernel.database import ANONYMOUS
from agon.kernel.errors import Refused
from agon.web import limits
from agon.web.callers import Caller, Callers
from agon.web.headers import Headers
from agon.web.limits import Limits

STRANGER = Caller(actor=ANONYMOUS, claims_json=b"{}", until_s=0)
"""Whoever sent a key or token that does not hold."""


class Gate:
    """Finds who asks, and counts what they ask. One server has one; a door with rates of its own
    has another one, to the same callers."""

    def __init__(self, callers: Callers, rates: Limits):
        self.callers, self._rates = callers, rates

    async def identify(self, headers: Headers, address: str) -> Caller:
        """The caller of a request, counted. Raises Refused `rate_limited`, and as
        `Callers.identify`."""
        return await self._counted(self.callers.identify, headers, address)

    async def admit(self, headers: Headers, address: str) -> Caller:
        """The same where nobody needs to be signed in, as `Callers.admit`."""
        return await self._counted(self.callers.admit, headers, address)

    def charge(self, caller: Caller, address: str, requests: int = 1) -> None:
        """Count requests. Raises Refused `rate_limited`; then they do not count."""
        now_s = asyncio.get_running_loop().time()
        wait_s = self._rates.wait_s(caller, address, now_s, requests)
        if wait_s:
            raise Refused(limits.refusal(wait_s))

    async def _counted(
        self, find: Callable[[Headers, int], Awaitable[Caller]], headers: Headers, address: str
    ) -> Caller:
        try:
            caller = await find(headers, clock.now_s())
        except Refused:
            # To look at what does not hold was work, too: its address pays.
            self.charge(STRANGER, address)
            raise
        self.charge(caller, address)
        return caller
