"""Files under their content id, written once, read back bit for bit."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agon.kernel import cid as cids
from agon.kernel.database import Conn
from agon.kernel.errors import refuse
from agon.kernel.runtime import Runtime

COPY_BYTES = 1 << 20
PROFILES = {profile.name: profile for profile in (cids.UNIXFS_V1_2025, cids.KUBO_DEFAULT)}
"""How files are cut into blocks: the same bytes have another content id in each."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that the folder holds. profile: the name of the one that its cid was made with."""

    cid: str
    sha256: str
    bytes: int
    profile: str = cids.UNIXFS_V1_2025.name


def folder(runtime: Runtime) -> Path:
    """The content folder, made if missing, closed to other users."""
    path: Path = runtime.settings["content_dir"] or runtime.home / "content"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextmanager
def arriving(root: Path) -> Iterator[Path]:
    """A path in the content folder to write an upload to; gone afterwards, unless kept."""
    path = root / "arriving" / secrets.token_hex(16)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def describe(arrived: Path, profile: cids.Profile = cids.UNIXFS_V1_2025) -> File:
    """What an arrived file would be kept as."""
    sha256 = hashlib.sha256()
    with arrived.open("rb") as stream:
        while block := stream.read(COPY_BYTES):
            sha256.update(block)
        stream.seek(0)
        cid, size = cids.of_stream(stream, profile)
    return File(cid=cid, sha256=sha256.hexdigest(), bytes=size, profile=profile.name)


def keep(root: Path, arrived: Path, file: File) -> None:
    """Move an arrived file under its content id, durably. Twice is the same as once.

    Call it last before the commit of the transaction that records the file: then a refusal leaves
    no bytes behind, and a row always has its file.
    """
    target = _path(root, file.cid)
    if target.exists():
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with arrived.open("rb") as stream:
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), 0o400)
    arrived.rename(target)
    for place in (target.parent, root):
        _sync_folder(place)


def open_file(root: Path, cid: str) -> BinaryIO:
    """The bytes of a file. Raises Refused `content_missing`."""
    return locate(root, cid).open("rb")


def locate(root: Path, cid: str) -> Path:
    """Where a file lies. Raises Refused `cid_malformed`, `content_missing`."""
    cids.parse(cid)
    path = _path(root, cid)
    if not path.exists():
        raise refuse(
            "content_missing",
            f"No file {cid} is held here.",
            hint="Servers and workers need the same content folder (AGON_CONTENT_DIR).",
            status=404,
        )
    return path


async def record(conn: Conn, file: File, media_type: str) -> None:
    """Write the file's row: it is held, and shown to nobody. Twice is the same as once."""
    await conn.execute(
        "select agon.keep_file($1, $2, $3, $4, $5)",
        file.cid,
        file.sha256,
        file.bytes,
        media_type,
        file.profile,
    )


def _path(root: Path, cid: str) -> Path:
    return root / cid[-2] / cid


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
