"""What every loader returns: rows to train on, rows held out, and what was left aside."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .names import Kind

Rows = npt.NDArray[Any]
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]  # told what is done and the total
FINGERPRINT_ROWS = 1_024


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to train on and rows held out for testing.

    Args:
        name: What to call it in a sentence.
        kind: "images" (uint8 [n, h, w, c], c 1 or 3, perhaps memory-mapped) or "points" (float32 [n, d]).
        train: The rows to train on.
        test: The rows held out; may be empty when there are fewer than ten rows in all.
        train_labels: int64 [n], or None when there are no labels.
        test_labels: As `train_labels`, for `test`.
        classes: The name of each label, () without labels.
        skipped: The files that were left out.
        fingerprint: Short hexadecimal name of the contents; worked out when not given.

    Example:
        >>> points = np.zeros((4, 2), np.float32)
        >>> Dataset("zeros", "points", train=points, test=points[:0]).fingerprint
        'a4f8e54d93a1d141'
    """

    name: str
    kind: Kind
    train: Rows = field(repr=False)
    test: Rows = field(repr=False)
    train_labels: Labels | None = field(default=None, repr=False)
    test_labels: Labels | None = field(default=None, repr=False)
    classes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    fingerprint: str = ""

    def __post_init__(self) -> None:
        """Work out the fingerprint."""
        if not self.fingerprint:
            arrays = (self.train, self.test, self.train_labels, self.test_labels)
            object.__setattr__(self, "fingerprint", fingerprint(*arrays))


def fingerprint(*arrays: Rows | None) -> str:
    """Name arrays by their shapes, types and up to 1,024 evenly spaced rows of each.

    Reads little, so that it is cheap for a set larger than memory.

    Returns:
        Sixteen hexadecimal digits.

    Example:
        >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3)) != fingerprint(np.arange(4))
        True
    """
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        if array is None:
            digest.update(b"none;")
            continue
        digest.update(f"{array.shape} {array.dtype.str};".encode())
        picks = np.linspace(0, len(array) - 1, min(len(array), FINGERPRINT_ROWS)).astype(np.int64)
        digest.update(np.ascontiguousarray(array[picks]).tobytes())
    return digest.hexdigest()
