"""A visit: who calls, and from where; the engine works for it in one transaction."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agon.kernel.database import ANONYMOUS, Actor, Conn, Database

USER_AGENT_CHARS_MAX = 300


@dataclass(frozen=True, kw_only=True)
class Visit:
    """address: of the network, None where there is none; user_agent: as the client says."""

    actor: Actor = ANONYMOUS
    address: str | None = None
    user_agent: str | None = None


@asynccontextmanager
async def acting(database: Database, visit: Visit) -> AsyncIterator[Conn]:
    """A transaction of the engine on behalf of a visit; the audit log learns whence it came."""
    whence = {
        "address": visit.address,
        "user_agent": (visit.user_agent or "")[:USER_AGENT_CHARS_MAX] or None,
    }
    async with database.as_worker(visit.actor) as conn:
        await conn.execute("select set_config('agon.visit', $1, true)", json.dumps(whence))
        yield conn
