"""Pictures of people: what is uploaded is decoded, cut to a square and drawn anew. Pure.

Nothing of the upload's bytes reaches anybody: no metadata (places, names of devices), no second
picture behind the first, nothing that a browser would take for another type.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageOps

from agon.kernel.errors import Refusal

UPLOAD_BYTES_MAX = 5 * 1024 * 1024
SIDE_PX = 512
"""Of what is kept; smaller pictures are not made larger."""
SIDE_PX_MAX = 10_000
PIXELS_MAX = 40_000_000
"""Of an upload, by what its header says: 320 MB while it is drawn anew."""
FORMATS = ("JPEG", "PNG", "WEBP")
JPEG_QUALITY = 85

# What Pillow raises for files that are broken, or made to break it.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A square picture: JPEG, or PNG where something of it is transparent."""

    data: bytes = field(repr=False)
    mime: str
    side_px: int


def redraw(data: bytes) -> Picture | Refusal:
    """The picture of an upload, or why it is none. Runs in any process."""
    if len(data) > UPLOAD_BYTES_MAX:
        return TOO_LARGE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if max(width, height) > SIDE_PX_MAX or width * height > PIXELS_MAX:
                    return TOO_MANY_PIXELS
                return _draw(image)
    except BROKEN as error:
        return Refusal(
            code="image_malformed",
            message="This is not a picture that can be read.",
            details=f"{type(error).__name__}: {error}"[:200],
            hint="Send a whole JPEG, PNG or WebP file.",
            status=422,
        )


def _draw(image: Image.Image) -> Picture:
    """The first frame, upright, its middle cut out, on a canvas that has only pixels."""
    image.draft("RGB", (2 * SIDE_PX, 2 * SIDE_PX))  # JPEG alone: decoded at a fraction of its size
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    is_clear = image.has_transparency_data
    mode = "RGBA" if is_clear else "RGB"
    pixels = image if image.mode == mode else image.convert(mode)
    (width, height), middle = pixels.size, min(pixels.size)
    left, top, side = (width - middle) // 2, (height - middle) // 2, min(SIDE_PX, middle)
    box = (left, top, left + middle, top + middle)
    square = pixels.resize((side, side), Image.Resampling.LANCZOS, box, reducing_gap=3.0)
    is_clear = is_clear and square.getchannel("A").getextrema()[0] < 255
    canvas = Image.new("RGBA" if is_clear else "RGB", square.size)
    canvas.paste(square)
    out = BytesIO()
    if is_clear:
        canvas.save(out, "PNG", optimize=True)
        return _kept(out, "image/png", side)
    canvas.save(out, "JPEG", quality=JPEG_QUALITY, optimize=True, progressive=True)
    return _kept(out, "image/jpeg", side)


def _kept(out: BytesIO, mime: str, side_px: int) -> Picture:
    return Picture(data=out.getvalue(), mime=mime, side_px=side_px)


TOO_LARGE = Refusal(
    code="image_too_large",
    message=f"A picture is at most {UPLOAD_BYTES_MAX // 1024**2} MiB.",
    hint="Make it smaller; what is kept is a square of 512 pixels.",
    status=413,
)
TOO_MANY_PIXELS = Refusal(
    code="image_too_many_pixels",
    message=f"A picture has at most {PIXELS_MAX // 10**6} million pixels.",
    details=f"and at most {SIDE_PX_MAX} on a side",
    hint="Make it smaller; what is kept is a square of 512 pixels.",
    status=422,
)
