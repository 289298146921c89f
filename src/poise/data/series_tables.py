"""Series in .csv and .parquet files: rows are time; one series a file, or many told apart by a column."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import PoiseError
from .dataset import Rows
from .frames import MISSING, Floats, Frame
from .options import WHAT_A_SERIES_IS, SeriesOptions
from .series import Series, one_after_another
from .windows import Indices

if TYPE_CHECKING:
    import polars


def read_table(path: Path, options: SeriesOptions, label_column: str | None) -> Series:
    """Read the series of one .csv or .parquet file; an empty field is a missing value.

    Args:
        path: the file.
        options: the column that tells series apart (without one, all rows are one series), and that of time, by which
            the rows of each series must be in order.
        label_column: the column that holds the class of each series.

    Raises:
        PoiseError: a file that is no table, a column of text or none of a name that was given, times out of order or
            twice in a series, or labels that differ in a series.

    Example:
        >>> file = tmp / "walks.csv"
        >>> _ = file.write_text("who,x\\nann,1\\nbob,5\\nann,2\\nann,\\nbob,6\\n")
        >>> series = read_table(file, SeriesOptions(series_id="who"), None)
        >>> series.names, series.lengths, series.values[:, 0]
        (('ann', 'bob'), array([3, 2]), array([ 1., 2., nan, 5., 6.]))
    """
    frame = _frame(path)
    ids = None if options.series_id is None else frame.words(frame.take(options.series_id), "series")
    order, starts, lengths = _groups(ids, len(frame.table))
    if options.time is not None:
        _check_times(frame, options.time, order, starts)
    labels = None
    if label_column is not None:
        if ids is None:
            raise PoiseError(f"{path} is one series, which has one class; leave --label-column out, or add --series-id")
        labels = _constant(frame, label_column, order, starts)
    values = _values(frame, options)[order]
    columns = tuple(frame.table.columns)
    return Series(
        values,
        starts,
        lengths,
        columns,
        str(path),
        lambda row, column: f"column {columns[column]!r} of {path} in {frame.line(int(order[row]))}",
        labels,
        () if ids is None else tuple(map(str, ids[order[starts]])),
    )


def read_folder(folder: Path, options: SeriesOptions) -> Series:
    """Read the .csv files of a folder, each one a series with the same columns, in the order of their names.

    Raises:
        PoiseError: as `read_table`; there is none; or one has other columns.
    """
    files = sorted(file for file in _list(folder) if file.suffix.lower() == ".csv" and not file.name.startswith("."))
    if not files:
        raise PoiseError(f"no .csv file in {folder}; {WHAT_A_SERIES_IS}")
    if options.series_id is not None:
        raise PoiseError(f"each file of {folder} is a series; leave --series-id out")
    found = [read_table(file, options, None) for file in files]
    for series in found:
        if series.columns != found[0].columns:
            raise PoiseError(
                f"{series.what} has the columns {', '.join(series.columns)}, {found[0].what} has "
                f"{', '.join(found[0].columns)}; give all files the same"
            )
    names = tuple(file.name for file in files)
    whole = one_after_another([series.values for series in found], found[0].columns, str(folder), names=names)

    def place(row: int, column: int) -> str:
        number = int(np.searchsorted(whole.starts, row, side="right")) - 1
        return found[number].place(row - int(whole.starts[number]), column)

    return replace(whole, place=place)


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise PoiseError(f"cannot read the folder {folder}: {error.strerror}; allow it or move it away") from error


def _frame(path: Path) -> Frame:
    frame = Frame(path, MISSING)
    import polars

    # an editor may have left empty lines at the end
    filled = frame.table.select(polars.any_horizontal(polars.all().is_not_null())).to_series().arg_true()
    frame.table = frame.table.head(int(filled[-1]) + 1 if len(filled) else 0)
    if frame.table.is_empty():
        raise PoiseError(f"{path} holds no rows; write one for each step below the names")
    return frame


def _groups(ids: Rows | None, count: int) -> tuple[Indices, Indices, Indices]:
    """Return rows series by series, in the order in which each series first appears; where each begins; its steps."""
    if ids is None:
        return np.arange(count), np.zeros(1, np.int64), np.array([count])
    _, first, which = np.unique(ids, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[which]
    lengths = np.bincount(rank)
    return np.argsort(rank, kind="stable"), np.cumsum(lengths) - lengths, lengths


def _constant(frame: Frame, name: str, order: Indices, starts: Indices) -> Rows:
    labels = frame.words(frame.take(name), "label")[order]
    first = np.repeat(starts, np.diff([*starts, len(order)]))
    for row in np.flatnonzero(labels != labels[first]):
        raise PoiseError(
            f"{frame.line(int(order[row]))} of {frame.path} has {labels[row]} in {name!r}, other rows of its series "
            f"have {labels[first[row]]}; give each series one class"
        )
    return labels[starts]


def _check_times(frame: Frame, name: str, order: Indices, starts: Indices) -> None:
    times = _moments(frame, frame.take(name))[order]
    late = times[1:] > times[:-1]
    late[starts[1:] - 1] = True
    for place in np.flatnonzero(~late) + 1:
        line, before = (frame.line(int(order[row])) for row in (place, place - 1))
        same = times[place] == times[place - 1]
        told = f"the same time as {before}; remove one of them" if same else f"an earlier time than {before}; sort it"
        raise PoiseError(f"{line} of {frame.path} has in {name!r} {told}")


def _moments(frame: Frame, column: "polars.Series") -> Rows:
    """Return times as numbers [n], of which only the order counts."""
    import polars

    if column.null_count():
        line = frame.line(int(column.is_null().arg_max() or 0))
        raise PoiseError(f"{line} of {frame.path} has no time in {column.name!r}; fill it or remove the row")
    if column.dtype.is_numeric() or column.dtype.is_temporal():
        return column.to_physical().to_numpy()
    texts = column.cast(polars.String)
    return np.array([_moment(frame, column.name, row, text) for row, text in enumerate(texts)])


def _moment(frame: Frame, name: str, row: int, text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PoiseError(
            f"column {name!r} of {frame.path} holds {text!r} in {frame.line(row)}, neither a number nor a date as "
            "2026-01-31 or 2026-01-31T12:00; write times so"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _values(frame: Frame, options: SeriesOptions) -> Floats:
    if not frame.table.columns:
        raise PoiseError(f"{frame.path} has no column of values; add at least one of numbers")
    for column in frame.table:
        if _is_dates(column):
            used = f"; {options.time} is the time already, so remove it" if options.time else ""
            raise PoiseError(
                f"column {column.name!r} of {frame.path} holds dates"
                + (used or f"; if they are the time of each row, say --time {column.name}")
            )
    return frame.numbers("remove it, or say --series-id {} if it tells series apart")


def _is_dates(column: "polars.Series") -> bool:
    import polars

    if column.dtype != polars.String:
        return column.dtype.is_temporal()
    first = column.drop_nulls().first()
    try:
        datetime.fromisoformat(str(first))
    except ValueError:
        return False
    return True
