"""Whose host a request came to, where it is not this installation's own.

Each process knows all such hosts, and reads them anew now and then: a request with a Host that is
nobody's costs a look into a dict. What is found is told to SQL as a claim, whoever calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import asyncpg

from agon.kernel import logs
from agon.kernel.database import Database
from agon.kernel.errors import Refused
from agon.kernel.manifest import load
from agon.kernel.runtime import Runtime

READ_S = 15
"""A host that comes or goes is noticed within so long."""
RETRY_S = 1
"""After a failure; until then what was known counts, which at first is nothing."""

Said = tuple[tuple[str, str], ...]
"""Claims that a request carries by its Host; hashable, and nearly always empty."""

log = logs.get("agon.web")


class Domains:
    """The hosts of all systems. database: gives the open pools; without it no host is known.

    claims: that only a Host may say.
    """

    def __init__(self, runtime: Runtime, database: Callable[[], Database] | None):
        listed = [each for system in runtime.systems for each in system.domains]
        self._listed = listed if database is not None else []
        self._database, self.claims = database, frozenset(each.claim for each in listed)
        self._said: Mapping[str, Said] = {}
        self._read_s, self._due_s = 0, 0
        self._reading = asyncio.Lock()

    async def said(self, headers: Mapping[bytes, bytes], now_s: int) -> Said:
        """What the Host of a request says."""
        if self._listed and not self._read_s <= now_s < self._due_s:
            async with self._reading:
                if not self._read_s <= now_s < self._due_s:
                    await self._read(now_s)
        return self._said.get(host_of(headers), ()) if self._said else ()

    async def _read(self, now_s: int) -> None:
        assert self._database is not None
        self._read_s, self._due_s = now_s, now_s + RETRY_S
        said: dict[str, Said] = {}
        try:
            for each in self._listed:
                for host, whose in (await load(each.names)(self._database())).items():
                    said[host] = (*said.get(host, ()), (each.claim, whose))
        except (Refused, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("domains.not_read", error=f"{type(error).__name__}: {error}")
            return
        self._said, self._due_s = said, now_s + READ_S


def host_of(headers: Mapping[bytes, bytes]) -> str:
    """The host that a request names, in lower case, without a port and the root's dot."""
    host, _, port = headers.get(b"host", b"").decode("latin-1").lower().rpartition(":")
    if not host or not port.isdigit():
        host = f"{host}:{port}" if host else port
    return host.removesuffix(".")
