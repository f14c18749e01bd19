"""The connections of one login, lent to one request at a time.

Whatever became of a request, its connection comes back idle, or is replaced: the next request
finds the login's own role, no claims and no transaction.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agon.kernel import logs
from agon.kernel.database import CONNECT_S_MAX, POOL_CONNECTIONS_MAX, Login, session_settings
from agon.kernel.errors import Refused, refuse
from agon.rest import wire
from agon.rest.wire import Connection
from agon.rest.wire_messages import PostgresError, Result, Step

ACQUIRE_S_MAX = 10
"""How long a request waits for a connection."""
WAITERS_MAX = 10_000
"""Who comes when so many wait already is refused at once."""
CLOSE_S_MAX = 10
"""How long `close` waits for requests to end."""

LONG_SHARE = 4
"""One connection in so many, and at least one, is lent for several round trips at a time."""

CONTEXT_KEY = ""
"""The statement that sets role and claims runs as the login, whatever the role."""

Statement = tuple[str, Sequence[bytes | None]]
"""SQL, and its parameters in text format."""

log = logs.get("agon.rest")


class Pool:
    """At most max_size connections of a login, opened when first needed; waiters take turns."""

    def __init__(
        self,
        url: str,
        login: Login,
        *,
        max_size: int = POOL_CONNECTIONS_MAX,
        patience_s: float = ACQUIRE_S_MAX,
    ):
        self._url, self._login = url, login
        self._max_size, self._patience_s = max_size, patience_s
        self._long = asyncio.Semaphore(max(1, max_size // LONG_SHARE))
        self._free: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiters: deque[tuple[asyncio.Future[Connection | None], float]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._emptied = asyncio.Event()

    async def __aenter__(self) -> Pool:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(
        self, *, role: str, context: Statement, steps: Sequence[Statement], rollback: bool = False
    ) -> list[Result]:
        """Run a request: its context, then its statements, in one transaction and one round trip.

        role: what the context sets, under which the statements are kept prepared; context: a
        `select set_config(…, true), …`; rollback: undo all in the end. The results are those of
        the steps. Raises what `Connection.run` raises, where a fault's `step` counts from the
        context as 0; and Refused: PGRST000 (no connection), PGRST001 (connection lost), PGRST003
        (none was free in time).
        """
        pipeline = [Step(CONTEXT_KEY, context[0], context[1], False)]
        pipeline += [Step(role, sql, params) for sql, params in steps]
        async with self.acquire() as conn:
            return (await conn.run(pipeline, rollback=rollback))[1:]

    def acquire(self) -> Lease:
        """A connection for the length of `async with`, in which a lost connection is Refused
        PGRST001. Entering raises Refused PGRST000 or PGRST003."""
        return Lease(self)

    @asynccontextmanager
    async def acquire_long(self) -> AsyncIterator[Connection]:
        """As `acquire`, for several round trips: those have a share of the connections, and wait
        for each other. Raises Refused PGRST003 also where none of the share was free in time."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._long.acquire()
        except TimeoutError as error:
            raise _all_busy(
                f"No turn for several requests came within {self._patience_s:g} s."
            ) from error
        try:
            async with self.acquire() as conn:
                yield conn
        finally:
            self._long.release()

    def forget_statements(self) -> None:
        """Have every connection prepare its statements again: the schema has changed."""
        for conn in self._all:
            conn.forget()

    async def close(self) -> None:
        """Close the connections; those in use when their requests end, within CLOSE_S_MAX."""
        self._is_closed = True
        while self._waiters:
            self._hand_over(None)
        for conn in self._free:
            self._all.discard(conn)
            conn.close()
        self._free.clear()
        try:
            async with asyncio.timeout(CLOSE_S_MAX):
                while self._all or self._opening:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            log.warning("pool.closed_under_users", login=self._login, users=len(self._all))
        for conn in tuple(self._all):
            conn.abort()
        if self._sweep is not None:
            self._sweep.cancel()

    async def take(self) -> Connection:
        """A connection; give it back. Raises Refused PGRST000, PGRST003."""
        deadline_s = 0.0
        while not self._is_closed:
            while self._free:
                conn = self._free.pop()
                if conn.idle:
                    return conn
                self._drop(conn)
            if len(self._all) + self._opening < self._max_size:
                return await self._open()
            # Who waits again, since a connection was lost, is first in the queue as before.
            again = deadline_s > 0
            deadline_s = deadline_s or asyncio.get_running_loop().time() + self._patience_s
            handed = await self._wait(deadline_s, again)
            if handed is not None and handed.idle:
                return handed
            if handed is not None:
                self._drop(handed)
        raise _unreachable()

    def give(self, conn: Connection) -> None:
        """Take a connection back; one that is not idle after its recovery is closed."""
        if conn.idle:
            self._put(conn)
        elif conn.closed:
            self._drop(conn)
        else:
            conn.recover().add_done_callback(
                lambda _: self._put(conn) if conn.idle else self._drop(conn)
            )

    def _put(self, conn: Connection) -> None:
        if self._is_closed:
            conn.close()
            self._drop(conn)
        elif not self._hand_over(conn):
            self._free.append(conn)

    def _drop(self, conn: Connection) -> None:
        conn.abort()
        self._all.discard(conn)
        self._emptied.set()
        self._hand_over(None)

    async def _open(self) -> Connection:
        self._opening += 1
        conn = None
        try:
            conn = await wire.connect(
                self._url, settings=session_settings(self._login), timeout_s=CONNECT_S_MAX
            )
            self._all.add(conn)
        except (OSError, TimeoutError, PostgresError) as error:
            # The reason names hosts and logins, so it is the operator's alone.
            cause = f"{type(error).__name__}: {error}"
            log.error("postgres.unreachable", login=self._login, error=cause)
            raise _unreachable() from error
        finally:
            self._opening -= 1
            self._emptied.set()
            if conn is None:
                self._hand_over(None)
        return conn

    def _hand_over(self, conn: Connection | None) -> bool:
        """Wake the one who waits longest: with a connection, or to open one. False: nobody."""
        while self._waiters:
            waiter, _ = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(conn)
                return True
        return False

    async def _wait(self, deadline_s: float, again: bool) -> Connection | None:
        if len(self._waiters) >= WAITERS_MAX:
            raise _all_busy(f"{WAITERS_MAX} requests wait for a connection already.")
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        queue = self._waiters.appendleft if again else self._waiters.append
        queue((waiter, deadline_s))
        if self._sweep is None:
            self._sweep = loop.call_at(deadline_s, self._refuse_late)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                # It was this one's turn at the very moment when it went away.
                conn = waiter.result()
                self._hand_over(None) if conn is None else self.give(conn)
            raise

    def _refuse_late(self) -> None:
        """All wait equally long, so the first in the queue is the first whose time is over."""
        loop = asyncio.get_running_loop()
        self._sweep = None
        while self._waiters and (self._waiters[0][0].done() or self._waiters[0][1] <= loop.time()):
            waiter, _ = self._waiters.popleft()
            if not waiter.done():
                why = f"No connection was free within {self._patience_s:g} s."
                waiter.set_exception(_all_busy(why))
        if self._waiters:
            self._sweep = loop.call_at(self._waiters[0][1], self._refuse_late)


class Lease:
    """One connection for the length of an `async with`."""

    __slots__ = ("_conn", "_pool")

    def __init__(self, pool: Pool):
        self._pool = pool

    async def __aenter__(self) -> Connection:
        self._conn = await self._pool.take()
        return self._conn

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._pool.give(self._conn)
        if isinstance(error, ConnectionError):
            log.error("postgres.connection_lost", error=f"{type(error).__name__}: {error}")
            raise _lost() from error


def _unreachable() -> Refused:
    return refuse(
        "PGRST000",
        "Database connection error. Retrying the connection.",
        hint="Postgres does not answer right now; try again in a moment.",
        status=503,
    )


def _lost() -> Refused:
    return refuse(
        "PGRST001",
        "Database client error. Retrying the connection.",
        hint="The connection to Postgres was lost; look whether a write was done, and try again.",
        status=503,
    )


def _all_busy(why: str) -> Refused:
    return refuse(
        "PGRST003",
        "Timed out acquiring connection from connection pool.",
        details=why,
        hint="Try again in a moment.",
        status=504,
    )
