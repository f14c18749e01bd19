"""The zip around an Apple Health export: finds the document in it, and refuses bombs."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import SEEK_END
from typing import BinaryIO

from agon.challenges.readers import refusals, xml
from agon.kernel.errors import Refused, refuse

UNPACKED_BYTES_MAX = 4 * 1024**3
RATIO_MAX = 200
"""Unpacked to packed; a real export has about 25."""
RATIO_BYTES_MIN = 1024**2
"""Of small files the ratio says nothing."""
DIRECTORY_BYTES_MAX = 16 * 1024**2
"""About 100,000 entries: a folder of workout routes has thousands."""
CANDIDATES_MAX = 10
ROOT = "HealthData"

END_BYTES, COMMENT_BYTES_MAX = 22, 65_535
END_MAGIC = b"PK\x05\x06"
ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError
)  # fmt: skip
"""What zipfile raises at a damaged zip, or at one of a kind that it does not know."""
SEND_EXPORT = "Send the zip that the phone exports, or the export.xml inside it."


def export_in(stream: BinaryIO) -> BinaryIO:
    """The unpacked export document, to be read once.

    Refused: `evidence_truncated`, `evidence_zip_malformed`, `evidence_zip_bomb`,
    `evidence_zip_nested`, `evidence_zip_without_export`, `evidence_zip_encrypted`.
    """
    _check_directory(stream)
    try:
        return _find(zipfile.ZipFile(stream))
    except BROKEN as error:
        raise malformed(str(error)) from error


def _find(archive: zipfile.ZipFile) -> BinaryIO:
    members = [one for one in archive.infolist() if not one.filename.endswith("/")]
    documents = [member for member in members if member.filename.lower().endswith(".xml")]
    documents.sort(key=lambda member: (-member.file_size, member.filename))
    for member in documents[:CANDIDATES_MAX]:
        _check_member(member)
        with archive.open(member) as document:
            start = xml.root_of(document.read(xml.HEAD_BYTES))
        if start and start[0] == ROOT:
            return archive.open(member)
    if any(member.filename.lower().endswith(".zip") for member in members):
        raise refuse(
            "evidence_zip_nested",
            "The zip holds another zip instead of the export.",
            hint=SEND_EXPORT,
        )
    raise refuse(
        "evidence_zip_without_export",
        "The zip holds no Apple Health export.",
        details=f"{len(members)} entries",
        hint=SEND_EXPORT,
    )


def malformed(details: str) -> Refused:
    return refuse(
        "evidence_zip_malformed",
        "The zip is damaged, or of a kind that Agon does not read.",
        details=details,
        hint=SEND_EXPORT,
    )


def _check_directory(stream: BinaryIO) -> None:
    """The end record says how large the directory is: look before it is read into memory."""
    size = stream.seek(0, SEEK_END)
    stream.seek(max(0, size - END_BYTES - COMMENT_BYTES_MAX))
    tail = stream.read()
    at = tail.rfind(END_MAGIC)
    if at < 0 or len(tail) < at + END_BYTES:
        raise refusals.truncated("the zip's directory is missing")
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    if directory_bytes == 0xFFFF_FFFF:
        raise malformed("a directory in zip64 format")
    if directory_bytes > DIRECTORY_BYTES_MAX:
        raise _bomb(f"a directory of {directory_bytes} bytes")
    stream.seek(0)


def _check_member(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & ENCRYPTED:
        raise refuse(
            "evidence_zip_encrypted",
            "The zip is protected by a password.",
            hint=SEND_EXPORT,
        )
    if member.compress_type not in METHODS:
        raise malformed(f"compression method {member.compress_type}")
    ratio = member.file_size // max(1, member.compress_size)
    if member.file_size > UNPACKED_BYTES_MAX:
        raise _bomb(f"{member.file_size} bytes unpacked")
    if member.file_size > RATIO_BYTES_MIN and ratio > RATIO_MAX:
        raise _bomb(f"unpacks to {ratio} times its size")


def _bomb(details: str) -> Refused:
    return refuse(
        "evidence_zip_bomb",
        "The zip would unpack to more than Agon reads.",
        details=details,
        hint=SEND_EXPORT,
        status=413,
    )
