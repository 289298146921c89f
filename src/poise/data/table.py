"""Tables of numbers: .csv, .parquet and two-dimensional arrays; a row is a sample."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import PoiseError
from .check import number_labels
from .dataset import Dataset, Labels, Rows
from .frames import Floats, Frame
from .split import hold_out

FEWEST = 10  # rows: fewer leave nothing to hold out


def load_table(path: Path, label_column: str | None = None) -> Dataset:
    """Load a .csv (with a line of names, between commas, semicolons or tabs) or .parquet file of numbers.

    Args:
        path: the file.
        label_column: the column that holds each row's class; it is no data then.

    Raises:
        PoiseError: text, missing or infinite values, a constant column, or a file that is no table; with the line.
    """
    frame = Frame(path)
    if len(frame.table) < FEWEST:
        raise PoiseError(f"{path} has {len(frame.table)} rows; a table needs at least {FEWEST}")
    labels = None if label_column is None else frame.words(frame.take(label_column), "label")
    columns = tuple(frame.table.columns)
    if not columns:
        raise PoiseError(f"{path} has no column beside the labels; add at least one of numbers")
    frame.refuse_empty()
    values = frame.numbers("name it with --label-column {} if it is the class, or remove it")
    return tabulate(path.name, [values], [labels], columns, str(path), frame.first)


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
