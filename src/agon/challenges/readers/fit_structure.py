"""The frame of a FIT file: header, definitions and lengths, checked before anything is decoded.

The decoder needs about half a kilobyte of memory for a message of two bytes, and panics at a base
type that the protocol does not have; so both are looked at first.
"""

from __future__ import annotations

from agon.challenges.readers import refusals
from agon.kernel.errors import Refused, refuse

MAGIC = b".FIT"
HEADER_BYTES = (12, 14)
CHECKSUM_BYTES = 2
MESSAGES_MAX = 500_000
FIELDS_MAX = 4_000_000
"""Values in all messages together; 100 hours of a watch that notes ten values a second."""

COMPRESSED_HEADER, DEFINITION_HEADER, DEVELOPER_FIELDS = 0x80, 0x40, 0x20
DEFINITION_BYTES = 6
BASE_TYPES = frozenset(
    (0x00, 0x01, 0x02, 0x07, 0x0A, 0x0D, 0x83, 0x84, 0x85, 0x86, 0x88, 0x89, 0x8B, 0x8C, 0x8E,
     0x8F, 0x90)
)  # fmt: skip
CRC_POLYNOMIAL = 0xA001
"""CRC-16 with the polynomial 0x8005, reflected."""


def check(data: bytes) -> None:
    """Refuse what is no whole FIT file, or larger than MESSAGES_MAX and FIELDS_MAX allow.

    Refused: `evidence_truncated`, `evidence_checksum_wrong`, `evidence_fit_malformed`,
    `evidence_too_many_samples`. The checksum of the data is left to the decoder, which is faster.
    """
    messages = fields = begin = 0
    while begin < len(data):
        begin, end = _frame(data, begin)
        more = _count(data, begin, end)
        if more is None:
            raise malformed("the lengths of its messages do not add up")
        messages, fields = messages + more[0], fields + more[1]
        if messages > MESSAGES_MAX or fields > FIELDS_MAX:
            raise refusals.too_many_samples(f"over {MESSAGES_MAX} messages or {FIELDS_MAX} values")
        begin = end + CHECKSUM_BYTES


def refusal_of(complaint: str) -> Refused:
    """The refusal for what the decoder says of a file that `check` has passed."""
    if "checksum" in complaint:
        return _checksum_wrong(complaint)
    return malformed(complaint)


def malformed(details: str) -> Refused:
    return refuse(
        "evidence_fit_malformed",
        "The file is damaged, or does not keep to the FIT protocol.",
        details=details,
        hint=refusals.EXPORT_AGAIN,
    )


def _frame(data: bytes, begin: int) -> tuple[int, int]:
    """Where the messages of the file that begins here begin and end."""
    size = data[begin]
    header = data[begin : begin + size]
    if header[8:12] != MAGIC[: max(0, len(header) - 8)] or size not in HEADER_BYTES:
        raise malformed(f"no FIT header at byte {begin}")
    end = begin + size + int.from_bytes(header[4:8], "little")
    if len(header) < size or end + CHECKSUM_BYTES > len(data):
        announced = end + CHECKSUM_BYTES
        raise refusals.truncated(f"{announced} bytes are announced, {len(data)} are there")
    stated = int.from_bytes(header[12:14], "little")
    if stated and stated != _checksum(header[:12]):
        raise _checksum_wrong("in the header")
    return begin + size, end


def _count(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """How many messages and values stand in data[at:end]; None if their lengths do not fit."""
    defined: dict[int, tuple[int, int]] = {}
    messages = values = 0
    while at < end:
        head = data[at]
        if head & COMPRESSED_HEADER:
            local = head >> 5 & 3
        elif head & DEFINITION_HEADER:
            definition = _definition(data, at, end)
            if definition is None:
                return None
            at, size, count = definition
            defined[head & 15] = size, count
            continue
        else:
            local = head & 15
        if local not in defined:
            return None
        size, count = defined[local]
        begin = at
        while at < end and data[at] == head:
            at += 1 + size
        messages += (at - begin) // (1 + size)
        values += (at - begin) // (1 + size) * count
    return (messages, values) if at == end else None


def _definition(data: bytes, at: int, end: int) -> tuple[int, int, int] | None:
    """Where the definition at this byte ends, the length of its messages, and their values."""
    fields = at + DEFINITION_BYTES
    after = fields + 3 * data[fields - 1] if fields <= end else end + 1
    if after > end or any(data[index] not in BASE_TYPES for index in range(fields + 2, after, 3)):
        return None
    sizes, count = sum(data[fields + 1 : after : 3]), (after - fields) // 3
    if data[at] & DEVELOPER_FIELDS and after < end:
        fields, after = after + 1, after + 1 + 3 * data[after]
        sizes, count = sizes + sum(data[fields + 1 : after : 3]), count + (after - fields) // 3
    return (after, sizes, count) if after <= end else None


def _checksum(data: bytes) -> int:
    """CRC-16 as the FIT protocol has it, bit by bit: fast enough for a header."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC_POLYNOMIAL if crc & 1 else 0)
    return crc


def _checksum_wrong(details: str) -> Refused:
    return refuse(
        "evidence_checksum_wrong",
        "The file was damaged on its way: its checksum is wrong.",
        details=details,
        hint=refusals.EXPORT_AGAIN,
    )
