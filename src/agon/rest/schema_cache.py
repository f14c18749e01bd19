"""Keeps the catalogue of the exposed schemas, and reads it again when they have changed.

It is told on the channel `pgrst`, as PostgREST is; it looks for itself every few seconds, by a
fingerprint; and whoever misses a name may ask it to look at once. Meanwhile the old one serves.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg

from agon.kernel import logs
from agon.kernel.database import Conn, Database
from agon.kernel.errors import Refused, refuse
from agon.rest import introspection
from agon.rest.catalogue import Catalogue

CHANNEL = "pgrst"
RELOAD_PAYLOADS = frozenset({"", "reload schema"})
POLL_S = 5.0
DEBOUNCE_S = 0.1
"""Many changes come together, as in a migration: one reload answers them all."""
RELOAD_PAUSE_S = 5.0
"""Between reloads for names that were missed: anyone may ask for such names as often as he will."""
RECONNECT_S_MIN = 0.1
RECONNECT_S_MAX = 10.0
ANSWER_S_MAX = 30.0
"""How long a reload or a fingerprint may take before the database counts as lost."""

LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, Refused)
"""How a database that is away, restarting or refusing us shows."""

log = logs.get("agon.rest.schema_cache")


class SchemaCache:
    """`async with SchemaCache(database, ("public",)) as cache: await cache.ready()`.

    poll_s: seconds between looks; pause_s: between reloads that a miss asks for.
    """

    def __init__(
        self,
        database: Database,
        schemas: tuple[str, ...],
        *,
        poll_s: float = POLL_S,
        debounce_s: float = DEBOUNCE_S,
        pause_s: float = RELOAD_PAUSE_S,
    ):
        self.version = 0
        """Counts the catalogues that differed from the one before; 0 until the first is there."""
        self._database, self._schemas = database, schemas
        self._poll_s, self._debounce_s, self._pause_s = poll_s, debounce_s, pause_s
        self._catalogue: Catalogue | None = None
        self._fingerprint = ""
        self._loaded = asyncio.Event()
        self._called = asyncio.Event()
        self._turn = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._missing: asyncio.Task[bool] | None = None
        self._quiet_until = 0.0

    async def __aenter__(self) -> SchemaCache:
        self._watching = asyncio.create_task(self._watch())
        self._watching.add_done_callback(_note_end)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._watching, self._missing):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @property
    def current(self) -> Catalogue:
        """The catalogue. Raises Refused `PGRST002`, 503, until the first is loaded."""
        if self._catalogue is None:
            raise refuse(
                "PGRST002",
                "Could not query the database for the schema cache. Retrying.",
                status=503,
            )
        return self._catalogue

    async def ready(self) -> None:
        """Waits for the first catalogue, however long the database is away.

        Raises what ended the watch, if anything but an absent database did.
        """
        loaded = asyncio.create_task(self._loaded.wait())
        try:
            await asyncio.wait(
                [task for task in (loaded, self._watching) if task is not None],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            loaded.cancel()
        if self._catalogue is None and self._watching is not None:
            self._watching.result()

    async def miss(self, version: int | None = None) -> bool:
        """Looks again because a name is not there; whether there is another catalogue now.

        Callers at the same time share one reload, and after it nobody gets one for `pause_s`.
        version: of the catalogue that the name was sought in; True at once if it has gone.
        Raises Refused `database_unreachable`, TimeoutError after ANSWER_S_MAX.
        """
        if version is not None and version != self.version:
            return True
        if self._missing is None or self._missing.done():
            now = asyncio.get_running_loop().time()
            if now < self._quiet_until:
                return False
            self._quiet_until = now + self._pause_s
            self._missing = asyncio.create_task(self._reload(forced=False))
        # One caller that gives up does not take the reload from the others.
        return await asyncio.shield(self._missing)

    async def _watch(self) -> None:
        """Follows the schema, over as many connections as it takes."""
        pause_s = RECONNECT_S_MIN
        while True:
            try:
                async with self._database.dedicated("agon_web") as conn:
                    conn.add_termination_listener(lambda _: self._called.set())
                    await conn.add_listener(CHANNEL, self._hear)
                    # What was said before we listened, nobody repeats.
                    await self._reload()
                    pause_s = RECONNECT_S_MIN
                    await self._follow(conn)
            except LOST as error:
                log.warning("schema_cache.lost", error=str(error), again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RECONNECT_S_MAX)

    async def _follow(self, conn: Conn) -> None:
        """Reloads when called or when the fingerprint differs, until the connection is lost."""
        while not conn.is_closed():
            try:
                # Not wait_for: Python 3.11's loses a cancellation that comes with the call.
                async with asyncio.timeout(self._poll_s):
                    await self._called.wait()
            except TimeoutError:
                async with asyncio.timeout(ANSWER_S_MAX):
                    fingerprint = await introspection.fingerprint(conn)
                if fingerprint != self._fingerprint:
                    await self._reload()
            else:
                await asyncio.sleep(self._debounce_s)
                self._called.clear()
                if not conn.is_closed():
                    await self._reload()
        raise ConnectionResetError("the connection that listens was closed")

    def _hear(self, _conn: object, _pid: int, _channel: str, payload: object) -> None:
        if payload in RELOAD_PAYLOADS:
            self._called.set()

    async def _reload(self, *, forced: bool = True) -> bool:
        """Whether the catalogue is another one now. forced: also where the fingerprint is the
        same, which says nothing of comments."""
        async with (
            self._turn,
            asyncio.timeout(ANSWER_S_MAX),
            self._database.connection("agon_web") as conn,
        ):
            # Taken first: what changes while we read differs from it, and is read again.
            fingerprint = await introspection.fingerprint(conn)
            if fingerprint == self._fingerprint and not forced:
                return False
            zones = self._catalogue.time_zones if self._catalogue else None
            catalogue = await introspection.load(conn, self._schemas, time_zones=zones)
            changed = self._take(catalogue)
            self._fingerprint = fingerprint
        return changed

    def _take(self, catalogue: Catalogue) -> bool:
        """Whether it differs from the one that we have, and then serves instead."""
        if catalogue == self._catalogue:
            return False
        self._catalogue = catalogue
        self.version += 1
        self._loaded.set()
        log.info(
            "schema_cache.loaded",
            version=self.version,
            tables=len(catalogue.tables),
            functions=len(catalogue.functions),
        )
        return True


def _note_end(watching: asyncio.Task[None]) -> None:
    if not watching.cancelled() and (error := watching.exception()):
        log.error("schema_cache.stopped", error=repr(error))
