"""Pictures as text within a page, no larger than they need to be."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

MOST_FRAMES = 40  # of the slider
WIDEST = 1_000  # pixels of a picture


class Picture(NamedTuple):
    """A picture as a data URI, and whether it is one of small images, whose pixels should stay sharp."""

    src: str
    small: bool


def inlined(path: Path) -> Picture | None:
    """Return a picture for a page; None if it cannot be read.

    Grids of small images were enlarged by a whole factor, which is undone: the page enlarges them again.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB" if opened.mode not in ("L", "RGB") else opened.mode)
    except (OSError, ValueError):
        return None
    factor = _enlarged(np.asarray(picture))
    if factor > 1:
        picture = picture.resize((picture.width // factor, picture.height // factor), Image.Resampling.NEAREST)
    elif picture.width > WIDEST:
        height = round(picture.height * WIDEST / picture.width)
        picture = picture.resize((WIDEST, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "webp", lossless=True, method=4)
    return Picture(f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", factor > 1)


def chosen(paths: list[Path]) -> list[Path]:
    """Return at most forty of the pictures, evenly spread, the first and the last among them."""
    if len(paths) <= MOST_FRAMES:
        return paths
    return [paths[i] for i in np.linspace(0, len(paths) - 1, MOST_FRAMES).round().astype(int)]


def _enlarged(pixels: np.ndarray) -> int:
    """Return the greatest factor by which every pixel is repeated, up to 24."""
    height, width = pixels.shape[:2]
    for factor in range(24, 1, -1):
        if height % factor == 0 and width % factor == 0:
            small = pixels[::factor, ::factor]
            if np.array_equal(small.repeat(factor, 0).repeat(factor, 1), pixels):
                return factor
    return 1
