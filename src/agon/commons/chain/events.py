"""Events of an ABI: their first topics, and decoders that write a log's arguments as JSON text.

Static words, `string` and `bytes`, which is what our contracts emit. A log that does not have the
form of its event is an error, never a zero. Pure.

Source: the contract ABI specification, https://docs.soliditylang.org/en/latest/abi-spec.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agon.kernel.errors import Refused, refuse

WORD_BYTES = 32
TOPIC_CHARS = 2 + 2 * WORD_BYTES

ADDRESS_PADDING = bytes(12)
TRUE, FALSE = (1).to_bytes(WORD_BYTES, "big"), bytes(WORD_BYTES)
SIZED = re.compile(r"(uint|int|bytes)([1-9][0-9]{0,2})")

Read = Callable[[bytes], str]
"""A word, as JSON text. Raises ValueError."""
Decode = Callable[[Sequence[str], str], str]
"""Topics and data of a log, as hex, to its arguments as the text of a JSON object."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """One argument of an event."""

    name: str
    type: str
    indexed: bool


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event of an ABI."""

    name: str
    inputs: tuple[Input, ...]

    @property
    def signature(self) -> str:
        """Such as `Transfer(address,address,uint256)`."""
        return f"{self.name}({','.join(each.type for each in self.inputs)})"

    @cached_property
    def topic0(self) -> str:
        """Keccak-256 of the signature, as 0x hex."""
        from eth_hash.auto import keccak  # loads a library of its own

        return "0x" + keccak(self.signature.encode()).hex()


def parse(abi: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """The events of a contract's ABI, as solc writes it. Anonymous ones have no topic to ask by."""
    return tuple(
        Event(
            name=entry["name"],
            inputs=tuple(
                Input(name=each["name"] or f"arg{n}", type=each["type"], indexed=each["indexed"])
                for n, each in enumerate(entry["inputs"])
            ),
        )
        for entry in abi
        if entry["type"] == "event" and not entry.get("anonymous")
    )


def decoder(event: Event) -> Decode:
    """Compile the reading of an event. In the JSON, integers are decimal strings, addresses and
    bytes lower-case hex; an indexed string is its hash. Text that is no UTF-8, or holds a NUL,
    which Postgres takes in no text, has U+FFFD in these places: anybody may emit such text.

    Raises Refused `event_unsupported`; the decoder raises Refused `log_malformed`.
    """
    indexed = [each for each in event.inputs if each.indexed]
    plain = [each for each in event.inputs if not each.indexed]
    topics_wanted, plain_from = 1 + len(indexed), WORD_BYTES * len(indexed)
    head = WORD_BYTES * len(plain)
    bytes_min = plain_from + head
    is_static = not any(each.type in TAILS for each in plain)
    places = {each.name: WORD_BYTES * n for n, each in enumerate([*indexed, *plain])}
    reads = [
        (_reader(event, each), places[each.name], places[each.name] + WORD_BYTES)
        for each in event.inputs
    ]
    tails = [None if each.indexed else TAILS.get(each.type) for each in event.inputs]
    template = "{" + ", ".join(f"{json.dumps(each.name)}: %s" for each in event.inputs) + "}"

    def words(topics: Sequence[str], data: str) -> bytes:
        if len(topics) != topics_wanted or any([len(each) != TOPIC_CHARS for each in topics]):
            raise ValueError(f"it has {len(topics)} topics")
        raw = bytes.fromhex("".join([each[2:] for each in topics[1:]]) + data[2:])
        if len(raw) < bytes_min or (is_static and len(raw) != bytes_min):
            raise ValueError(f"it has {len(raw)} bytes, not {bytes_min}")
        return raw

    def decode_static(topics: Sequence[str], data: str) -> str:
        try:
            raw = words(topics, data)
            return template % tuple([read(raw[start:end]) for read, start, end in reads])
        except (ValueError, TypeError) as error:
            raise _malformed(event, error) from error

    def decode_mixed(topics: Sequence[str], data: str) -> str:
        try:
            raw = words(topics, data)
            body = raw[plain_from:]
            values = [
                tail(_tail(body, raw[start:end], head)) if tail else read(raw[start:end])
                for (read, start, end), tail in zip(reads, tails, strict=True)
            ]
            return template % tuple(values)
        except (ValueError, TypeError) as error:
            raise _malformed(event, error) from error

    return decode_static if is_static else decode_mixed


def _reader(event: Event, each: Input) -> Read:
    if each.type in TAILS:
        return _hash
    if each.type in READERS:
        return READERS[each.type]
    sized = SIZED.fullmatch(each.type)
    if sized is None:
        raise _unsupported(event, each)
    kind, size = sized[1], int(sized[2])
    if kind == "bytes" and size <= WORD_BYTES:
        return _fixed(size)
    if kind == "bytes" or size % 8 or size > 256:
        raise _unsupported(event, each)
    return _unsigned(size) if kind == "uint" else _signed(size)


def _unsigned(bits: int) -> Read:
    if bits == 256:
        return lambda word: f'"{int.from_bytes(word, "big")}"'
    padding = bytes(WORD_BYTES - bits // 8)

    def read(word: bytes) -> str:
        if not word.startswith(padding):
            raise ValueError(f"{word.hex()} is no uint{bits}")
        return f'"{int.from_bytes(word, "big")}"'

    return read


def _signed(bits: int) -> Read:
    bound = 1 << (bits - 1)

    def read(word: bytes) -> str:
        value = int.from_bytes(word, "big", signed=True)
        if not -bound <= value < bound:
            raise ValueError(f"{word.hex()} is no int{bits}")
        return f'"{value}"'

    return read


def _fixed(size: int) -> Read:
    padding = bytes(WORD_BYTES - size)

    def read(word: bytes) -> str:
        if not word.endswith(padding):
            raise ValueError(f"{word.hex()} is no bytes{size}")
        return f'"0x{word[:size].hex()}"'

    return read


def _address(word: bytes) -> str:
    if not word.startswith(ADDRESS_PADDING):
        raise ValueError(f"{word.hex()} is no address")
    return f'"0x{word[12:].hex()}"'


def _boolean(word: bytes) -> str:
    if word not in (TRUE, FALSE):
        raise ValueError(f"{word.hex()} is no bool")
    return "true" if word == TRUE else "false"


def _hash(word: bytes) -> str:
    return f'"0x{word.hex()}"'


def _tail(body: bytes, word: bytes, head: int) -> bytes:
    """What lies at an offset into the data, behind its head: a length, then so many bytes."""
    start = int.from_bytes(word, "big") + WORD_BYTES
    if not head + WORD_BYTES <= start <= len(body):
        raise ValueError("its text begins elsewhere")
    end = start + int.from_bytes(body[start - WORD_BYTES : start], "big")
    if end > len(body):
        raise ValueError("it ends within its text")
    return body[start:end]


def _string(tail: bytes) -> str:
    return json.dumps(tail.decode("utf-8", "replace").replace("\0", "\ufffd"))


def _bytes(tail: bytes) -> str:
    return f'"0x{tail.hex()}"'


READERS: Mapping[str, Read] = {"address": _address, "bool": _boolean}
TAILS: Mapping[str, Callable[[bytes], str]] = {"string": _string, "bytes": _bytes}


def _malformed(event: Event, error: Exception) -> Refused:
    return refuse(
        "log_malformed",
        f"A log is not a {event.signature}: {error}.",
        hint="The ABI of the contract does not fit what stands at its address, or the node errs.",
        status=502,
    )


def _unsupported(event: Event, each: Input) -> Refused:
    return refuse(
        "event_unsupported",
        f"{event.signature} has an argument of type {each.type}, which is not read here.",
        hint="Events hold numbers, addresses, truth values, bytes and text.",
    )
