"""What of series was observed: no infinite value, no feature that never changes, and where all is missing."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..errors import PoiseError
from .cut import Spans
from .dataset import Rows
from .windows import Indices, Windows


class Runs(NamedTuple):
    """Rows that follow each other, from `starts` to before `ends`, int64 [k], in order."""

    starts: Indices
    ends: Indices


def empty_runs(pieces: Windows, place: Callable[[int, int], str]) -> Runs:
    """Find the rows in which every value is missing.

    Args:
        pieces: what is looked at, in one pass.
        place: says where the value in a row and column is.

    Raises:
        PoiseError: a value is infinite.

    Example:
        >>> one = np.array([0])
        >>> rows = np.array([[1.0], [np.nan], [np.nan], [2.0]])
        >>> empty_runs(Windows(rows, one, one + 4, one), lambda row, column: "")
        Runs(starts=array([1]), ends=array([3]))
    """
    found: list[Indices] = []
    if pieces.values.dtype.kind == "f":
        for rows in pieces.ranges():
            chunk = np.asarray(pieces.values[rows])
            for row, column in np.argwhere(np.isinf(chunk)):
                at = place(rows.start + int(row), int(column))
                raise PoiseError(f"{at} is {chunk[row, column]}; mend it, or leave it empty (NaN) if it is missing")
            found.append(rows.start + np.flatnonzero(np.isnan(chunk).all(axis=1)))
    empty = np.concatenate(found) if found else np.zeros(0, np.int64)
    breaks = np.flatnonzero(np.diff(empty) > 1)
    if not len(empty):
        return Runs(empty, empty)
    return Runs(empty[np.r_[0, breaks + 1]], empty[np.r_[breaks, -1]] + 1)


def inside(spans: Spans, runs: Runs) -> np.ndarray:
    """Say of each span whether it lies in one of the runs, bool [n].

    Example:
        >>> spans = Spans(np.array([0, 5, 6]), np.array([2, 2, 3]), np.array([0, 0, 0]))
        >>> inside(spans, Runs(np.array([5]), np.array([8]))).tolist()
        [False, True, False]
    """
    if not len(runs.starts):
        return np.zeros(len(spans.starts), bool)
    run = np.searchsorted(runs.starts, spans.starts, side="right") - 1
    return (run >= 0) & (spans.starts + spans.lengths <= runs.ends[run])


def check_varied(train: Windows, columns: tuple[str, ...], what: str) -> None:
    """Refuse a feature that is the same wherever it was observed to be trained on; of bits, only one never observed.

    Raises:
        PoiseError: there is one.
    """
    low, high = np.full(len(columns), np.inf), np.full(len(columns), -np.inf)
    for chunk in train.chunks():
        low, high = np.fmin(low, np.fmin.reduce(chunk, axis=0)), np.fmax(high, np.fmax.reduce(chunk, axis=0))
        if (low < high).all():
            return
    for column in np.flatnonzero(low > high):
        raise PoiseError(f"column {columns[column]!r} of {what} holds no value to train on; remove it")
    if not all(_bits(chunk) for chunk in train.chunks()):
        for column in np.flatnonzero(low == high):
            raise PoiseError(f"column {columns[column]!r} of {what} is the same in every step to train on; remove it")


def _bits(chunk: Rows) -> bool:
    return bool(((chunk == 0) | (chunk == 1) | np.isnan(chunk)).all())
