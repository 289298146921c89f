"""What every loader returns: rows to train on, rows held out, and what was left aside."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .names import Kind
from .scaling import Scaling
from .split import hold_out
from .windows import Windows

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
        kind: "images" (uint8 [n, h, w, c], c 1 or 3, perhaps memory-mapped), "points" (float32 [n, d]), "table"
            (float64 [n, d] in the data's own units; float32 once `standardized`) or "series" (`Windows` [n, T, d]; the
            same holds for their values).
        train: The rows to train on.
        test: The rows held out; may be empty when there are fewer than ten rows in all.
        train_labels: int64 [n], or None when there are no labels.
        test_labels: As `train_labels`, for `test`.
        classes: The name of each label, () without labels.
        skipped: The files that were left out; of series, the pieces.
        columns: The names of a table's columns, or of the features of series.
        scaling: What a table or series were standardized with.
        names: The file of each row, training rows first, () where rows are no files; of series, the name of each
            one that `Windows.series` counts, () where they have none.
        order: Where in the source each row lies, training rows first; None where they lie in that order.
        fingerprint: Short hexadecimal name of the contents; worked out when not given.
        valid: Pieces of series, or by `with_validation` other rows, set aside to choose a model by; may be None.
        valid_labels: As `train_labels`, for `valid`.

    Example:
        >>> points = np.zeros((4, 2), np.float32)
        >>> Dataset("zeros", "points", train=points, test=points[:0]).fingerprint
        'a4f8e54d93a1d141'
    """

    name: str
    kind: Kind
    train: Rows | Windows = field(repr=False)
    test: Rows | Windows = field(repr=False)
    train_labels: Labels | None = field(default=None, repr=False)
    test_labels: Labels | None = field(default=None, repr=False)
    classes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    columns: tuple[str, ...] = ()
    scaling: Scaling | None = None
    names: tuple[str, ...] = field(default=(), repr=False)
    order: Labels | None = field(default=None, repr=False)
    fingerprint: str = ""
    valid: Rows | Windows | None = field(default=None, repr=False)
    valid_labels: Labels | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Work out the fingerprint."""
        if not self.fingerprint:
            arrays = (self.train, self.test, self.train_labels, self.test_labels)
            valid = () if self.valid is None else (self.valid, self.valid_labels)
            object.__setattr__(self, "fingerprint", fingerprint(*arrays, *valid))

    def standardized(self, scaling: Scaling | None = None) -> "Dataset":
        """Return a table or series in one scale, by default that in which the training part has mean 0 and deviation 1.

        The values of series count once each, however many pieces overlap there; missing ones are passed over.
        """
        if isinstance(self.train, Windows):
            scaling = scaling or Scaling.fit_chunks(self.train.chunks)
        else:
            scaling = scaling or Scaling.fit(self.train)

        def scaled(part: Rows | Windows) -> Rows | Windows:
            return part.scaled(scaling) if isinstance(part, Windows) else scaling.apply(part)

        valid = None if self.valid is None else scaled(self.valid)
        return replace(self, train=scaled(self.train), test=scaled(self.test), valid=valid, scaling=scaling)

    def with_validation(self) -> "Dataset":
        """Set min(2000, n // 10) of the training rows aside, always the same, to choose a model by.

        Rows in memory are copied; of a memory map, which may be larger than memory, the last ones are taken.
        """
        if self.valid is not None:
            return self
        chosen, others = hold_out(len(self.train))
        kept: slice | Labels = chosen
        aside: slice | Labels = others
        if isinstance(self.train, np.memmap):
            kept, aside = slice(len(chosen)), slice(len(chosen), len(self.train))
        labels = self.train_labels
        order = np.arange(len(self.train) + len(self.test)) if self.order is None else self.order
        first = order[: len(self.train)]
        return replace(
            self,
            train=self.train[kept],
            valid=self.train[aside],
            train_labels=None if labels is None else labels[kept],
            valid_labels=None if labels is None else labels[aside],
            order=np.concatenate([first[kept], first[aside], order[len(self.train) :]]),
        )

    def in_source_order(self) -> "InSourceOrder":
        """Return all rows, trained on or held out, in the order of the source."""
        return InSourceOrder(self)


class InSourceOrder:
    """All rows of a data set, in the order in which its source holds them; gathered as they are sliced.

    Of series, the rows are all pieces, those to train on, to validate and to test with.

    Attributes:
        labels: int64 [n], or None.
        classes: the name of each label.
        names: the file of each row, () where rows are no files; of series, the name of the series that each is of.

    Example:
        >>> from poise.data.assemble import Part, assemble
        >>> images = np.arange(20, dtype=np.uint8).repeat(28 * 28).reshape(20, 28, 28)
        >>> rows = assemble("dots", [Part(images, None, "dots")], None).in_source_order()
        >>> len(rows), rows[3:6][:, 0, 0, 0]
        (20, array([3, 4, 5], dtype=uint8))
    """

    def __init__(self, dataset: Dataset) -> None:
        self.classes = dataset.classes
        parts = [(dataset.train, dataset.train_labels), (dataset.test, dataset.test_labels)]
        if dataset.valid is not None:
            parts.insert(1, (dataset.valid, dataset.valid_labels))
        self._parts = [part for part, _ in parts]
        self._ends = np.cumsum([len(part) for part in self._parts])
        self._places = np.arange(self._ends[-1]) if dataset.order is None else np.argsort(dataset.order)
        self.names = self._names_of(dataset)
        labels = [numbers for _, numbers in parts if numbers is not None]
        self.labels = np.concatenate(labels)[self._places] if len(labels) == len(parts) else None
        self.dtype, self.shape = dataset.train.dtype, (len(self._places), *dataset.train.shape[1:])

    def _names_of(self, dataset: Dataset) -> tuple[str, ...]:
        if not dataset.names:
            return ()
        which = self._places
        if isinstance(dataset.train, Windows):
            which = np.concatenate([part.series for part in self._parts if isinstance(part, Windows)])[which]
        return tuple(dataset.names[i] for i in which)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, some: slice | npt.NDArray[np.int64]) -> Rows:
        """Return some rows, copied."""
        places = self._places[some]
        rows = np.empty((len(places), *self.shape[1:]), self.dtype)
        for part, end in zip(self._parts, self._ends, strict=True):
            here = (places >= end - len(part)) & (places < end)
            rows[here] = part[places[here] - (end - len(part))]
        return rows


def fingerprint(*arrays: Rows | Windows | None) -> str:
    """Name arrays by their shapes, types and up to 1,024 evenly spaced rows of each.

    Pieces of series are named by the values they lie in, and by where they lie.

    Reads little, so that it is cheap for a set larger than memory.

    Returns:
        Sixteen hexadecimal digits.

    Example:
        >>> fingerprint(np.arange(3)) == fingerprint(np.arange(3)) != fingerprint(np.arange(4))
        True
    """
    digest = hashlib.blake2b(digest_size=8)
    flat: list[Rows | None] = []
    for array in arrays:
        flat += [array.values, array.starts, array.lengths, array.series] if isinstance(array, Windows) else [array]
    for array in flat:
        if array is None:
            digest.update(b"none;")
            continue
        digest.update(f"{array.shape} {array.dtype.str};".encode())
        picks = np.linspace(0, len(array) - 1, min(len(array), FINGERPRINT_ROWS)).astype(np.int64)
        digest.update(np.ascontiguousarray(array[picks]).tobytes())
    return digest.hexdigest()
