"""A place to test in: a fresh migrated database, and what runs on it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from agon.commons.people import wallets
from agon.kernel import clock, database, jobs, jwt, migrate, runtime
from agon.kernel.errors import Refusal, Refused
from agon.systems import SYSTEMS
from tests.servers import TestServer

TEMPLATE = "agon_template"
_numbers = itertools.count(1)

# What Supabase has set for its `postgres` role: all that is made in public is open to the client
# roles until a rules file closes it. The tests run under the same conditions.
SUPABASE_DEFAULTS = """
alter default privileges in schema public
  grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public
  grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public
  grant all on sequences to anon, authenticated, service_role;
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One test's own database, with its process."""

    runtime: runtime.Runtime
    database: database.Database
    owner: asyncpg.Connection

    def actor(self, name: str, **claims: Any) -> database.Actor:
        """A signed-in user called so; `own` gives it its wallet."""
        user_id = wallets.local_user(wallet(name))
        return database.Actor(role="authenticated", claims={"sub": user_id, **claims})

    async def own(self, name: str) -> database.Actor:
        """The user, made the owner of the wallet of that name."""
        actor = self.actor(name)
        async with self.database.as_worker() as conn:
            await wallets.link(conn, str(actor.user_id), wallet(name))
        return actor

    def token(self, actor: database.Actor) -> str:
        """An access token of an actor."""
        claims = {**actor.claims, "role": actor.role}
        return jwt.mint(claims, self.runtime.jwt_keys[0], clock.now_s(), 3600)

    async def work(self) -> None:
        """Do all work that waits."""
        await jobs.drain(jobs.Work(database=self.database, runtime=self.runtime))

    async def set_clock(self, instant: Any) -> None:
        """What agon.now() answers from now on; None for the true time."""
        await self.owner.execute("delete from agon.clock")
        if instant is not None:
            await self.owner.execute("insert into agon.clock (reads_at) values ($1)", instant)


ADMIN = database.Actor(
    role="authenticated",
    claims={"sub": "00000000-0000-4000-8000-00000000ad11", "app_metadata": {"roles": ["admin"]}},
)
SERVICE = database.Actor(role="service_role")


def bearer(place: Place, actor: database.Actor) -> dict[str, str]:
    """The header of a signed-in client."""
    return {"Authorization": f"Bearer {place.token(actor)}"}


async def refusal_of(act: Awaitable[object]) -> Refusal:
    """The refusal that an act must end in, ours or Postgres's."""
    with pytest.raises((Refused, asyncpg.PostgresError)) as caught:
        await act
    error = caught.value
    return error.refusal if isinstance(error, Refused) else database.refusal_of(error)


def wallet(name: str) -> str:
    """The wallet of somebody called so."""
    return "0x" + hashlib.sha256(name.encode()).hexdigest()[:40]


async def make_template(server: TestServer) -> None:
    """Migrate one database; the others are copies of it."""
    conn = await database.connect(server.url("agon_owner", "agon"))
    await conn.execute(f"create database {TEMPLATE}")
    await conn.close()
    conn = await database.connect(server.url("agon_owner", TEMPLATE))
    await conn.execute(SUPABASE_DEFAULTS)
    await migrate.run(conn, migrate.collect(SYSTEMS))
    await conn.close()


@asynccontextmanager
async def opened(
    server: TestServer, name: str, folder: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Place]:
    """A copy of the template, dropped afterwards: a run makes more of them than memory holds.

    name: how the database's name begins.
    """
    name = f"{name}_{next(_numbers)}"
    admin = await database.connect(server.url("agon_owner", "agon"))
    await admin.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
    try:
        process = runtime.begin(
            SYSTEMS,
            environ={"AGON_HOME": str(folder), "AGON_LOG_LEVEL": "error", **(environ or {})},
            folder=folder,
        )
        process.__dict__["urls"] = server.urls(name)
        owner = await database.connect(server.url("agon_owner", name))
        async with process.database() as pools:
            yield Place(runtime=process, database=pools, owner=owner)
        await owner.close()
    finally:
        with suppress(asyncpg.InsufficientPrivilegeError):  # a session that was cut off still ends
            await admin.execute(f"drop database {name} with (force)")
        await admin.close()
