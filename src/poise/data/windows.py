"""Pieces of series: where each lies in values that are stored once, gathered and scaled as they are read."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .scaling import Scaling

Rows = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
CHUNK = 1 << 22  # values read at once: few enough for any memory


class Windows:
    """Rows of a data set that are pieces of series.

    Neighboring pieces may overlap, yet no value is copied before it is asked for.

    Args:
        values: all series one after the other, [total, d], in their own units; NaN where a value is missing. May be a
            memory map.
        starts: the row of `values` in which each piece begins, int64 [n].
        lengths: the steps of each piece, int64 [n], 1 or more.
        series: which series each piece is of, int64 [n].
        steps: T, the steps that every piece is padded to; None takes the longest.
        scaling: what values are read through; None reads them in their own units.

    Example:
        >>> walk = np.arange(5.0)[:, None]
        >>> pieces = Windows(walk, np.array([0, 3]), np.array([3, 2]), np.array([0, 0]))
        >>> pieces.shape, pieces[:][..., 0]
        ((2, 3, 1), array([[ 0.,  1.,  2.], [ 3.,  4., nan]]))
    """

    def __init__(
        self,
        values: Rows,
        starts: Indices,
        lengths: Indices,
        series: Indices,
        steps: int | None = None,
        scaling: Scaling | None = None,
    ) -> None:
        self.values, self.starts, self.lengths, self.series = values, starts, lengths, series
        self.steps = int(lengths.max(initial=0)) if steps is None else steps
        self.scaling = scaling

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, int, int]:
        """n, T and d."""
        return len(self), self.steps, self.values.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 in the data's own units, float32 once scaled."""
        return np.dtype(np.float64 if self.scaling is None else np.float32)

    def __getitem__(self, rows: slice | Indices) -> Rows:
        """Return pieces [b, T, d]; NaN where nothing was observed and beyond a piece's length."""
        starts, lengths = self.starts[rows], self.lengths[rows]
        step = np.arange(self.steps)
        inside = step < lengths[:, None]
        pieces = np.full((len(starts), *self.shape[1:]), np.nan)
        pieces[inside] = self.values[(starts[:, None] + step)[inside]]
        return pieces if self.scaling is None else self.scaling.apply(pieces)

    def scaled(self, scaling: Scaling) -> "Windows":
        """Return the same pieces, read through a scaling."""
        return Windows(self.values, self.starts, self.lengths, self.series, self.steps, scaling)

    def chunks(self) -> Iterator[Rows]:
        """Yield every row of `values` that a piece covers, each once and in own units, some [m, d] at a time.

        Example:
            >>> walk = np.arange(6.0)[:, None]
            >>> pieces = Windows(walk, np.array([0, 1, 4]), np.array([2, 2, 2]), np.array([0, 0, 0]))
            >>> [chunk[:, 0].tolist() for chunk in pieces.chunks()]
            [[0.0, 1.0, 2.0], [4.0, 5.0]]
        """
        for rows in self.ranges():
            yield np.asarray(self.values[rows])

    def ranges(self) -> Iterator[slice]:
        """Yield where in `values` each of the `chunks` is."""
        at_once = max(1, CHUNK // self.values.shape[1])
        for begin, end in _covered(self.starts, self.starts + self.lengths):
            for row in range(begin, end, at_once):
                yield slice(row, min(row + at_once, end))


def _covered(starts: Indices, ends: Indices) -> Iterator[tuple[int, int]]:
    """Yield the union of the intervals [start, end) as the fewest intervals, in order."""
    if not len(starts):
        return
    order = np.argsort(starts, kind="stable")
    begins, reach = starts[order], np.maximum.accumulate(ends[order])
    gaps = np.flatnonzero(begins[1:] > reach[:-1])
    yield from zip(begins[np.r_[0, gaps + 1]].tolist(), reach[np.r_[gaps, -1]].tolist(), strict=True)
