"""A .csv or .parquet file as named columns, and what is said of a value that is none."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import PoiseError, suggestion
from .names import DELIMITERS

if TYPE_CHECKING:
    import polars

Floats = npt.NDArray[np.float64]
MISSING = ["NA", "NaN", "nan"]  # how a .csv of series may say so, beside saying nothing


class Frame:
    """One file, and where each row is in it.

    Args:
        path: .csv (with a line of names, between commas, semicolons or tabs) or .parquet.
        missing: words in a .csv that stand for a missing value, as an empty field does.

    Attributes:
        table: a `polars.DataFrame`.
        first: the number of the first row for a person, who counts lines in a .csv, the one with names included.

    Raises:
        PoiseError: a file that is no table, with the line.
    """

    def __init__(self, path: Path, missing: list[str] | None = None) -> None:
        self.path = path
        self.table = _read(path, missing)
        self.first = 2 if path.suffix.lower() == ".csv" else 1

    def line(self, row: int) -> str:
        """Say where a row is."""
        return f"{'line' if self.first == 2 else 'row'} {row + self.first}"

    def take(self, name: str) -> "polars.Series":
        """Remove a column and return it.

        Raises:
            PoiseError: there is none of that name.
        """
        if name not in self.table.columns:
            raise PoiseError(f"{self.path} has no column {name!r}; {suggestion(name, self.table.columns)}")
        return self.table.drop_in_place(name)

    def numbers(self, remedy: str) -> Floats:
        """Return all columns as numbers [n, d], NaN where a field is empty.

        Args:
            remedy: what to do about a column of text, for messages; "{}" stands for its name.

        Raises:
            PoiseError: a column holds something else.
        """
        return np.column_stack([self._numbers(column, remedy) for column in self.table])

    def refuse_empty(self) -> None:
        """Raise PoiseError where a field is empty."""
        for column in self.table:
            if column.null_count():
                line, more = self.line(_first(column.is_null())), column.null_count() - 1
                rest = f" and {more} more" if more else ""
                raise PoiseError(
                    f"column {column.name!r} of {self.path} is empty in {line}{rest}; fill or remove those rows"
                )

    def words(self, column: "polars.Series", what: str) -> npt.NDArray[Any]:
        """Return a column that names something, such as a class, in every row: integers, or text [n].

        Args:
            column: from `take`.
            what: what it names, for messages.

        Raises:
            PoiseError: a field is empty.
        """
        import polars

        if column.null_count():
            line = self.line(_first(column.is_null()))
            raise PoiseError(f"{line} of {self.path} has no {what} in {column.name!r}; fill it or remove the row")
        text = column.dtype if column.dtype.is_integer() or column.dtype == polars.Boolean else polars.String
        values = column.cast(text).to_numpy()
        return values.astype(str) if values.dtype == object else values

    def _numbers(self, column: "polars.Series", remedy: str) -> Floats:
        import polars

        if column.null_count() == len(column):
            return np.full(len(column), np.nan)
        if not (column.dtype.is_numeric() or column.dtype == polars.Boolean):
            # where nearly all are numbers, the first that is none is what to show
            numbers = column.cast(polars.String).cast(polars.Float64, strict=False)
            row = _first(numbers.is_null() & column.is_not_null())
            raise PoiseError(
                f"column {column.name!r} of {self.path} holds {str(column[row])!r} in {self.line(row)}, no number; "
                + remedy.format(column.name)
            )
        return column.cast(polars.Float64).to_numpy()


def _first(true: "polars.Series") -> int:
    return int(true.arg_max() or 0)


def _read(path: Path, missing: list[str] | None) -> "polars.DataFrame":
    import polars

    try:
        if path.suffix.lower() == ".parquet":
            return polars.read_parquet(path)
        delimiter = _header(path)
        return polars.read_csv(path, separator=delimiter, infer_schema_length=None, null_values=missing)
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
