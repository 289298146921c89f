"""Series as they are, neither split nor cut: what is to be gone on with, or has gaps to fill."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import PoiseError
from .dataset import Rows
from .names import SETS
from .observed import empty_runs, inside
from .options import WHAT_A_SERIES_IS, SeriesOptions
from .windows import Indices, Windows


@dataclass(frozen=True, eq=False)
class WholeSeries:
    """Some series, in their own units.

    Attributes:
        values: float64 [n, T, d]; NaN where a value is missing, and beyond a series' length.
        lengths: the steps of each, int64 [n].
        columns: names of the features.
        names: what each is called, () if they are only numbered.
    """

    values: Rows
    lengths: Indices
    columns: tuple[str, ...]
    names: tuple[str, ...] = ()


def load_whole(source: str | Path, options: SeriesOptions, label_column: str | None = None) -> WholeSeries:
    """Load series from what `load` takes as such.

    Args:
        source: a file, a folder, or the name of a built-in set.
        options: how they are read; the window is not looked at.
        label_column: the column of a table that holds classes, and no feature.

    Raises:
        PoiseError: no such source, no series in it, infinite values, or a series without an observation.

    Example:
        >>> np.savez(tmp / "x.npz", x=np.zeros((2, 5, 1)), lengths=[5, 3])
        >>> series = load_whole(tmp / "x.npz", SeriesOptions())
        >>> series.values.shape, series.lengths
        ((2, 5, 1), array([5, 3]))
    """
    from .series_files import read_series
    from .series_sets import read_series_set

    path = Path(os.path.expanduser(source))
    if isinstance(source, str) and source in SETS:
        if SETS[source].kind != "series":
            raise PoiseError(f"{source} holds {SETS[source].kind}, no series; {WHAT_A_SERIES_IS}")
        series = read_series_set(source, options)
    elif path.exists():
        series = read_series(path, options, label_column)
    else:
        raise PoiseError(f"no such folder or file, and no built-in set: {source}; {WHAT_A_SERIES_IS}")
    windows = Windows(series.values, *series.spans)
    empty = inside(series.spans, empty_runs(windows, series.place))
    for number in np.flatnonzero(empty).tolist():
        raise PoiseError(f"{series.called(number)} of {series.what} holds no value at all; remove it")
    return WholeSeries(windows[:], series.lengths, series.columns, series.names)
