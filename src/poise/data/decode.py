"""From the bytes of one image file to one uint8 array [size, size, channels].

Whatever may be wrong with a file ends as a `Skipped` with the reason, never as an exception.
"""

import io
from collections.abc import Callable
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageOps

from .dataset import Images, Skipped

# Formats whose decoders are run at all: an .eps renamed .png must not start Ghostscript.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
GRAY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"}
MAX_PIXELS = 89_478_485  # where Pillow begins to suspect a decompression bomb
MAX_BYTES = 512 << 20

Open = Callable[[], IO[bytes]]
Image.init()


class BadImage(Exception):  # noqa: N818  (a state of a file, which gets skipped)
    """The file cannot be used; the text says why."""


class Header(NamedTuple):
    """What is known of an image before its pixels are decoded."""

    width: int
    height: int
    gray: bool


def read_header(path: str, open_file: Open) -> Header | Skipped:
    """Read the size of an image and whether it is gray, or say why it cannot be used.

    Args:
        path: The name to give in `Skipped`.
        open_file: Opens the file for reading; it is closed here.
    """
    try:
        with open_file() as stream:
            image = _open(stream)
            return Header(image.width, image.height, image.mode in GRAY_MODES)
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged data
        return Skipped(path, _reason(error))


def decode(path: str, open_file: Open, size: int, gray: bool) -> Images | Skipped:
    """Decode an image to [size, size, 1 if gray else 3], or say why it cannot be done.

    Turned upright by its EXIF orientation, first frame of an animation, transparency laid on white,
    16-bit gray scaled to 8 bits, cropped at the center to a square, resized with an antialiasing filter.

    Args:
        path: The name to give in `Skipped`.
        open_file: Opens the file for reading; it is closed here.
        size: The side of the result.
        gray: Whether to return one channel.
    """
    try:
        with open_file() as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise BadImage(f"larger than {MAX_BYTES >> 20} MB")
        image = _open(io.BytesIO(data))
        # A JPEG decoder can skip most of the work for a thumbnail; twice the size keeps it sharp.
        image.draft("RGB", (2 * size, 2 * size))
        image.load()
        flat = _flatten(_upright(image)).convert("L" if gray else "RGB")
        return np.asarray(square(flat, size)).reshape(size, size, -1)
    except Exception as error:
        return Skipped(path, _reason(error))


def square(image: Image.Image, size: int) -> Image.Image:
    """Crop an image (mode L or RGB) at its center to a square and resize it, antialiased, to `size`.

    Example:
        >>> square(Image.new("L", (50, 40)), 32).size
        (32, 32)
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    if side == size:
        return image.crop(box)
    return image.resize((size, size), Image.Resampling.LANCZOS, box=box)


def _open(stream: IO[bytes]) -> ImageFile.ImageFile:
    """Read the header. `Image.open` would do, but for a bomb it warns through a process-wide filter."""
    prefix = stream.read(16)
    if not prefix:
        raise BadImage("empty (zero bytes)")
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or accept is None or accept(prefix) is not True:
            continue
        stream.seek(0)
        image = factory(stream, "")
        if image.width * image.height > MAX_PIXELS:
            raise BadImage(f"claims {image.width:,} × {image.height:,} pixels (a decompression bomb)")
        if image.mode == "F":
            raise BadImage("floating-point pixels; save it with 8 or 16 bits")
        return image
    raise BadImage("not an image, or of a format that Poise does not read")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF data says nothing about the pixels
        return image


def _flatten(image: Image.Image) -> Image.Image:
    """Bring 16 bits down to 8 and lay transparency on white."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65_535:
            raise BadImage("more than 16 bits a pixel; save it with 8 or 16 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))  # 65,535 = 255 · 257
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return image


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
