"""What the readers of JSON share: strict parsing, and fields that know where they stand.

Numbers with a fraction are read as Decimal, so nothing passes through a float. Every complaint
carries a JSON pointer (RFC 6901) to the wrong field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from typing import Any, BinaryIO

from agon.challenges.records import TRUST_MANUAL, TRUST_PROVIDER, Reading, Record, Source
from agon.kernel.errors import Refusal, Refused, refuse

TEXT_CHARS_MAX = 200
WHOLE_MAX = 2**53 - 1
"""The largest integer that canonical JSON (RFC 8785) carries exactly."""
TIME_MAX_S = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second that RFC 3339 can write."""
DURATION_MAX_S = 100 * 365 * 86_400

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[])  # overflow gives Infinity
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
SEND_AS_ANSWERED = "A provider's document must be sent as its API answered it."


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document and the pointer to it. What is missing is a Node of None."""

    value: Any
    pointer: str

    def __getitem__(self, key: str) -> Node:
        """The field of an object. Refused if this is no object."""
        if not isinstance(self.value, dict):
            raise self.unexpected("must be an object")
        escaped = key.replace("~", "~0").replace("/", "~1")
        return Node(self.value.get(key), f"{self.pointer}/{escaped}")

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def items(self) -> Iterator[Node]:
        """The items of an array. Refused if this is none."""
        if not isinstance(self.value, list):
            raise self.unexpected("must be an array")
        return (Node(item, f"{self.pointer}/{index}") for index, item in enumerate(self.value))

    def each(self) -> Iterable[Node]:
        """The items of an array, or this alone if it is none."""
        return self.items() if isinstance(self.value, list) else (self,)

    def closed(self, keys: tuple[str, ...]) -> None:
        """Refused unless this is an object with no other keys than these."""
        if not isinstance(self.value, dict):
            raise self.unexpected("must be an object")
        stranger = next((key for key in self.value if key not in keys), None)
        if stranger is not None:
            known = ", ".join(sorted(keys))
            raise self[stranger].unexpected(f"is not known here; known are {known}")

    def needed(self) -> Node:
        """This Node. Refused if it is missing or null."""
        if self.value is None:
            raise self.unexpected("is missing")
        return self

    def flag(self) -> bool | None:
        if self.value is not None and not isinstance(self.value, bool):
            raise self.unexpected("must be true or false")
        return self.value

    def text(self) -> str | None:
        """A name that must be kept as it is, of 1 to TEXT_CHARS_MAX characters."""
        if self.value is None:
            return None
        if not isinstance(self.value, str) or not 0 < len(self.value) <= TEXT_CHARS_MAX:
            raise self.unexpected(f"must be a text of 1 to {TEXT_CHARS_MAX} characters")
        if any(map(_is_unprintable, self.value)):
            raise self.unexpected("holds a control character")
        return self.value

    def label(self) -> str | None:
        """A text for people: cut to TEXT_CHARS_MAX, control characters dropped, None if empty."""
        if self.value is not None and not isinstance(self.value, str):
            raise self.unexpected("must be a text")
        start = (self.value or "")[:TEXT_CHARS_MAX]
        return "".join(char for char in start if not _is_unprintable(char)) or None

    def scaled(self, factor: int, high: int = WHOLE_MAX, low: int = 0) -> int | None:
        """A number times factor, rounded half to even; the product lies in low to high."""
        try:
            return _scaled(self.value, factor, high, low)
        except ValueError as error:
            raise self.unexpected(str(error)) from error

    def column(self, factor: int, high: int = WHOLE_MAX, low: int = 0) -> list[int | None]:
        """`scaled` of each item of an array, without a Node for each that is right."""
        items = self.items()
        try:
            return [_scaled(value, factor, high, low) for value in self.value]
        except ValueError:
            return [item.scaled(factor, high, low) for item in items]

    def whole(self, high: int = WHOLE_MAX, low: int = 0) -> int | None:
        """A whole number from low to high."""
        whole = self.scaled(1, high, low)
        if whole != self.value:
            raise self.unexpected("must be a whole number")
        return whole

    def moment(self) -> tuple[int, int] | None:
        """An RFC 3339 time with an offset: (ms since 1970, offset in s). Beyond ms it is cut."""
        if self.value is None:
            return None
        match = RFC_3339.fullmatch(self.value) if isinstance(self.value, str) else None
        if not match:
            raise self.unexpected("must be a time with an offset, as 2026-11-01T07:30:00+01:00")
        day, time, fraction, zone = match.groups()
        try:
            read = datetime.fromisoformat(f"{day}T{time}{zone.upper()}")
            since = read - EPOCH
        except (ValueError, OverflowError) as error:
            raise self.unexpected("is no time that exists") from error
        fraction_ms = int((fraction or "").ljust(3, "0")[:3])
        offset_s = (read.utcoffset() or timedelta()) // timedelta(seconds=1)
        return since // timedelta(milliseconds=1) + fraction_ms, offset_s

    def unexpected(self, claim: str) -> Refused:
        pointer = Node(self.pointer, "").label() or ""
        return refuse(
            "evidence_json_unexpected",
            f"{pointer or 'The document'} {claim}.",
            details=pointer,
            hint=f"Correct this field. {SEND_AS_ANSWERED}",
        )


def read(
    format: str,
    stream: BinaryIO,
    source: Source,
    records: Callable[[Node, Source], Iterable[Record]],
) -> Reading | Refusal:
    """Parse the whole stream and make its records, ordered by start, each once.

    A record that stands in the document twice, as in pages that overlap, is kept once; two that
    differ under one id are refused.
    """
    try:
        made = _distinct(records(parse(stream), source))
    except Refused as refused:
        return refused.refusal
    return Reading(format=format, records=tuple(sorted(made, key=_by_start)))


def parse(stream: BinaryIO) -> Node:
    """The document as a Node. Refused `evidence_json_malformed`."""
    try:
        return Node(DECODER.decode(stream.read().decode("utf-8-sig")), "")
    except RecursionError as error:
        raise _malformed("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise _malformed(f"byte {error.start} is not UTF-8") from error
    except DecimalException as error:
        raise _malformed("a number's exponent is too large") from error
    except ValueError as error:
        raise _malformed(str(error)[:TEXT_CHARS_MAX]) from error


def trust_of(source: Source) -> int:
    """Uploaded JSON could be written by anyone; what our collector fetched could not."""
    return TRUST_PROVIDER if source.origin == "provider" else TRUST_MANUAL


def player_of(source: Source) -> str:
    """The account that the subject plays as. Refused `evidence_player_missing`."""
    if not source.player:
        raise refuse(
            "evidence_player_missing",
            "A game was given, but not which of its players you are.",
            hint="Link your account, or name the player.",
        )
    return source.player


def player_absent(player: str, where: Node) -> Refused:
    return refuse(
        "evidence_player_not_in_match",
        f"The player {player[:TEXT_CHARS_MAX]} does not stand in this document.",
        details=where.pointer,
        hint="Send your own matches. A player who hides the match data cannot be recognised.",
    )


def timed(node: Node) -> Node:
    """A Node that must be there because it says when. Refused `evidence_without_times`."""
    if node.value is None:
        raise refuse(
            "evidence_without_times",
            f"{node.pointer} is missing, so nothing says when this happened.",
            details=node.pointer,
            hint="Send the full document, with its times.",
        )
    return node


def _distinct(records: Iterable[Record]) -> list[Record]:
    kept: list[Record] = []
    by_id: dict[str, Record] = {}
    for record in records:
        name = record["provider_id"]
        twin = None if name is None else by_id.setdefault(name, record)
        if twin is None or twin is record:
            kept.append(record)
        elif twin != record:
            raise Node(None, "").unexpected(f"holds {name} twice, and they differ")
    return kept


def _by_start(record: Record) -> tuple[int, str]:
    return record.get("start_ms", 0), record["provider_id"] or ""


def _scaled(number: Any, factor: int, high: int, low: int) -> int | None:
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        raise ValueError("must be a number")
    is_int = isinstance(number, int)
    product = number * factor if is_int else EXACT.multiply(number, factor)
    # Compared before it is converted: 1e999999 is a short Decimal and a very long integer.
    if not low <= product <= high:
        raise ValueError(f"must be a number from {low // factor} to {high // factor}")
    return product if is_int else int(product.to_integral_value(context=EXACT))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _not_a_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_not_a_number, object_pairs_hook=_unique
)


def _is_unprintable(char: str) -> bool:
    """Control characters, and surrogates, which UTF-8 cannot write."""
    return char < " " or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"


def _malformed(reason: str) -> Refused:
    return refuse(
        "evidence_json_malformed",
        f"The document is not JSON that can be trusted: {reason}.",
        hint=f"Save the whole file again. {SEND_AS_ANSWERED}",
    )
