"""Pictures of samples: image grids, and points over the true modes."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .data.toys import grid_modes, ring_modes
from .files import write_file

GAP = 2  # pixels between images
WIDTH = 640  # a grid of small images is enlarged by a whole factor to about this width


def save_picture(path: Path, samples: NDArray[np.generic], data: str) -> None:
    """Draw samples and write a PNG, whole or not at all.

    Args:
        path: ends in .png.
        samples: images, uint8 [n, h, w, c], or points, float32 [n, 2].
        data: name of the data set; the toys' true modes are drawn under the points.
    """
    drawn = _grid(samples) if samples.dtype == np.uint8 else _scatter(samples, data)
    write_file(path, drawn)


def _grid(images: NDArray[np.generic]) -> bytes:
    count, height, width, channels = images.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, channels), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = (
            GAP + place * (side + GAP) for place, side in zip(divmod(index, columns), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = image
    picture = Image.fromarray(sheet.squeeze(2) if channels == 1 else sheet)
    factor = max(1, round(WIDTH / picture.width))
    return _png(picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST))


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()


def _scatter(points: NDArray[np.generic], data: str) -> bytes:
    from matplotlib.figure import Figure  # late: half a second

    figure = Figure(figsize=(6.4, 6.4), layout="tight")
    axes = figure.add_subplot()
    centers, sigma = {"ring": ring_modes, "grid": grid_modes}[data]()
    reach = float(np.abs(centers).max()) * 1.4
    axes.scatter(
        points[:, 0], points[:, 1], s=5, alpha=0.5, linewidths=0, color="#2b6cb0", label=f"{len(points):,} samples"
    )
    # circles of three standard deviations hold 98.9 % of a mode; at least wide enough to be seen
    axes.scatter(
        centers[:, 0], centers[:, 1], s=160, facecolors="none", edgecolors="#c05621", linewidths=1.2, label="true modes"
    )
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=f"{data} (σ = {sigma})")
    axes.legend(loc="upper right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
