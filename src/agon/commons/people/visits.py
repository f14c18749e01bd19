"""A visit: who calls, and from where; the engine works for it in one transaction."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agon.kernel.database import ANONYMOUS, Actor, Conn, Database
from agon.web.limits import network_of

USER_AGENT_CHARS_MAX = 300


@dataclass(frozen=True, kw_only=True)
class Visit:
    """address: of the network, None where there is none; user_agent: as the client says;
    sign_ups_per_hour: that a network may make; mails_per_user, mails_per_network: that each may
    cause in an hour; 0: without limit."""

    actor: Actor = ANONYMOUS
    address: str | None = None
    user_agent: str | None = None
    sign_ups_per_hour: int = 0
    mails_per_user: int = 0
    mails_per_network: int = 0

    @property
    def network(self) -> str:
        """By what tries are counted: who has one address of IPv6 has a whole network of them."""
        return network_of(self.address or "")


@asynccontextmanager
async def acting(database: Database, visit: Visit) -> AsyncIterator[Conn]:
    """A transaction of the engine on behalf of a visit; the audit log learns whence it came."""
    whence = {
        "address": visit.address,
        "network": visit.network,
        "user_agent": (visit.user_agent or "")[:USER_AGENT_CHARS_MAX] or None,
        "sign_ups_per_hour": visit.sign_ups_per_hour,
        "mails_per_user": visit.mails_per_user,
        "mails_per_network": visit.mails_per_network,
    }
    async with database.as_worker(visit.actor) as conn:
        await conn.execute("select set_config('agon.visit', $1, true)", json.dumps(whence))
        yield conn
