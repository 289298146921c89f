"""From a file or folder of series to a data set."""

from pathlib import Path

from ..errors import PoiseError
from .dataset import Dataset
from .names import TABLES
from .options import WHAT_A_SERIES_IS, SeriesOptions
from .series import Series, assemble_series
from .series_arrays import read_series_arrays
from .series_tables import read_folder, read_table


def load_series(path: Path, options: SeriesOptions, label_column: str | None = None) -> Dataset:
    """Load series from a .csv or .parquet, a folder of .csv, or an .npy or .npz array.

    Args:
        path: the file or folder.
        options: how they are read and cut.
        label_column: the column of a .csv or .parquet that holds the class of each series.

    Raises:
        PoiseError: it holds something else, or series that cannot be used.

    Example:
        >>> file = tmp / "growth.csv"
        >>> _ = file.write_text("x\\n" + "\\n".join(map(str, range(100))))
        >>> data = load_series(file, SeriesOptions(window=8))
        >>> data.train.shape, data.valid.shape, data.test.shape
        ((57, 8, 1), (2, 8, 1), (2, 8, 1))
    """
    return assemble_series(path.resolve().name, read_series(path, options, label_column), options.window)


def read_series(path: Path, options: SeriesOptions, label_column: str | None = None) -> Series:
    """Read series as they are; the arguments are those of `load_series`.

    Raises:
        PoiseError: the file or folder holds something else.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return read_folder(path, options)
    if suffix in TABLES:
        return read_table(path, options, label_column)
    if suffix not in (".npy", ".npz"):
        raise PoiseError(f"{path} holds no series; {WHAT_A_SERIES_IS}")
    if options.series_id is not None or options.time is not None:
        raise PoiseError(f"--series-id and --time name columns, of which {path} has none; leave them out")
    return read_series_arrays(path)
