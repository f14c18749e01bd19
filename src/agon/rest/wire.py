"""A connection to Postgres that sends all statements of a request at once.

One write, one Sync, one transaction: what the first statement sets with `set_config(…, true)`
holds for the others, and is gone when Postgres says that it is ready again. Nothing is answered
before that, since deferred constraints speak last. Why there is a client of our own stands in
`docs/deciding/rest-wire.md`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agon.kernel import logs
from agon.kernel.errors import Refused
from agon.rest import scram, wire_address, wire_messages, wire_sockets
from agon.rest.wire_address import Address
from agon.rest.wire_answers import IDLE, Answers, ProtocolBroken
from agon.rest.wire_login import Login
from agon.rest.wire_messages import PostgresError, PostgresFault, Result, Step

STATEMENTS_MAX = 500
"""Prepared statements of one connection; the one used longest ago goes first."""
STATEMENT_CHARS_MAX = 8 * 1024
"""Of a statement that is kept prepared; a longer one seldom comes again."""
STATEMENTS_CHARS_MAX = 256 * 1024
"""Of all that one connection keeps prepared. Its backend takes up to 100 bytes for each: 25 MB."""
CANCEL_S_MAX = 5
"""For a cancelled statement to end. A connection that takes longer is closed."""

UNKNOWN_STATEMENT = "26000"
STALE_PLAN = "RevalidateCachedQuery"
"""Where Postgres finds that a statement's columns have changed; its message is translated."""

# Not kept prepared, so that they work whatever has become of the prepared ones.
BEGIN, COMMIT, ROLLBACK = (Step(None, sql) for sql in ("begin", "commit", "rollback"))
_CHECK_DEFERRED = Step(None, "set constraints all immediate")

log = logs.get("agon.rest")


class ConnectionLost(ConnectionError):
    """The connection ended before the answer; what was asked may or may not have been done."""


async def connect(url: str, *, settings: Mapping[str, str], timeout_s: float) -> Connection:
    """A session at the first of the URL's hosts that answers.

    settings: of the session, such as `statement_timeout`; timeout_s: seconds, for all hosts.
    Raises PostgresError (28P01 for a wrong password), LoginRefused, OSError, TimeoutError, and
    Refused `database_url_malformed`.
    """
    address = wire_address.read(url)
    async with asyncio.timeout(timeout_s):
        for place in address.places[:-1]:
            try:
                return await _open(address, place, settings)
            except OSError as error:
                log.debug("postgres.next_host", place=place, error=str(error))
        return await _open(address, address.places[-1], settings)


async def _open(
    address: Address, place: wire_sockets.Place, settings: Mapping[str, str]
) -> Connection:
    made = await wire_sockets.dial(address, place, lambda: Connection(address, place))
    try:
        await made.log_in(settings)
    except BaseException:
        made.abort()
        raise
    return made


class Connection(asyncio.Protocol):
    """One session. One pipeline runs at a time. `connect` makes it."""

    def __init__(self, address: Address, place: wire_sockets.Place):
        self.closed = False
        self.recovery: asyncio.Task[None] | None = None
        self._address, self._place = address, place
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answers = Answers()
        self._waiter: asyncio.Future[None] | None = None
        self._statements: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._chars = 0
        self._preparing: list[tuple[str, str] | None] = []
        self._closing: list[bytes] = []
        self._made = 0
        self._in_transaction = False

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        try:
            look = self._answers.feed(data)
        except (ProtocolBroken, Refused) as error:
            self._fail(error)
            self.abort()
            return
        waiter = self._waiter
        if look and waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        fault = self._answers.fault
        if fault is not None:
            self._fail(PostgresError(fault))
        else:
            self._fail(ConnectionLost(str(error or "Postgres closed the connection")))

    def _fail(self, error: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)

    # What the door calls.

    @property
    def idle(self) -> bool:
        """Whether the next request may have this connection now."""
        return (
            self._answers.status == IDLE
            and self._waiter is None
            and self.recovery is None
            and not self.closed
        )

    async def run(self, steps: Sequence[Step], *, rollback: bool = False) -> list[Result]:
        """Run statements in one transaction and one round trip, in order, all or nothing.

        rollback: undo all in the end, after deferred constraints were checked. After `begin` the
        steps join its transaction instead. A statement whose plan has become stale is prepared
        again, once: its transaction was rolled back. If the awaiting task is cancelled, so is the
        statement, and its transaction fails; the connection waits until `recovery` is done.
        Raises PostgresError, ConnectionLost, ProtocolBroken, Refused `response_too_large`.
        """
        if not rollback:
            return await self._attempt(steps)
        try:
            return (await self._attempt((BEGIN, *steps, _CHECK_DEFERRED, ROLLBACK)))[1:-2]
        except PostgresError as error:
            raise PostgresError(replace(error.fault, step=error.fault.step - 1)) from error

    async def begin(self) -> None:
        """Begin a transaction of several pipelines; `commit` or `rollback` ends it."""
        self._in_transaction = True
        await self._attempt((BEGIN,))

    async def commit(self) -> None:
        """Raises PostgresError: a deferred constraint's, 25P02 if the transaction had failed, 25P01
        if there is none (any more)."""
        if not self._in_transaction:
            raise PostgresError(PostgresFault(sqlstate="25P01", message="There is no transaction."))
        (done,) = await self._attempt((COMMIT,))
        if done.tag != b"COMMIT":
            raise PostgresError(
                PostgresFault(sqlstate="25P02", message="The transaction had failed before.")
            )

    async def rollback(self) -> None:
        """Undo what was done since `begin`; harmless where there is no transaction."""
        await self._attempt((ROLLBACK,))

    def forget(self) -> None:
        """Prepare every statement again: what they name has changed."""
        self._closing += self._statements.values()
        self._statements.clear()
        self._chars = 0

    def recover(self) -> asyncio.Task[None]:
        """Make the connection fit for the next request, or close it, in a task of its own."""
        self._in_transaction = False
        return self._begin_recovery()

    def close(self) -> None:
        """Say good-bye."""
        if self._transport is not None and not self.closed:
            self._transport.write(wire_messages.TERMINATE)
            self._transport.close()
        self.closed = True

    def abort(self) -> None:
        """Drop the connection without a word."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # A pipeline.

    async def _attempt(self, steps: Sequence[Step]) -> list[Result]:
        results, fault = await self._send(steps)
        if fault is None:
            return results
        stale = fault.sqlstate == UNKNOWN_STATEMENT or fault.routine == STALE_PLAN
        if stale and not self._in_transaction:
            # Whatever the pipeline did was rolled back, so doing it again does it once.
            self.forget()
            results, fault = await self._send(steps)
        if fault is not None:
            raise PostgresError(fault)
        return results

    async def _send(self, steps: Sequence[Step]) -> tuple[list[Result], PostgresFault | None]:
        if self.recovery is not None:
            await asyncio.wait([self.recovery])
        if self._waiter is not None:
            raise RuntimeError("one connection runs one pipeline at a time")
        await self._exchange(self._pipeline(steps), steps)
        answers = self._answers
        results, fault = answers.results, answers.fault
        await self._settle()
        return results, fault

    async def _settle(self) -> None:
        """After a pipeline: note what is prepared now, and end a transaction that failed."""
        if self._preparing:
            self._note_prepared(self._answers.parsed)
        if self._answers.status == IDLE:
            self._in_transaction = False
        elif not self._in_transaction:
            await self._exchange(self._pipeline((ROLLBACK,)), (ROLLBACK,))
            self._preparing.clear()

    async def _exchange(self, data: bytes, steps: Sequence[Step]) -> None:
        """Write, and wait until Postgres is ready again, or demands a proof."""
        if self.closed:
            raise ConnectionLost("the connection is closed")
        self._answers.expect(steps)
        waiter = self._waiter = self._loop.create_future()
        self._transport.write(data)  # type: ignore[union-attr]
        try:
            await waiter
        except asyncio.CancelledError:
            if self._answers.status:
                self._begin_recovery()
            raise

    def _pipeline(self, steps: Sequence[Step]) -> bytes:
        while len(self._statements) > STATEMENTS_MAX or self._chars > STATEMENTS_CHARS_MAX:
            (_, sql), name = self._statements.popitem(last=False)
            self._chars -= len(sql)
            self._closing.append(name)
        parts = [wire_messages.close(name) for name in self._closing]
        try:
            for step in steps:
                self._add(parts, step)
        except BaseException:
            # A value cannot be sent, so nothing is.
            self._note_prepared(0)
            raise
        self._closing.clear()
        parts.append(wire_messages.SYNC)
        return b"".join(parts)

    def _add(self, parts: list[bytes], step: Step) -> None:
        key, sql, params, _ = step
        if key is None or len(sql) > STATEMENT_CHARS_MAX:
            name = b""
            parts.append(wire_messages.parse(name, sql))
            self._preparing.append(None)
        elif name := self._statements.get((key, sql), b""):
            self._statements.move_to_end((key, sql))
        else:
            self._made += 1
            name = b"s%d" % self._made
            parts.append(wire_messages.parse(name, sql))
            self._statements[key, sql] = name
            self._chars += len(sql)
            self._preparing.append((key, sql))
        parts.append(wire_messages.bind_and_execute(name, params))

    def _note_prepared(self, parsed: int) -> None:
        """A Parse that failed, or that was passed over after an error, prepared nothing."""
        for entry in self._preparing[parsed:]:
            if entry is not None and self._statements.pop(entry, None):
                self._chars -= len(entry[1])
        self._preparing.clear()

    # The beginning, and the end of what went wrong.

    async def log_in(self, settings: Mapping[str, str]) -> None:
        """Begin the session; `connect` calls it. Raises PostgresError, LoginRefused, OSError."""
        address, answers = self._address, self._answers
        login = Login(address.password, secrets.token_urlsafe(scram.NONCE_BYTES))
        given = {**address.settings, **settings}
        message: bytes | None = wire_messages.startup(address.user, address.database, given)
        while not answers.status:
            await self._exchange(message or b"", ())
            message = None
            for code, data in answers.auth:
                message = login.answer(code, data)
            answers.auth.clear()

    def _begin_recovery(self) -> asyncio.Task[None]:
        if self.recovery is None:
            self.recovery = self._loop.create_task(self._recover())
            self.recovery.add_done_callback(self._recovered)
        return self.recovery

    async def _recover(self) -> None:
        try:
            async with asyncio.timeout(CANCEL_S_MAX):
                if self._waiter is not None:
                    ready = self._waiter = self._loop.create_future()
                    await self._cancel()
                    await ready
                await self._settle()
        except (OSError, TimeoutError, PostgresError, Refused) as error:
            log.warning("postgres.connection_given_up", error=f"{type(error).__name__}: {error}")
            self._waiter = None
            self.abort()

    async def _cancel(self) -> None:
        # The server closes this socket once the signal is sent; so it cannot hit what runs later.
        if self._answers.key is None:
            raise ConnectionLost("Postgres gave no key to cancel with")
        message = wire_messages.cancel_request(*self._answers.key)
        await wire_sockets.deliver(self._address, self._place, message)

    def _recovered(self, task: asyncio.Task[None]) -> None:
        self.recovery = None
        if task.cancelled() or task.exception() is not None:
            self._waiter = None
            self.abort()
