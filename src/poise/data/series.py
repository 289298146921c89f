"""From series as they were read to a data set: checked, split, and cut into pieces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import PoiseError
from .check import number_labels
from .cut import Spans, overlapping, side_by_side, split, split_off_valid, window_of
from .dataset import Dataset, Labels, Rows, Skipped
from .observed import Runs, check_varied, empty_runs, inside
from .windows import Indices, Windows


@dataclass(frozen=True, eq=False)
class Series:
    """Series as a source holds them: as a rule, one after the other.

    Args:
        values: all of them, [total, d]; NaN where a value is missing. May be a memory map.
        starts: the row of `values` in which each begins, int64 [n].
        lengths: the steps of each, int64 [n].
        columns: the names of the d features.
        what: the source, for messages.
        place: says where the value in a row and column of `values` is, for messages.
        labels: integers or text [n], or None.
        names: what each is called, () if they are only numbered.
        parts: how many of them, in order, are to train on, to validate and to test with, or to train on and to test
            with; () when the source does not say.
    """

    values: Rows
    starts: Indices
    lengths: Indices
    columns: tuple[str, ...]
    what: str
    place: Callable[[int, int], str]
    labels: Rows | None = None
    names: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()

    @property
    def spans(self) -> Spans:
        """Where they lie."""
        return Spans(self.starts, self.lengths, np.arange(len(self.starts)))

    def called(self, number: int) -> str:
        """Return what to call one of them."""
        return f"series {self.names[number] if self.names else number}"


def one_after_another(
    found: Sequence[Rows],
    columns: tuple[str, ...],
    what: str,
    labels: Rows | None = None,
    names: tuple[str, ...] = (),
    parts: tuple[int, ...] = (),
) -> Series:
    """Return series [t, d] each, in memory, as one `Series`; the other arguments are those of that.

    Example:
        >>> series = one_after_another([np.zeros((3, 1)), np.ones((2, 1))], ("x",), "two")
        >>> series.starts, series.lengths, series.place(4, 0)
        (array([0, 3]), array([3, 2]), "column 'x' of two, series 1, step 1")
    """
    lengths = np.array([len(one) for one in found])
    starts = np.cumsum(lengths) - lengths

    def place(row: int, column: int) -> str:
        number = int(np.searchsorted(starts, row, side="right")) - 1
        return f"column {columns[column]!r} of {what}, series {number}, step {row - starts[number]}"

    return Series(np.concatenate(found), starts, lengths, columns, what, place, labels, names, parts)


def assemble_series(name: str, series: Series, window: int | None) -> Dataset:
    """Make a data set of series: whole, or cut into pieces where they are longer than the window.

    Pieces to train on begin at every step of a series, held-out pieces lie side by side. Pieces of a longer series that
    hold no observation at all are left out and counted in `skipped`. Where the source says what to test but not what to
    validate with, that is a tenth of the training series where there are 20.

    Args:
        name: what to call the set.
        series: what was read.
        window: steps of a piece; None chooses (`cut.window_of`).

    Raises:
        PoiseError: infinite values, a series without an observation, a feature that is the same everywhere, too few
            steps for the window, or labels that do not fit.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(1000, 3))
        >>> walk = Series(rows, np.array([0]), np.array([1000]), ("a", "b", "c"), "walk", lambda row, column: "")
        >>> data = assemble_series("walk", walk, 50)
        >>> data.train.shape, data.valid.shape, data.test.shape
        ((651, 50, 3), (2, 50, 3), (2, 50, 3))
    """
    whole = series.spans
    runs = empty_runs(Windows(series.values, *whole), series.place)
    for number in np.flatnonzero(inside(whole, runs)).tolist():
        raise PoiseError(f"{series.called(number)} of {series.what} holds no value at all; remove it")
    steps = window_of(series.lengths, window, series.what)
    train, valid, test = _parts(series, steps)
    cut = overlapping(train, steps), side_by_side(valid, steps), side_by_side(test, steps)
    kept = [pieces.at(np.flatnonzero(~inside(pieces, runs))) for pieces in cut]
    longest = max(int(pieces.lengths.max(initial=0)) for pieces in kept)
    windows = [Windows(series.values, *pieces, longest) for pieces in kept]
    check_varied(windows[0], series.columns, series.what)
    labels, classes = _labels(series, kept)
    has_valid = len(windows[1]) > 0
    return Dataset(
        name,
        "series",
        train=windows[0],
        valid=windows[1] if has_valid else None,
        test=windows[2],
        train_labels=labels[0],
        valid_labels=labels[1] if has_valid else None,
        test_labels=labels[2],
        classes=classes,
        columns=series.columns,
        names=series.names,
        skipped=_left_out(series, cut, runs),
        order=_in_source(kept),
    )


def _parts(series: Series, window: int) -> tuple[Spans, Spans, Spans]:
    """Choose the steps to train on, to validate and to test with."""
    whole = series.spans
    if not series.parts:
        return split(whole, window, series.what)
    ends = np.cumsum(series.parts)
    train, *valid, test = (whole.at(np.arange(end - n, end)) for end, n in zip(ends, series.parts, strict=True))
    return (train, valid[0], test) if valid else (*split_off_valid(train), test)


def _labels(series: Series, kept: list[Spans]) -> tuple[list[Labels | None], tuple[str, ...]]:
    if series.labels is None:
        return [None] * len(kept), ()
    (numbers,), classes = number_labels([(series.labels, len(series.starts), f"labels of {series.what}")])
    return [numbers[pieces.series] for pieces in kept], classes


def _left_out(series: Series, cut: tuple[Spans, ...], runs: Runs) -> tuple[Skipped, ...]:
    numbers = np.concatenate([pieces.series[inside(pieces, runs)] for pieces in cut])
    which, counts = np.unique(numbers, return_counts=True)
    return tuple(
        Skipped(series.called(number), f"{count} pieces without a single value")
        for number, count in zip(which.tolist(), counts.tolist(), strict=True)
    )


def _in_source(kept: list[Spans]) -> Labels:
    """Return the rank of each piece by series and start."""
    starts, _, numbers = (np.concatenate(values) for values in zip(*kept, strict=True))
    return np.argsort(np.lexsort((starts, numbers)))
