"""Tables of numbers: .csv, .parquet and two-dimensional arrays; a row is a sample."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import PoiseError, suggestion
from .check import number_labels
from .dataset import Dataset, Labels, Rows
from .names import DELIMITERS
from .split import hold_out

if TYPE_CHECKING:
    import polars

Floats = npt.NDArray[np.float64]
FEWEST = 10  # rows: fewer leave nothing to hold out


def load_table(path: Path, label_column: str | None = None) -> Dataset:
    """Load a .csv (with a line of names, between commas, semicolons or tabs) or .parquet file of numbers.

    Args:
        path: the file.
        label_column: the column that holds each row's class; it is no data then.

    Raises:
        PoiseError: text, missing or infinite values, a constant column, or a file that is no table; with the line.
    """
    first = 2 if path.suffix.lower() == ".csv" else 1  # the line of the first row
    frame = _read(path)
    if frame.height < FEWEST:
        raise PoiseError(f"{path} has {frame.height} rows; a table needs at least {FEWEST}")
    labels = None
    if label_column is not None:
        if label_column not in frame.columns:
            raise PoiseError(f"{path} has no column {label_column!r}; {suggestion(label_column, frame.columns)}")
        labels = _labels(frame[label_column], path, first)
        frame = frame.drop(label_column)
    if not frame.columns:
        raise PoiseError(f"{path} has no column beside the labels; add at least one of numbers")
    values = np.column_stack([_numbers(column, path, first) for column in frame])
    return tabulate(path.name, [values], [labels], tuple(frame.columns), str(path), first)


def tabulate(
    name: str, parts: Sequence[Rows], labels: Sequence[Rows | None], columns: tuple[str, ...], what: str, first: int = 0
) -> Dataset:
    """Make a data set of a table in memory.

    Args:
        name: what to call the set.
        parts: the training rows and the test rows, [n, d] each; when the only one, a test part is held out of it.
        labels: of each part, or None.
        columns: their names.
        what: the file, for messages.
        first: the number of the first row, for messages.

    Raises:
        PoiseError: values that are not finite, a column that is the same everywhere, or parts that do not fit.
    """
    widths = {part.shape[1] for part in parts}
    if len(widths) > 1:
        raise PoiseError(f"the test part of {what} has other columns than its training part; save both alike")
    if len(parts[0]) < FEWEST:
        raise PoiseError(f"{what} has {len(parts[0])} rows; a table needs at least {FEWEST}")
    tables = [_finite(np.asarray(part, np.float64), columns, what, first) for part in parts]
    numbered, classes = _numbered(tables, labels, what)
    order = None
    if len(tables) == 1:
        train, test = hold_out(len(tables[0]))
        order = np.concatenate([train, test])
        tables = [tables[0][train], tables[0][test]]
        numbered = [None if numbered[0] is None else numbered[0][rows] for rows in (train, test)]
    for column in np.flatnonzero((tables[0] == tables[0][:1]).all(0)):
        raise PoiseError(f"column {columns[column]!r} of {what} is the same in every row; remove it")
    train_labels, test_labels = numbered
    parts_by_name = {"train": tables[0], "test": tables[1], "train_labels": train_labels, "test_labels": test_labels}
    return Dataset(name, "table", **parts_by_name, classes=classes, columns=columns, order=order)  # type: ignore[arg-type]


def _numbered(
    tables: list[Floats], labels: Sequence[Rows | None], what: str
) -> tuple[list[Labels | None], tuple[str, ...]]:
    given = [(part, len(t), f"labels of {what}") for part, t in zip(labels, tables, strict=True) if part is not None]
    if not given:
        return [None] * len(tables), ()
    if len(given) < len(tables):
        raise PoiseError(f"only one part of {what} has labels; give both or none")
    found, classes = number_labels(given)
    return list(found), classes


def _finite(values: Floats, columns: tuple[str, ...], what: str, first: int) -> Floats:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        line = "line" if first == 2 else "row"
        place = f"{line} {row + first}, column {columns[column]!r}{more}"
        raise PoiseError(f"{what} holds {values[row, column]} in {place}; fill or remove it")
    return values


def _read(path: Path) -> "polars.DataFrame":
    import polars

    try:
        if path.suffix.lower() == ".parquet":
            return polars.read_parquet(path)
        delimiter = _header(path)
        return polars.read_csv(path, separator=delimiter, infer_schema_length=None)
    except (polars.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        text = " ".join(str(error).split())[:200]
        raise PoiseError(f"cannot read {path} ({text}); save it again, .csv as UTF-8") from None


def _header(path: Path) -> str:
    """Look at the names and at the length of every row, and return what stands between them."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        line = file.readline()
        delimiter = max(DELIMITERS, key=line.count)
        names = next(csv.reader([line], delimiter=delimiter), [])
        if not any(names):
            raise PoiseError(f"{path} is empty; its first line must name the columns")
        if all(_is_number(name) for name in names):
            raise PoiseError(f"{path} begins with numbers; write a first line that names the columns")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise PoiseError(f"{path} has two columns {twice[0]!r}; give each its own name")
        rows = csv.reader(file, delimiter=delimiter)
        for number, row in enumerate(rows, 2):
            if row and len(row) != len(names):
                raise PoiseError(
                    f"line {number} of {path} has {len(row)} fields, the first line {len(names)}; mend that line"
                )
    return delimiter


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(column: "polars.Series", path: Path, first: int) -> Floats:
    import polars

    line = "line" if first == 2 else "row"
    if not (column.dtype.is_numeric() or column.dtype in (polars.Boolean, polars.Null)):
        # where nearly all are numbers, the first that is none is what to show
        numbers = column.cast(polars.String).cast(polars.Float64, strict=False)
        index = int((numbers.is_null() & column.is_not_null()).arg_max() or 0)
        raise PoiseError(
            f"column {column.name!r} of {path} holds {column[index]!r} in {line} {index + first}, no number; "
            f"name it with --label-column {column.name} if it is the class, or remove it"
        )
    if column.null_count():
        index, more = int(column.is_null().arg_max() or 0), column.null_count() - 1
        rest = f" and {more} more" if more else ""
        raise PoiseError(
            f"column {column.name!r} of {path} is empty in {line} {index + first}{rest}; fill or remove those rows"
        )
    return column.cast(polars.Float64).to_numpy()


def _labels(column: "polars.Series", path: Path, first: int) -> npt.NDArray[Any]:
    import polars

    if column.null_count():
        index = int(column.is_null().arg_max() or 0)
        line = "line" if first == 2 else "row"
        raise PoiseError(f"{line} {index + first} of {path} has no label in {column.name!r}; fill it or remove the row")
    text = column.dtype if column.dtype.is_integer() or column.dtype == polars.Boolean else polars.String
    values = column.cast(text).to_numpy()
    return values.astype(str) if values.dtype == object else values
