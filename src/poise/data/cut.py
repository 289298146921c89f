"""Where to cut series: how long a piece is, which steps are held out, and where each piece begins."""

from typing import NamedTuple

import numpy as np

from ..errors import PoiseError
from .split import hold_out, hold_out_two
from .windows import Indices

FEW = 10  # series: fewer are held out by time and not by series
ENOUGH = 20  # training series: of fewer, none is held out for validation beside a test part that was given
LONGEST = 1_000  # steps that a piece has when nobody says otherwise
WINDOW = 100  # steps, for series longer than that
PARTS = 5  # windows that a series must have to be split in time: one in each part, and two gaps
FEWEST = 2  # steps that make a piece


class Spans(NamedTuple):
    """Stretches of series: the row in which each begins, its steps, and which series it is of, int64 [n]."""

    starts: Indices
    lengths: Indices
    series: Indices

    def at(self, some: Indices) -> "Spans":
        """Return some of them."""
        return Spans(*(values[some] for values in self))


def window_of(lengths: Indices, given: int | None, what: str) -> int:
    """Return the steps of a piece.

    Ten series or more have the steps of the longest, or 100 where that has more than 1,000. Fewer have a tenth of the
    longest, at least 2 and at most 100.

    Args:
        lengths: steps of each series, int64 [n].
        given: what a person wants instead.
        what: the source, for messages.

    Raises:
        PoiseError: a window of fewer than 2 steps, or longer than every series.

    Example:
        >>> window_of(np.full(50, 24), None, "x.npy"), window_of(np.array([5000]), None, "x.csv")
        (24, 100)
    """
    longest = int(lengths.max())
    if longest < FEWEST:
        raise PoiseError(f"no series of {what} has more than one step; give series of {FEWEST} steps or more")
    if given is not None:
        if given < FEWEST:
            raise PoiseError(f"--window {given} is too short; take {FEWEST} or more")
        if given > longest:
            raise PoiseError(
                f"--window {given} is longer than every series of {what} (the longest has {longest:,} steps); "
                f"use --window {longest} or less"
            )
        return given
    if len(lengths) < FEW:
        return max(FEWEST, min(WINDOW, longest // 10))
    return longest if longest <= LONGEST else WINDOW


def split(series: Spans, window: int, what: str) -> tuple[Spans, Spans, Spans]:
    """Choose what to train on, to validate and to test with.

    Of ten series or more, a tenth is for testing and as many for validation, always the same. Each of fewer series is
    split in time: its end is for testing and what comes before that for validation, each a tenth of the series or one
    window, whichever is more. One window before each of the two is left out, so that no piece lies close to one held
    out; the rest is to train on. Series of fewer than five windows are then trained on whole.

    Args:
        series: whole series.
        window: steps of a piece.
        what: the source, for messages.

    Raises:
        PoiseError: fewer than ten series, and none has five windows.

    Example:
        >>> for part in split(Spans(np.array([0]), np.array([1000]), np.array([0])), 100, "x.csv"):
        ...     print(part.starts, part.lengths)
        [0] [600]
        [700] [100]
        [900] [100]
    """
    if len(series.starts) >= FEW:
        rows = hold_out_two(len(series.starts))
        return series.at(rows[0]), series.at(rows[1]), series.at(rows[2])
    long = series.lengths >= PARTS * window
    if not long.any():
        longest = int(series.lengths.max())
        limit = longest // PARTS
        remedy = f"use --window {limit} or less" if limit >= FEWEST else f"give longer series, or {FEW} of them"
        raise PoiseError(
            f"the series of {what} have too few steps (the longest {longest:,}) to be split in time to train on, "
            f"validate and test with, which takes {PARTS} windows of {window} steps; {remedy}"
        )
    held = np.where(long, np.maximum(series.lengths // 10, window), 0)
    gap = np.where(long, window, 0)
    train = series._replace(lengths=series.lengths - 2 * (held + gap))
    test = series._replace(starts=series.starts + series.lengths - held, lengths=held).at(np.flatnonzero(long))
    valid = test._replace(starts=test.starts - window - test.lengths)
    return train, valid, test


def split_off_valid(series: Spans) -> tuple[Spans, Spans]:
    """Hold a tenth of the training series out for validation where there are 20 or more, always the same ones."""
    if len(series.starts) < ENOUGH:
        return series, series.at(np.zeros(0, np.int64))
    train, valid = hold_out(len(series.starts))
    return series.at(train), series.at(valid)


def overlapping(spans: Spans, window: int) -> Spans:
    """Return the pieces of `window` steps at every offset; a shorter span is one piece.

    Example:
        >>> overlapping(Spans(np.array([0, 10]), np.array([5, 2]), np.array([0, 1])), 3)
        Spans(starts=array([ 0,  1,  2, 10]), lengths=array([3, 3, 3, 2]), series=array([0, 0, 0, 1]))
    """
    return _pieces(spans, window, 1, np.maximum(1, spans.lengths - window + 1))


def side_by_side(spans: Spans, window: int) -> Spans:
    """Return the pieces of `window` steps that follow each other, and what is left of a span if 2 steps or more.

    Example:
        >>> side_by_side(Spans(np.array([0, 10]), np.array([5, 4]), np.array([0, 1])), 3)
        Spans(starts=array([ 0,  3, 10]), lengths=array([3, 2, 3]), series=array([0, 0, 1]))
    """
    return _pieces(spans, window, window, np.maximum(1, (spans.lengths + window - FEWEST) // window))


def _pieces(spans: Spans, window: int, stride: int, counts: Indices) -> Spans:
    which = np.repeat(np.arange(len(counts)), counts)
    offsets = stride * (np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts))
    lengths = np.minimum(window, spans.lengths[which] - offsets)
    return Spans(spans.starts[which] + offsets, lengths, spans.series[which])
