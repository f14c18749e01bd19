"""Content ids: CIDv1 names of bytes, files and folders, as IPFS tools compute them.

Raw leaves, SHA-256, a balanced tree of UnixFS nodes. The setting that we use is the profile
`unixfs-v1-2025` (IPIP-499: 1 MiB chunks, 1024 links), because it is the one that has a written
specification and a name that other tools accept (`ipfs config profile apply unixfs-v1-2025`), and
because a file of up to 1 MiB is then one block, whose id is the SHA-256 of its bytes.
`KUBO_DEFAULT` is what `ipfs add --cid-version=1` does without a profile: 256 KiB, 174 links.
Up to 256 KiB the two agree; above, the same bytes have two ids, so name the profile with the id.

Sources: https://github.com/multiformats/cid, the dag-pb and UnixFS specifications of IPLD, and
`ipfs-unixfs-importer` 17.1.1, whose ids the tests hold.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Literal

from agon.kernel.errors import Refused, refuse

DIGEST_BYTES = 32
DIRECTORY_BLOCK_BYTES_MAX = 256 * 1024
"""Above this, IPFS tools shard a directory (HAMT), which we do not."""

_CODEC_BYTES = {"raw": 0x55, "dag-pb": 0x70}
_SHA2_256 = 0x12
_TEXT = re.compile(r"b[a-z2-7]{58}")
_NAME = re.compile(r"[^/\0\ud800-\udfff]+")
_UNIXFS_DIRECTORY = b"\x08\x01"
_UNIXFS_FILE = b"\x08\x02"

Codec = Literal["raw", "dag-pb"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How a file is cut: bytes in a chunk, links in a node."""

    name: str
    chunk_bytes: int
    links_max: int


UNIXFS_V1_2025 = Profile(name="unixfs-v1-2025", chunk_bytes=1024 * 1024, links_max=1024)
KUBO_DEFAULT = Profile(name="kubo-default", chunk_bytes=256 * 1024, links_max=174)


@dataclass(frozen=True, kw_only=True)
class Cid:
    """A content id in parts. digest: 32 bytes of SHA-256; str() gives the text form."""

    version: int
    codec: Codec
    digest: bytes

    def __str__(self) -> str:
        return _text(_binary(self.codec, self.digest))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Node:
    """cid: binary; size: bytes of file below it; dag_size: bytes of all blocks below and its own"""

    cid: bytes
    size: int
    dag_size: int


def of_bytes(data: bytes, profile: Profile = UNIXFS_V1_2025) -> str:
    """The CID of a file that holds these bytes."""
    return of_stream(BytesIO(data), profile)[0]


def of_stream(stream: BinaryIO, profile: Profile = UNIXFS_V1_2025) -> tuple[str, int]:
    """The CID of a file, and its size in bytes.

    Holds one chunk, and about 150 bytes for each chunk read: 150 KB for 1 GB.
    """
    root = _tree([_leaf(chunk) for chunk in _chunks(stream, profile.chunk_bytes)], profile)
    return _text(root.cid), root.size


def dag_bytes(size: int, profile: Profile = UNIXFS_V1_2025) -> int:
    """Bytes of all blocks of a file of `size` bytes: what a directory records as its `Tsize`.

    The tree's shape hangs on the size alone, so the file itself is not needed.
    """
    placeholder = _binary("raw", bytes(DIGEST_BYTES))
    sizes = [profile.chunk_bytes] * (size // profile.chunk_bytes)
    if size % profile.chunk_bytes or not size:
        sizes.append(size % profile.chunk_bytes)
    leaves = [_Node(cid=placeholder, size=each, dag_size=each) for each in sizes]
    return _tree(leaves, profile).dag_size


def of_directory(entries: Mapping[str, tuple[str, int]]) -> tuple[str, int]:
    """The CID of a UnixFS directory, and the bytes of all its blocks.

    entries: name -> (cid, bytes of all blocks below it): `dag_bytes` for a file, the second part
    of this function's answer for a directory. Refused: `cid_malformed`, `cid_directory_name`,
    `cid_directory_large` (a block above 256 KiB).
    """
    named = sorted((_name_bytes(name), *entry) for name, entry in entries.items())
    links = [_link(_parsed_binary(cid), name, dag_size) for name, cid, dag_size in named]
    block = _block(links, _UNIXFS_DIRECTORY)
    if len(block) > DIRECTORY_BLOCK_BYTES_MAX:
        raise refuse(
            "cid_directory_large",
            "The directory has too many entries for one block.",
            details=f"{len(block)} bytes, the limit is {DIRECTORY_BLOCK_BYTES_MAX}.",
            hint="Split it into several directories.",
        )
    return (
        _text(_binary("dag-pb", hashlib.sha256(block).digest())),
        len(block) + sum(dag_size for _, _, dag_size in named),
    )


def parse(text: str) -> Cid:
    """The parts of a CID in its one accepted spelling; anything else is `cid_malformed`.

    Accepted: CIDv1, lower-case base32, SHA-256, codec raw or dag-pb.
    """
    if isinstance(text, str) and _TEXT.fullmatch(text):
        binary = base64.b32decode(text[1:].upper() + "======")
        version, codec, *multihash = binary[:4]
        # The last character has two bits to spare: only zeros there make the spelling unique.
        if _text(binary) == text and version == 1 and multihash == [_SHA2_256, DIGEST_BYTES]:
            for name, code in _CODEC_BYTES.items():
                if code == codec:
                    return Cid(version=version, codec=name, digest=binary[4:])  # type: ignore[arg-type]
    raise refuse(
        "cid_malformed",
        "This is not a content id that Agon uses.",
        details=f"Got {str(text)[:80]!r}.",
        hint="Give a CIDv1 in lower-case base32 with SHA-256 (bafkrei… or bafybei…).",
    )


def is_cid(text: str) -> bool:
    """Whether `parse` accepts the text."""
    try:
        parse(text)
    except Refused:
        return False
    return True


def _chunks(stream: BinaryIO, chunk_bytes: int) -> Iterator[bytes]:
    """Full chunks and a shorter last one, also from a stream that gives less than asked for."""
    parts: list[bytes] = []
    missing, chunks = chunk_bytes, 0
    while part := stream.read(missing):
        parts.append(part)
        missing -= len(part)
        if not missing:
            yield b"".join(parts)
            parts, missing, chunks = [], chunk_bytes, chunks + 1
    if parts or not chunks:
        yield b"".join(parts)


def _leaf(chunk: bytes) -> _Node:
    cid = _binary("raw", hashlib.sha256(chunk).digest())
    return _Node(cid=cid, size=len(chunk), dag_size=len(chunk))


def _tree(nodes: list[_Node], profile: Profile) -> _Node:
    """Joins nodes level by level until one is left; a file of one chunk stays a bare leaf."""
    while len(nodes) > 1:
        step = profile.links_max
        nodes = [_joined(nodes[i : i + step]) for i in range(0, len(nodes), step)]
    return nodes[0]


def _joined(nodes: list[_Node]) -> _Node:
    size = sum(node.size for node in nodes)
    sizes = b"".join(b"\x20" + _varint(node.size) for node in nodes)  # field 4, not packed
    data = _UNIXFS_FILE + b"\x18" + _varint(size) + sizes  # field 3: size of the file
    block = _block((_link(node.cid, b"", node.dag_size) for node in nodes), data)
    return _Node(
        cid=_binary("dag-pb", hashlib.sha256(block).digest()),
        size=size,
        dag_size=len(block) + sum(node.dag_size for node in nodes),
    )


def _block(links: Iterable[bytes], data: bytes) -> bytes:
    """A dag-pb node. The specification puts field 2, the links, before field 1, the data."""
    return b"".join(_field(2, link) for link in links) + _field(1, data)


def _link(cid: bytes, name: bytes, dag_size: int) -> bytes:
    return _field(1, cid) + _field(2, name) + b"\x18" + _varint(dag_size)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _name_bytes(name: str) -> bytes:
    if name in (".", "..") or not _NAME.fullmatch(name):
        raise refuse(
            "cid_directory_name",
            "A directory entry needs a plain file name.",
            details=f"Got {name[:80]!r}.",
            hint="Leave out empty names, '.', '..', '/', NUL and lone surrogates.",
        )
    return name.encode()


def _binary(codec: Codec, digest: bytes) -> bytes:
    return bytes([1, _CODEC_BYTES[codec], _SHA2_256, DIGEST_BYTES]) + digest


def _parsed_binary(text: str) -> bytes:
    cid = parse(text)
    return _binary(cid.codec, cid.digest)


def _text(binary: bytes) -> str:
    return "b" + base64.b32encode(binary).decode().rstrip("=").lower()
