"""What may be published: JSON in its one spelling, models that hold together, of bounded size."""

from __future__ import annotations

import struct

import pytest

from agon.commons.content import forms
from agon.kernel.errors import Refused
from tests.content.walks import MODEL, NOTE, chunk, glb, png, png_chunk

BINARY = 0x004E4942
GLB = glb(MODEL, (BINARY, b"\0" * 16))


def refusal(data: bytes, media_type: str) -> str:
    with pytest.raises(Refused) as refused:
        forms.check(data, media_type)
    return refused.value.refusal.code


@pytest.mark.parametrize("data", [NOTE, b"{}", b"[1,2]", '{"ä":"𝄞"}'.encode(), b"null"])
def test_canonical_json_is_taken(data):
    forms.check(data, forms.JSON)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1,"a":1}',
        b'{"a":1.5}',
        b'{"a":NaN}',
        b'{"a":1e3}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\\u00e4"}',
        b'{"a":"\\ud800"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
    ],
)
def test_json_in_any_other_spelling_is_not(data):
    assert refusal(data, forms.JSON) == "json_not_canonical"


@pytest.mark.parametrize("data", [glb(), GLB, glb(MODEL, (BINARY, b""), (0x1234, b"else"))])
def test_a_binary_model_is_taken(data):
    forms.check(data, forms.GLB)


@pytest.mark.parametrize(
    "data",
    [
        b"glTF",
        b"GLTF" + GLB[4:],
        glb(version=1),
        GLB + b"\0\0\0\0",
        GLB[:-4],
        struct.pack("<4sII", b"glTF", 2, 12),
        struct.pack("<4sII", b"glTF", 2, 16) + b"\0" * 4,
        glb(b"{]"),
        glb(b"\xff\xff\xff\xff"),
        glb(b"[]  "),
        glb({"asset": {"version": "1.0"}}),
        glb({"asset": 2}),
        glb(MODEL, (0x4E4F534A, b"{}  ")),
        glb(MODEL, (BINARY, b"abcd"), (BINARY, b"abcd")),
        glb(MODEL, (BINARY, b"abc")),
        struct.pack("<4sII", b"glTF", 2, 24) + chunk(BINARY, b"abcd"),
        struct.pack("<4sII", b"glTF", 2, 24) + struct.pack("<II", 2**32 - 4, 0x4E4F534A) + b"{}  ",
        glb(b"[" * 100_000),
    ],
)
def test_a_model_that_does_not_hold_together_is_not(data):
    assert refusal(data, forms.GLB) == "glb_malformed"


def test_content_has_a_size():
    assert refusal(b"", "text/plain") == "content_empty"
    for media_type, limit in (
        (forms.JSON, forms.JSON_BYTES_MAX),
        (forms.GLB, forms.GLB_BYTES_MAX),
        ("text/plain", forms.CONTENT_BYTES_MAX),
    ):
        assert refusal(bytes(limit + 1), media_type) == "content_too_large"


@pytest.mark.parametrize(
    "media_type",
    ["", "json", "Text/plain", "text/plain; charset=utf-8", "text/plain\r\nX: y", "a/b/c"],
)
def test_a_media_type_has_its_form(media_type):
    assert refusal(b"x", media_type) == "content_type_malformed"


def buffered(*buffers: object, bin_bytes: int | None = None) -> bytes:
    """A model with these buffers, and a binary chunk of so many bytes."""
    more = () if bin_bytes is None else ((BINARY, b"\0" * bin_bytes),)
    return glb({**MODEL, "buffers": list(buffers)}, *more)


@pytest.mark.parametrize(
    "data",
    [
        buffered({"byteLength": 13}, bin_bytes=16),
        buffered({"byteLength": 16}, bin_bytes=16),
        buffered({"byteLength": 1, "uri": "data:application/octet-stream;base64,AA=="}),
        buffered({"byteLength": 4}, {"byteLength": 8, "extensions": {}}, bin_bytes=4),
        glb({**MODEL, "images": [{"uri": "DATA:image/png;base64,AA=="}, {"bufferView": 0}]}),
    ],
)
def test_a_model_that_holds_all_that_it_needs_is_taken(data):
    forms.check(data, forms.GLB)


@pytest.mark.parametrize(
    "data",
    [
        buffered({"byteLength": 12}, bin_bytes=16),
        buffered({"byteLength": 17}, bin_bytes=16),
        buffered({"byteLength": 1}),
        buffered({"byteLength": True}, bin_bytes=4),
        buffered({}, bin_bytes=4),
        buffered(1, bin_bytes=4),
        glb({**MODEL, "buffers": {}}),
        glb({**MODEL, "extras": " " * forms.SCENE_BYTES_MAX}),
    ],
)
def test_a_model_whose_buffer_is_not_there_is_not(data):
    assert refusal(data, forms.GLB) == "glb_malformed"


@pytest.mark.parametrize(
    "uri", ["a.bin", "https://a.b/c.png", "file:///etc/passwd", "//a.b/c", "", " data:", 7, None]
)
@pytest.mark.parametrize("key", ["buffers", "images", "extensions"])
def test_a_model_that_refers_outside_is_not_taken(uri, key):
    """Wherever the uri stands, also within an extension."""
    held = {"deep": [{"uri": uri}]} if key == "extensions" else {"uri": uri}
    model = {**MODEL, key: [held]}
    assert refusal(glb(model), forms.GLB) == "glb_refers_outside"


def test_a_picture_is_taken():
    forms.check(png(), forms.PNG)
    forms.check(png(8192, 1, png_chunk(b"tEXt", b"a\0b")), forms.PNG)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg/>",
        png()[:8],
        png()[:-1],
        png()[:-12],
        png() + b"\0",
        png().replace(b"IDAT", b"IDAX"),
        png()[:30] + b"\0" + png()[31:],
        png(0, 1),
        png(8193, 1),
        png()[:8] + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b""),
        png()[:33] + png_chunk(b"IEND", b""),
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**32 - 1, b"IHDR") + b"\0" * 8,
    ],
)
def test_what_is_no_picture_is_not(data):
    assert refusal(data, forms.PNG) == "png_malformed"
