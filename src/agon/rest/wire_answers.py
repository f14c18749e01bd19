"""Reads what Postgres answers to a pipeline, from bytes that come in any pieces.

Pure. The loop is flat and inlined on purpose: it runs for every message of every request.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from agon.kernel.errors import Refused, refuse
from agon.rest.wire_messages import PostgresFault, Result, Step, read_fault

RESPONSE_BYTES_MAX = 64 * 1024 * 1024
"""Of all answers to one pipeline together."""
MESSAGE_BYTES_MIN = 4
HEADER_BYTES = 5

IDLE = ord("I")
_DATA_ROW, _COMPLETE, _BOUND, _PARSED = ord("D"), ord("C"), ord("2"), ord("1")
_READY, _ERROR, _AUTH, _KEY = ord("Z"), ord("E"), ord("R"), ord("K")
# Close complete, no data, parameter status, notice, notification: nothing of them is needed.
_PASSED_OVER = frozenset(b"3nSNA")
_EMPTY, _VERSION = ord("I"), ord("v")

_header = struct.Struct("!BI").unpack_from
_int32 = struct.Struct("!i").unpack_from
_int16 = struct.Struct("!H").unpack_from


class ProtocolBroken(ConnectionError):
    """The bytes are not Postgres's protocol; the connection is of no further use."""


class Answers:
    """The answers to one pipeline at a time.

    status: of the transaction when the pipeline ended, `I` idle, `T` in one, `E` in a failed one.
    parsed: how many Parse messages held. auth: what the server demanded at the start, in order, as
    (code, data). key: process and secret for a CancelRequest.
    """

    def __init__(self) -> None:
        self.status = 0
        self.auth: list[tuple[int, bytes]] = []
        self.key: tuple[int, bytes] | None = None
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = HEADER_BYTES
        self.expect(())

    def expect(self, steps: Sequence[Step]) -> None:
        """Begin with the answers to these steps."""
        self.results: list[Result] = []
        self.fault: PostgresFault | None = None
        self.parsed = 0
        self._rows: list[list[bytes | None]] = []
        self._steps = steps
        self._wanted = not steps or steps[0].wanted
        self._received = 0

    def feed(self, data: bytes) -> bool:
        """Read bytes. True when somebody has to look: the pipeline has ended, or, during the
        start, the server demands a proof. Raises ProtocolBroken, or Refused `response_too_large`;
        after either the connection is of no further use."""
        self._received += len(data)
        if self._received > RESPONSE_BYTES_MAX:
            raise _too_large()
        if self._chunks:
            self._chunks.append(data)
            self._have += len(data)
            if self._have < self._need:
                return False
            data = b"".join(self._chunks)
            self._chunks.clear()
        try:
            return self._read(data)
        except (struct.error, IndexError) as error:
            raise ProtocolBroken("a message is shorter than what it says it holds") from error

    def _read(self, data: bytes) -> bool:
        at, end, look = 0, len(data), False
        while end - at >= HEADER_BYTES:
            kind, size = _header(data, at)
            stop = at + 1 + size
            if size < MESSAGE_BYTES_MIN:
                raise ProtocolBroken(f"a message of {size} bytes")
            if stop > end:
                if size > RESPONSE_BYTES_MAX:
                    raise _too_large()
                break
            if kind == _DATA_ROW:
                if self._wanted:
                    self._rows.append(_columns(data, at + HEADER_BYTES, stop))
            elif kind == _COMPLETE:
                self._complete(data[at + HEADER_BYTES : stop - 1])
            elif kind == _PARSED:
                self.parsed += 1
            elif kind != _BOUND:
                look = self._other(kind, data[at + HEADER_BYTES : stop]) or look
            at = stop
        if at < end:
            self._keep(data[at:] if at else data)
        return look

    def _keep(self, rest: bytes) -> None:
        whole = len(rest) >= HEADER_BYTES
        self._need = 1 + _header(rest, 0)[1] if whole else HEADER_BYTES
        self._chunks.append(rest)
        self._have = len(rest)

    def _complete(self, tag: bytes) -> None:
        self.results.append(Result(self._rows, tag))
        self._rows = []
        done = len(self.results)
        self._wanted = done >= len(self._steps) or self._steps[done].wanted

    def _other(self, kind: int, body: bytes) -> bool:
        if kind == _READY:
            self.status = body[0]
            return True
        if kind == _ERROR:
            # The first one counts: after it the server passes over all until Sync.
            self.fault = self.fault or read_fault(body, len(self.results))
        elif kind == _AUTH:
            self.auth.append((_int32(body, 0)[0], body[4:]))
            return True
        elif kind == _KEY:
            self.key = (_int32(body, 0)[0], body[4:])
        elif kind == _EMPTY:
            self._complete(b"")
        elif kind == _VERSION or kind in _PASSED_OVER:
            return False
        else:
            raise ProtocolBroken(f"a message of the kind {chr(kind)!r}, which was not asked for")
        return False


def _columns(data: bytes, at: int, stop: int) -> list[bytes | None]:
    row: list[bytes | None] = []
    (count,) = _int16(data, at)
    at += 2
    for _ in range(count):
        (size,) = _int32(data, at)
        at += 4
        if size < 0:
            row.append(None)
        else:
            row.append(data[at : at + size])
            at += size
    if at != stop:
        raise ProtocolBroken("a row's columns do not fill its message")
    return row


def _too_large() -> Refused:
    return refuse(
        "response_too_large",
        f"The answer is larger than {RESPONSE_BYTES_MAX // 1024**2} MiB.",
        hint="Ask for fewer rows or fewer columns.",
        status=413,
    )
