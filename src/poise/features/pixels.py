"""Judges that are no networks: the samples themselves."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .blocks import in_blocks
from .judge import Judge, Progress, Samples

SIDE = 32  # pixels; larger images are averaged down, so that there are at most 3,072 features
BLOCK = 256


def pixels() -> Judge:
    """The pixels themselves, in [0, 1], images over 32 px averaged down; sees colors and layout, praises blur."""
    return Judge("pixels", "images", "FD-pixels", "1", pixel_features)


def points() -> Judge:
    """The values themselves, for points and tables; give tables standardized, or wide columns outweigh the rest."""
    return Judge("points", "points", "FD-points", "1", lambda rows, _: torch.from_numpy(rows.astype(np.float32)))


def pixel_features(images: Samples, progress: Progress | None = None) -> Tensor:
    """Return pixels in [0, 1], of images with a side over 32 px the means over a grid with at most 32 cells a side.

    Args:
        images: uint8 [n, h, w, c].
        progress: told images done and their number.

    Returns:
        float32 [n, h′ · w′ · c], with h′, w′ ≤ 32 in the proportion of h and w.

    Example:
        >>> pixel_features(np.full((1, 64, 32, 1), 51, np.uint8)).shape
        torch.Size([1, 512])
    """
    height, width = images.shape[1:3]
    shrink = max(1.0, max(height, width) / SIDE)
    down, across = (_averaging(side, max(1, round(side / shrink))) for side in (height, width))

    def extract(some: Samples) -> Tensor:
        means = torch.einsum("ih,nhwc,jw->nijc", down, torch.from_numpy(some).float() / 255, across)
        return means.flatten(1)

    return in_blocks(images, BLOCK, extract, progress)


def _averaging(side: int, cells: int) -> Tensor:
    """Return the weights [cells, side] of means over equal cells; a pixel that a border cuts counts on both sides.

    Example:
        >>> _averaging(3, 2)
        tensor([[0.6667, 0.3333, 0.0000],
                [0.0000, 0.3333, 0.6667]])
    """
    starts: NDArray[np.float64] = np.arange(cells)[:, None] * side / cells
    pixel = np.arange(side)
    overlap = np.minimum(pixel + 1, starts + side / cells) - np.maximum(pixel, starts)
    return torch.from_numpy((np.maximum(overlap, 0) * cells / side).astype(np.float32))
