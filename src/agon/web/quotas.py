"""Requests per hour of one bearer, exact over all serving processes.

The count stands in Postgres. A process leases a part of it at a time, so most requests touch no
row, and no hour sees more requests than the limit. What a lease has left when it ends is given
back with the next; so a process that falls silent keeps its part back, until the hour is over.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agon.kernel.errors import Refused, refuse

LEASE_S = 60
"""The longest that a process goes by what it was told: also that a bearer holds no more."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """requests: at least so many; unused: of the last lease, which was of that hour."""

    requests: int
    unused: int = 0
    hour: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lease:
    """granted: fewer than were wanted if no more are left; hour: for `Wanted`; ends_in_s: when the
    next hour begins, counted from the moment that this was asked for."""

    granted: int
    hour: str
    ends_in_s: float


Take = Callable[[Wanted], Awaitable[Lease | None]]


class Quota:
    """What one process may let in of one bearer. take: asks for more; None ends the bearer."""

    def __init__(self, take: Take):
        self._take, self._turn = take, asyncio.Lock()
        self._left, self._hour = 0, ""
        self._holds_until_s = self._ends_s = -math.inf
        self._is_last = False

    async def spend(self, requests: int = 1) -> None:
        """Count so many requests, all or none. Raises Refused `rate_limited` (429) where they
        are too many, and `credential_unknown` (401) for a bearer that holds no more."""
        if self._spend(requests):
            return
        async with self._turn:
            if self._spend(requests):
                return
            if not self._is_last or not self._holds():
                await self._lease(requests)
                if self._spend(requests):
                    return
        raise self._too_many()

    def _holds(self) -> bool:
        return _now_s() < self._holds_until_s

    def _spend(self, requests: int) -> bool:
        if requests > self._left or not self._holds():
            return False
        self._left -= requests
        return True

    async def _lease(self, requests: int) -> None:
        # Nothing is left while we ask: what others would spend meanwhile is given back already.
        unused, self._left = self._left, 0
        asked_s = _now_s()
        lease = await self._take(Wanted(requests=requests, unused=unused, hour=self._hour or None))
        if lease is None:
            raise refuse_unknown()
        self._left, self._hour = lease.granted, lease.hour
        self._is_last = lease.granted < requests
        self._ends_s = asked_s + lease.ends_in_s
        self._holds_until_s = min(self._ends_s, asked_s + LEASE_S)

    def _too_many(self) -> Refused:
        wait_s = max(1, math.ceil(self._ends_s - _now_s()))
        return refuse(
            "rate_limited",
            "The requests of this hour are used up.",
            details=f"retry_after_s={wait_s}",
            hint=f"Try again in {wait_s} s, when the next hour begins.",
            status=429,
        )


def refuse_unknown() -> Refused:
    """The exception for a bearer that does not hold."""
    return refuse(
        "credential_unknown",
        "This credential does not hold.",
        hint="It may be revoked or expired; ask who gave it to you for another.",
        status=401,
    )


def _now_s() -> float:
    return asyncio.get_running_loop().time()
