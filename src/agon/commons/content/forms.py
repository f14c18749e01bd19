"""What published content must be like: JSON in its one spelling, models and pictures that hold
together.

Pure. Others will read these bytes by their content id for ever, so what is wrong with them is said
before they have one.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from agon.kernel.canonical import canonical
from agon.kernel.errors import Refused, refuse

CONTENT_BYTES_MAX = 64 * 1024 * 1024
GLB_BYTES_MAX = 32 * 1024 * 1024
SCENE_BYTES_MAX = 4 * 1024 * 1024
"""Of a model's JSON; what is large lies in its binary chunk."""
PNG_BYTES_MAX = 4 * 1024 * 1024
PNG_SIDE_PX_MAX = 8192
JSON_BYTES_MAX = 1024 * 1024

JSON = "application/json"
GLB = "model/gltf-binary"
PNG = "image/png"

_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")
_MAGIC = b"glTF"
_VERSION = 2
_CHUNK_JSON = 0x4E4F534A
_CHUNK_BIN = 0x004E4942
_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<II")
_PADDING_BYTES_MAX = 3
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNK = struct.Struct(">I4s")
_PNG_HEADER = struct.Struct(">IIBBBBB")
_CRC = struct.Struct(">I")


def check(data: bytes, media_type: str) -> None:
    """Refuse content that is not what its media type says: `content_type_malformed`,
    `content_empty`, `content_too_large` (413), `json_not_canonical`, `glb_malformed`,
    `glb_refers_outside`, `png_malformed`."""
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise refuse(
            "content_type_malformed",
            f"{media_type[:80]!r} is no media type.",
            hint="Write it in lower case, without parameters: application/json.",
        )
    limits = {JSON: JSON_BYTES_MAX, GLB: GLB_BYTES_MAX, PNG: PNG_BYTES_MAX}
    check_size(data, limits.get(media_type, CONTENT_BYTES_MAX))
    if media_type == JSON:
        _check_json(data)
    if media_type == GLB:
        scene_of(data)
    if media_type == PNG:
        _check_png(data)


def check_size(data: bytes, bytes_max: int = CONTENT_BYTES_MAX) -> None:
    """Refuse what is empty or too large."""
    if not data:
        raise refuse("content_empty", "There is nothing in it.")
    if len(data) > bytes_max:
        raise refuse(
            "content_too_large",
            f"Content of this kind is at most {bytes_max} bytes.",
            details=f"{len(data)} bytes",
            status=413,
        )


def _check_json(data: bytes) -> None:
    try:
        is_canonical = canonical(json.loads(data)) == data
        why = "another spelling of the same value"
    except (ValueError, RecursionError) as error:
        is_canonical, why = False, f"not JSON: {error}"
    except Refused as refused:  # a value that canonical JSON cannot hold
        is_canonical, why = False, refused.refusal.details
    if not is_canonical:
        raise refuse(
            "json_not_canonical",
            "Published JSON is canonical (RFC 8785), so that one value has one content id.",
            details=why,
            hint="UTF-8, keys in order, no spaces, no fractions.",
        )


def scene_of(data: bytes) -> dict[str, Any]:
    """The JSON of a binary glTF 2.0 file (section 4 of its specification), once the file is found
    whole: header, a JSON chunk, at most one BIN chunk, and nothing that lies elsewhere.

    Raises Refused `glb_malformed`, `glb_refers_outside`.
    """
    if len(data) < _HEADER.size:
        raise _glb("it is shorter than its header")
    magic, version, length = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise _glb("it does not begin with glTF and version 2")
    if length != len(data):
        raise _glb(f"it says {length} bytes, and has {len(data)}")
    kinds, sizes, start = [], [], _HEADER.size
    while start < length:
        if start + _CHUNK.size > length:
            raise _glb("it ends within the header of a chunk")
        size, kind = _CHUNK.unpack_from(data, start)
        start += _CHUNK.size + size
        if size % 4 or start > length:
            raise _glb("a chunk is longer than the file, or not a multiple of 4 bytes")
        kinds.append(kind)
        sizes.append(size)
    if not kinds or kinds[0] != _CHUNK_JSON:
        raise _glb("its first chunk is not JSON")
    if kinds.count(_CHUNK_JSON) > 1 or _CHUNK_BIN in kinds[2:]:
        raise _glb("its chunks are not one of JSON and one of binary data, in this order")
    first = _HEADER.size + _CHUNK.size
    scene = _parse_scene(data[first : first + sizes[0]])
    _check_buffer(scene, sizes[1] if kinds[1:2] == [_CHUNK_BIN] else None)
    return scene


def _parse_scene(chunk: bytes) -> dict[str, Any]:
    if len(chunk) > SCENE_BYTES_MAX:
        raise _glb(f"its JSON has more than {SCENE_BYTES_MAX} bytes")
    try:
        scene = json.loads(chunk.decode())
    except (ValueError, RecursionError) as error:
        raise _glb(f"its first chunk is not JSON: {error}") from error
    asset = scene.get("asset") if isinstance(scene, dict) else None
    version = asset.get("version") if isinstance(asset, dict) else None
    if not isinstance(version, str) or not version.startswith("2."):
        raise _glb("it does not say asset.version 2")
    for uri in _uris_in(scene):
        # Wherever it stands: extensions bring places of their own.
        if not isinstance(uri, str) or not uri.lower().startswith("data:"):
            raise refuse(
                "glb_refers_outside",
                "This model refers to files outside of it.",
                details=f"uri {str(uri)[:100]!r}",
                hint="Export it with buffers and textures embedded.",
            )
    return scene


def _uris_in(scene: Any) -> Iterator[Any]:
    waiting = [scene]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "uri" in value:
                yield value["uri"]
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _check_buffer(scene: dict[str, Any], bin_bytes: int | None) -> None:
    """The first buffer without a uri is the BIN chunk, which may be padded (4.4.3.3)."""
    buffers = scene.get("buffers", [])
    if not isinstance(buffers, list) or not all(isinstance(each, dict) for each in buffers):
        raise _glb("its buffers are no list of objects")
    if not buffers or "uri" in buffers[0]:
        return
    wanted = buffers[0].get("byteLength")
    if type(wanted) is not int or bin_bytes is None:
        raise _glb("its first buffer is not there")
    if not wanted <= bin_bytes <= wanted + _PADDING_BYTES_MAX:
        raise _glb(f"its first buffer has {wanted} bytes, its binary chunk {bin_bytes}")


def _check_png(data: bytes) -> None:
    """The container of PNG (ISO/IEC 15948, section 5): signature, IHDR first, IEND last, each chunk
    with its CRC, no bytes behind. What the pixels are is not looked at."""
    kinds, start = [], len(_PNG_SIGNATURE)
    if not data.startswith(_PNG_SIGNATURE):
        raise _png("it does not begin as one")
    while start < len(data) and kinds[-1:] != [b"IEND"]:
        if start + _PNG_CHUNK.size + _CRC.size > len(data):
            raise _png("it ends within a chunk")
        size, kind = _PNG_CHUNK.unpack_from(data, start)
        body, after = start + _PNG_CHUNK.size, start + _PNG_CHUNK.size + size
        if after + _CRC.size > len(data):
            raise _png("a chunk is longer than the file")
        if _CRC.unpack_from(data, after)[0] != zlib.crc32(data[start + 4 : after]):
            raise _png("the checksum of a chunk is wrong")
        if not kinds:
            _check_png_header(kind, data[body:after])
        kinds.append(kind)
        start = after + _CRC.size
    if kinds[-1:] != [b"IEND"] or b"IDAT" not in kinds or start != len(data):
        raise _png("it has no pixels, no end, or something behind it")


def _check_png_header(kind: bytes, body: bytes) -> None:
    if kind != b"IHDR" or len(body) != _PNG_HEADER.size:
        raise _png("it does not say its size first")
    width, height, *_ = _PNG_HEADER.unpack(body)
    if not (1 <= width <= PNG_SIDE_PX_MAX and 1 <= height <= PNG_SIDE_PX_MAX):
        raise _png(f"it is {width} by {height} pixels, of at most {PNG_SIDE_PX_MAX} each")


def _glb(why: str) -> Refused:
    return refuse(
        "glb_malformed",
        "This is no binary glTF 2.0 file.",
        details=why,
        hint="Export the model as .glb.",
    )


def _png(why: str) -> Refused:
    return refuse(
        "png_malformed", "This is no PNG picture.", details=why, hint="Save the picture as .png."
    )
