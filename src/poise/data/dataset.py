"""What every loader returns: rows to train on, rows held out, and what was left aside."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .names import Kind
from .scaling import Scaling

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
        kind: "images" (uint8 [n, h, w, c], c 1 or 3, perhaps memory-mapped), "points" (float32 [n, d]) or "table"
            (float64 [n, d] in the data's own units; float32 once `standardized`).
        train: The rows to train on.
        test: The rows held out; may be empty when there are fewer than ten rows in all.
        train_labels: int64 [n], or None when there are no labels.
        test_labels: As `train_labels`, for `test`.
        classes: The name of each label, () without labels.
        skipped: The files that were left out.
        columns: The names of a table's columns.
        scaling: What a table was standardized with.
        names: The file of each row, training rows first, () where rows are no files.
        order: Where in the source each row lies, training rows first; None where they lie in that order.
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
    columns: tuple[str, ...] = ()
    scaling: Scaling | None = None
    names: tuple[str, ...] = field(default=(), repr=False)
    order: Labels | None = field(default=None, repr=False)
    fingerprint: str = ""

    def __post_init__(self) -> None:
        """Work out the fingerprint."""
        if not self.fingerprint:
            arrays = (self.train, self.test, self.train_labels, self.test_labels)
            object.__setattr__(self, "fingerprint", fingerprint(*arrays))

    def standardized(self, scaling: Scaling | None = None) -> "Dataset":
        """Return a table in one scale, by default that in which its training part has mean 0 and deviation 1."""
        scaling = scaling or Scaling.fit(self.train)
        return replace(self, train=scaling.apply(self.train), test=scaling.apply(self.test), scaling=scaling)

    def in_source_order(self) -> "InSourceOrder":
        """Return all rows, trained on or held out, in the order of the source."""
        return InSourceOrder(self)


class InSourceOrder:
    """All rows of a data set, in the order in which its source holds them; gathered as they are sliced.

    Attributes:
        labels: int64 [n], or None.
        classes: the name of each label.
        names: the file of each row, () where rows are no files.

    Example:
        >>> from poise.data.assemble import Part, assemble
        >>> images = np.arange(20, dtype=np.uint8).repeat(28 * 28).reshape(20, 28, 28)
        >>> rows = assemble("dots", [Part(images, None, "dots")], None).in_source_order()
        >>> len(rows), rows[3:6][:, 0, 0, 0]
        (20, array([3, 4, 5], dtype=uint8))
    """

    def __init__(self, dataset: Dataset) -> None:
        self._train, self._test, self.classes = dataset.train, dataset.test, dataset.classes
        count = len(dataset.train) + len(dataset.test)
        self._places = np.arange(count) if dataset.order is None else np.argsort(dataset.order)
        self.names = tuple(dataset.names[place] for place in self._places) if dataset.names else ()
        self.labels: Labels | None = None
        if dataset.train_labels is not None and dataset.test_labels is not None:
            self.labels = np.concatenate([dataset.train_labels, dataset.test_labels])[self._places]
        self.dtype, self.shape = dataset.train.dtype, (count, *dataset.train.shape[1:])

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, some: slice) -> Rows:
        """Return the rows of a slice, copied."""
        places = self._places[some]
        trained = places < len(self._train)
        rows = np.empty((len(places), *self.shape[1:]), self.dtype)
        rows[trained] = self._train[places[trained]]
        rows[~trained] = self._test[places[~trained] - len(self._train)]
        return rows


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
