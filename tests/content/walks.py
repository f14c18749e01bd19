"""Content as tests make it: published in a place, tried at stand-ins."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace

from agon.commons.content import files, publishing
from agon.kernel import cid as cids
from agon.kernel.jobs import Work
from tests.places import Place
from tests.standins.kubo import TOKEN, Ipfs

GLB_TYPE = "model/gltf-binary"
NOTE = b'{"name":"Agon"}'


def noise(size: int) -> bytes:
    """Bytes of which no two chunks are the same."""
    return b"".join(struct.pack(">Q", number) for number in range(size // 8 + 1))[:size]


def glb(scene: object | bytes = None, *more: tuple[int, bytes], version: int = 2) -> bytes:
    """A binary glTF file. scene: the JSON chunk's value, or its bytes; more: further chunks."""
    first = scene if isinstance(scene, bytes) else json.dumps(scene or MODEL).encode()
    body = chunk(0x4E4F534A, first + b" " * (-len(first) % 4))
    body += b"".join(chunk(kind, data) for kind, data in more)
    return struct.pack("<4sII", b"glTF", version, 12 + len(body)) + body


def chunk(kind: int, data: bytes) -> bytes:
    """One chunk of it."""
    return struct.pack("<II", len(data), kind) + data


def png(width: int = 2, height: int = 1, *more: bytes) -> bytes:
    """A grey picture. more: chunks before its end."""
    pixels = zlib.compress((b"\0" + b"\x7f" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", pixels), *more, png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of it."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


MODEL = {"asset": {"version": "2.0", "generator": "Agon's tests"}}


async def published(
    place: Place,
    data: bytes = NOTE,
    media_type: str = "application/json",
    profile: cids.Profile = cids.UNIXFS_V1_2025,
) -> str:
    """Bytes, published; their content id."""
    async with place.database.as_worker() as conn:
        return await publishing.publish(
            conn, files.folder(place.runtime), data, media_type, profile
        )


def work(place: Place, **settings: object) -> Work:
    """The worker of a place, some settings changed."""
    given = place.runtime.settings
    process = replace(place.runtime, settings=replace(given, values={**given.values, **settings}))
    process.__dict__["urls"] = place.runtime.urls
    return Work(database=place.database, runtime=process)


def beside(place: Place, ipfs: Ipfs, *parties: str) -> Work:
    """A worker that knows these parties: kubo, service, gateway."""
    known = {
        "kubo": {"ipfs_api_url": ipfs.party.url},
        "service": {"ipfs_pinning_url": ipfs.party.url, "ipfs_pinning_token": TOKEN},
        "gateway": {"ipfs_gateway_url": ipfs.party.url},
    }
    return work(place, **{key: value for party in parties for key, value in known[party].items()})
