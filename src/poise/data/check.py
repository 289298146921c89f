"""Is this array a set of images, and are those its labels? If not, say what to do."""

import numpy as np

from ..errors import PoiseError
from .dataset import Images, Labels, Rows

CHUNK = 4_096


def check_images(array: Rows, what: str) -> Images:
    """Return an array as images [n, h, w, c].

    Args:
        array: uint8 [n, h, w] or [n, h, w, c] with c 1 or 3.
        what: The file, and the key in it, for messages.

    Raises:
        PoiseError: The array is empty or has another type or shape.

    Example:
        >>> check_images(np.zeros((2, 28, 28), np.uint8), "x.npy").shape
        (2, 28, 28, 1)
    """
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise PoiseError(
            f"{what} has the shape {list(array.shape)}; images are [n, h, w] or [n, h, w, c] with c 1 or 3"
        )
    if 0 in array.shape:
        raise PoiseError(f"{what} is empty, its shape is {list(array.shape)}; save at least one image in it")
    if array.dtype != np.uint8:
        _refuse_dtype(array, what)
    return array if array.ndim == 4 else array[..., np.newaxis]


def _refuse_dtype(array: Rows, what: str) -> None:
    remedy = "save as uint8 0..255" + (", or train on them as series: poise train rvae" if array.ndim == 3 else "")
    if array.dtype.kind == "f":
        for start in range(0, len(array), CHUNK):
            if not np.isfinite(array[start : start + CHUNK]).all():
                raise PoiseError(f"{what} holds NaN or infinite values; mend them and {remedy}")
    raise PoiseError(f"{what} has the dtype {array.dtype}; {remedy}")


def number_labels(parts: list[tuple[Rows, int, str]]) -> tuple[list[Labels], tuple[str, ...]]:
    """Number the labels of the parts of a set 0, 1, ... in the order of their sorted values.

    Args:
        parts: For each part its labels (integers, booleans or text, [n]), its n, and its name for messages.

    Returns:
        The numbers of each part, and the label that each number stands for.

    Raises:
        PoiseError: Labels of another type, or not one per sample.

    Example:
        >>> number_labels([(np.array([7, 3, 7]), 3, "labels")])
        ([array([1, 0, 1])], ('3', '7'))
    """
    for labels, n, what in parts:
        if labels.shape != (n,):
            raise PoiseError(f"{what} has the shape {list(labels.shape)}; give one label per sample, [{n}]")
        if labels.dtype.kind not in "iubU":
            raise PoiseError(f"{what} has the dtype {labels.dtype}; save labels as integers or text")
    values, numbers = np.unique(np.concatenate([labels for labels, _, _ in parts]), return_inverse=True)
    ends = np.cumsum([n for _, n, _ in parts])[:-1]
    return np.split(numbers.astype(np.int64), ends), tuple(str(value) for value in values)
