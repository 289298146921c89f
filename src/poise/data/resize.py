"""Bring arrays of images to one supported size."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from .dataset import Images, Progress
from .decode import square


def resized(images: Images, size: int) -> Iterator[Images]:
    """Yield each image [h, w, c], cropped at its center to a square and resized, as [size, size, c].

    Args:
        images: [n, h, w, c], c 1 or 3.
        size: The new side.

    Example:
        >>> next(resized(np.zeros((1, 50, 40, 3), np.uint8), 32)).shape
        (32, 32, 3)
    """
    for image in images:
        if image.shape[:2] == (size, size):
            yield image
        else:
            flat = image[..., 0] if image.shape[-1] == 1 else image
            yield np.asarray(square(Image.fromarray(flat), size)).reshape(size, size, -1)


def resize(images: Images, size: int, progress: Progress | None = None) -> Images:
    """Return images [n, h, w, c] as [n, size, size, c]: themselves, or cropped and resized."""
    n, height, width, channels = images.shape
    if height == width == size:
        return images
    out = np.empty((n, size, size, channels), np.uint8)
    for i, image in enumerate(resized(images, size)):
        out[i] = image
        if progress:
            progress(i + 1, n)
    return out
