"""What published content must be like: JSON in its one spelling, models that hold together.

Pure. Others will read these bytes by their content id for ever, so what is wrong with them is said
before they have one.
"""

from __future__ import annotations

import json
import re
import struct

from agon.kernel.canonical import canonical
from agon.kernel.errors import Refused, refuse

CONTENT_BYTES_MAX = 64 * 1024 * 1024
GLB_BYTES_MAX = 32 * 1024 * 1024
JSON_BYTES_MAX = 1024 * 1024

JSON = "application/json"
GLB = "model/gltf-binary"

_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")
_MAGIC = b"glTF"
_VERSION = 2
_CHUNK_JSON = 0x4E4F534A
_CHUNK_BIN = 0x004E4942
_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<II")


def check(data: bytes, media_type: str) -> None:
    """Refuse content that is not what its media type says: `content_type_malformed`,
    `content_empty`, `content_too_large` (413), `json_not_canonical`, `glb_malformed`."""
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise refuse(
            "content_type_malformed",
            f"{media_type[:80]!r} is no media type.",
            hint="Write it in lower case, without parameters: application/json.",
        )
    limits = {JSON: JSON_BYTES_MAX, GLB: GLB_BYTES_MAX}
    check_size(data, limits.get(media_type, CONTENT_BYTES_MAX))
    if media_type == JSON:
        _check_json(data)
    if media_type == GLB:
        _check_glb(data)


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


def _check_glb(data: bytes) -> None:
    """The container of glTF 2.0 (section 4): header, a JSON chunk, then at most one BIN chunk."""
    if len(data) < _HEADER.size:
        raise _glb("it is shorter than its header")
    magic, version, length = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise _glb("it does not begin with glTF and version 2")
    if length != len(data):
        raise _glb(f"it says {length} bytes, and has {len(data)}")
    kinds, start = [], _HEADER.size
    while start < length:
        if start + _CHUNK.size > length:
            raise _glb("it ends within the header of a chunk")
        size, kind = _CHUNK.unpack_from(data, start)
        start += _CHUNK.size + size
        if size % 4 or start > length:
            raise _glb("a chunk is longer than the file, or not a multiple of 4 bytes")
        if not kinds:
            _check_scene(kind, data[start - size : start])
        kinds.append(kind)
    if not kinds:
        raise _glb("it has no chunks")
    if kinds.count(_CHUNK_JSON) > 1 or _CHUNK_BIN in kinds[2:]:
        raise _glb("its chunks are not one of JSON and one of binary data, in this order")


def _check_scene(kind: int, chunk: bytes) -> None:
    if kind != _CHUNK_JSON:
        raise _glb("its first chunk is not JSON")
    try:
        scene = json.loads(chunk.decode())
    except (ValueError, RecursionError) as error:
        raise _glb(f"its first chunk is not JSON: {error}") from error
    asset = scene.get("asset") if isinstance(scene, dict) else None
    version = asset.get("version") if isinstance(asset, dict) else None
    if not isinstance(version, str) or not version.startswith("2."):
        raise _glb("it does not say asset.version 2")


def _glb(why: str) -> Refused:
    return refuse(
        "glb_malformed",
        "This is no binary glTF 2.0 file.",
        details=why,
        hint="Export the model as .glb.",
    )
