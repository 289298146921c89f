"""From arrays in memory to a data set: check them, hold out a test part, resize."""

from typing import NamedTuple

import numpy as np

from ..errors import PoiseError
from .check import check_images, number_labels
from .dataset import Dataset, Images, Labels, Progress, Rows
from .resize import resize
from .sizes import nearest_size
from .split import hold_out


class Part(NamedTuple):
    """Images as they were read, their labels if there are any, and what to call them in a message."""

    images: Rows
    labels: Rows | None
    what: str


def assemble(name: str, parts: list[Part], size: int | None, progress: Progress | None = None) -> Dataset:
    """Make a data set of arrays in memory, resized to `size` or else to the nearest supported size.

    Args:
        name: What to call the set.
        parts: The training part and the test part; when the only one, a test part is held out of it.
        size: The side; None takes the supported size nearest to the shorter side of the images.
        progress: Called with the number of images resized and their total, for each part.

    Raises:
        PoiseError: An array holds no images, labels do not fit, or the parts do not fit each other.

    Example:
        >>> import numpy as np
        >>> data = assemble("dots", [Part(np.zeros((20, 30, 30), np.uint8), None, "dots")], None)
        >>> data.train.shape, data.test.shape
        ((18, 28, 28, 1), (2, 28, 28, 1))
    """
    images = [check_images(part.images, part.what) for part in parts]
    labels, classes = _labels(parts, images)
    order = None
    if len(parts) == 1:
        chosen = hold_out(len(images[0]))
        order = np.concatenate(chosen)
        images = [images[0][rows] for rows in chosen]
        labels = [part[rows] for part in labels for rows in chosen]
    train, test = images
    if train.shape[3] != test.shape[3]:
        raise PoiseError(f"{parts[1].what} has other channels than the training images; save both alike")
    side = size or nearest_side(train)
    train_labels, test_labels = labels or (None, None)
    return Dataset(
        name,
        "images",
        train=resize(train, side, progress),
        test=resize(test, side, progress),
        train_labels=train_labels,
        test_labels=test_labels,
        classes=classes,
        order=order,
    )


def nearest_side(images: Images) -> int:
    """Return the supported size nearest to the shorter side of images [n, h, w, c]."""
    return nearest_size(min(images.shape[1:3]))


def _labels(parts: list[Part], images: list[Images]) -> tuple[list[Labels], tuple[str, ...]]:
    labeled = [
        (part.labels, len(rows), f"labels of {part.what}")
        for part, rows in zip(parts, images, strict=True)
        if part.labels is not None
    ]
    if not labeled:
        return [], ()
    if len(labeled) < len(parts):
        raise PoiseError(f"{labeled[0][2]} are there, but the other part has none; give both or none")
    return number_labels(labeled)
