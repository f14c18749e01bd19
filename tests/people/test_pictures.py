"""Pictures: only pixels come out, whatever went in."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from agon.commons.people import pictures
from agon.kernel.errors import Refusal


def drawn(
    size: tuple[int, int] = (640, 480), kind: str = "JPEG", mode: str = "RGB", **options: object
) -> bytes:
    """A picture, red on its left half."""
    image = Image.new(mode, size)
    image.paste(Image.new("RGB", size, "red").convert(mode), (-size[0] // 2, 0))
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    found = pictures.redraw(data)
    assert isinstance(found, pictures.Picture), found
    image = Image.open(BytesIO(found.data))
    assert Image.MIME[image.format] == found.mime
    assert image.size == (found.side_px, found.side_px)
    return image


def refused(data: bytes) -> str:
    found = pictures.redraw(data)
    assert isinstance(found, Refusal), found
    return found.code


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header names a size, and whose data unpack to nothing like it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", pictures.FORMATS)
@pytest.mark.parametrize("size", [(640, 480), (3000, 200), (40, 90), (1, 1)])
def test_a_picture_becomes_a_square_of_at_most_512(kind, size):
    image = opened(drawn(size, kind))
    assert image.size[0] == min(512, *size)
    assert image.format == "JPEG"


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("I;16", "PNG"), ("CMYK", "JPEG")],
)
def test_every_colour_model_becomes_rgb(mode, kind):
    out = BytesIO()
    Image.new(mode, (30, 20)).save(out, kind)
    assert opened(out.getvalue()).mode == "RGB"


def test_what_is_transparent_stays_so_and_what_is_not_becomes_jpeg():
    clear = Image.new("RGBA", (60, 60), (255, 0, 0, 0))
    out = BytesIO()
    clear.save(out, "PNG")
    kept = opened(out.getvalue())
    assert (kept.format, kept.mode, kept.getpixel((9, 9))[3]) == ("PNG", "RGBA", 0)
    assert opened(drawn(mode="RGBA", kind="PNG")).format in ("PNG", "JPEG")
    opaque = BytesIO()
    Image.new("RGBA", (60, 60), (255, 0, 0, 255)).save(opaque, "PNG")
    assert opened(opaque.getvalue()).format == "JPEG"


def test_nothing_but_pixels_comes_through():
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "SECRETMAKER", "2026:01:01 00:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    data = drawn(exif=exif, comment=b"SECRETCOMMENT", icc_profile=b"SECRETPROFILE" * 9)
    assert b"SECRET" in data
    found = pictures.redraw(data + b"<script>SECRETTAIL</script>")
    assert b"SECRET" not in found.data
    image = Image.open(BytesIO(found.data))
    assert not image.getexif()
    assert not {"icc_profile", "comment", "exif"} & set(image.info)


def test_a_picture_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by half a circle: what is left comes right
    left = opened(drawn()).convert("RGB").getpixel((20, 200))
    turned = opened(drawn(exif=exif)).convert("RGB").getpixel((20, 200))
    assert left[0] > 200 > 50 > turned[0]


def test_an_animation_is_its_first_frame():
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("red", "blue")]
    out = BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    image = opened(out.getvalue())
    assert getattr(image, "n_frames", 1) == 1
    assert image.getpixel((25, 25))[0] > 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(50),
        b"\xff\xd8\xff\xe0" + bytes(100),
        drawn()[:400],
        drawn(kind="PNG")[:200],
        drawn((64, 64), "BMP"),
        drawn((64, 64), "TIFF"),
        png_that_says(600, 600),
    ],
)
def test_what_is_no_whole_picture_is_refused(data):
    assert refused(data) == "image_malformed"


@pytest.mark.parametrize("size", [(9000, 9000), (10_001, 10), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header(size):
    assert refused(png_that_says(*size)) in ("image_too_many_pixels", "image_malformed")
    assert refused(bytes(pictures.UPLOAD_BYTES_MAX + 1)) == "image_too_large"
