"""A day from a file: NDJSON, from any source, settled as the tables' own would be. Pure.

The first line is {"epoch": {"day", "starts_at_ms", "freeze_at_ms", "ends_at_ms"}, "profile": a
profile, "owners": {bot: address or null}, "pool_wei": decimal string}. Each other line is an event
(event_log.py), in any order. The same events and first line give the same result as the tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agon.epochs import profiles, settlement
from agon.epochs.event_log import Log, Reader
from agon.kernel import results
from agon.kernel.errors import Refused, refuse

HEAD_BYTES_MAX = 16 * 1024 * 1024
LINE_BYTES_MAX = 64 * 1024
HEAD_KEYS = {"epoch", "profile", "owners", "pool_wei"}

_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, kw_only=True)
class Day:
    """What a file says of a day: its first line, and its events as a log."""

    epoch: dict[str, Any]
    profile: dict[str, Any]
    owners: dict[str, str | None]
    pool_wei: str
    log: Log

    def settled(self) -> dict[str, Any]:
        """The output of its settlement, however many events there are."""
        return settlement.settle(self.log, self.epoch, self.owners, self.pool_wei, self.profile)

    def bundle(self) -> results.Bundle:
        """The result. Refused: `result_large` beyond `settlement.BUNDLED_EVENTS_MAX` events."""
        return settlement.bundle(self.log, self.epoch, self.owners, self.pool_wei, self.profile)


def read(lines: Iterable[bytes]) -> Day:
    """The day in these lines, which may be an open file.

    Refused: `line_malformed` with the number of the line, `profile_malformed`, `log_malformed`.
    """
    numbered = enumerate(lines, start=1)
    head = _head(next(numbered, (1, b""))[1])
    reader = Reader()
    for number, line in numbered:
        try:
            reader.add(_object(line, LINE_BYTES_MAX))
        except ValueError as error:
            raise _line_refused(number, str(error)) from error
        except Refused as refused:
            raise _line_refused(number, refused.refusal.details or "") from refused
    return Day(**head, log=reader.log())


def _head(line: bytes) -> dict[str, Any]:
    try:
        head = _object(line, HEAD_BYTES_MAX)
    except ValueError as error:
        raise _line_refused(1, str(error)) from error
    if set(head) != HEAD_KEYS or not isinstance(head["pool_wei"], str):
        raise _line_refused(1, f"it has the keys {', '.join(sorted(HEAD_KEYS))}; pool_wei is text")
    if not isinstance(head["epoch"], dict) or not isinstance(head["owners"], dict):
        raise _line_refused(1, "epoch and owners are objects")
    profiles.check(head["profile"])
    return head


def _object(line: bytes, bytes_max: int) -> dict[str, Any]:
    """The one object of a line; ValueError for anything else."""
    if len(line) > bytes_max:
        raise ValueError(f"it is longer than {bytes_max} bytes")
    text = line.decode()
    try:
        document, end = _decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if text[end:].strip() or type(document) is not dict:
        raise ValueError("it is not one JSON object")
    return document


def _line_refused(number: int, what: str) -> Refused:
    return refuse(
        "line_malformed",
        f"Line {number} of the file cannot be read.",
        details=f"line {number}: {what}",
        hint="The first line is about the day; each other is one event, as a JSON object.",
        status=422,
    )
