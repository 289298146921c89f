"""From what a person names to a data set."""

import difflib
import os
from pathlib import Path

from ..errors import PoiseError
from .dataset import Dataset, Progress
from .names import SETS, TABLES
from .options import WHAT_A_SERIES_IS, SeriesOptions
from .sizes import check_size


def load(
    source: str | Path,
    *,
    size: int | None = None,
    label_column: str | None = None,
    series: SeriesOptions | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load a set of images or points, a table of numbers, or series.

    Args:
        source: The name of a built-in set; or the path of a folder with images, of a .zip with images,
            of an .npy or .npz array uint8 [n, h, w] or [n, h, w, c], or of an IDX file (plain or .gz); or of a
            table: .csv, .parquet, or an array [n, d].
        size: The side of the square images, one of `names.SIZES`: cropped at the center, resized with an
            antialiasing filter. None keeps a size that is supported; else image files become 64×64 and
            arrays take the nearest supported size.
        label_column: The column of a .csv or .parquet table that holds each row's class, or each series'.
        series: That a source holds series, and how they are read; it is then a .csv or .parquet whose rows are time, a
            folder of such .csv, or an .npy or .npz array [n, t, d]. A built-in set of series needs none.
        progress: Called with the number of images done and their total.

    Returns:
        The data; without a test part of its own, min(2000, n // 10) rows are held out, always the same. Series are
            split as `cut.split` says.

    Raises:
        PoiseError: No such source, an unsupported size, or data that cannot be used.

    Example:
        >>> data = load("ring")
        >>> data.train.shape, data.test.shape
        ((50000, 2), (10000, 2))
    """
    if size is not None:
        check_size(size)
    if isinstance(source, str) and source in SETS:
        return _load_built_in(source, size, series, progress)
    path = os.path.expanduser(source)
    if label_column is not None and not path.lower().endswith(TABLES):
        raise PoiseError(
            "--label-column is for .csv and .parquet; images have a subfolder for each class, arrays a key named labels"
        )
    if series is not None and os.path.exists(path):
        from .series_files import load_series

        _check_no_size(path, size)
        return load_series(Path(path), series, label_column)
    if os.path.isdir(path):
        return _load_folder(Path(path), size, progress)
    if not os.path.exists(path):
        raise PoiseError(f"no such folder or file, and no built-in set: {source}; {_suggestion(str(source))}")
    return _load_file(Path(path), size, label_column, progress)


def _load_built_in(name: str, size: int | None, series: SeriesOptions | None, progress: Progress | None) -> Dataset:
    if SETS[name].kind == "series":
        from .series_sets import load_series_set

        _check_no_size(name, size)
        return load_series_set(name, series or SeriesOptions())
    if series is not None:
        raise PoiseError(
            f"{name} holds {SETS[name].kind}, no series; {WHAT_A_SERIES_IS}, or one of {_sets_of_series()}"
        )
    if name == "fashion-mnist":
        from .fashion import load_fashion

        return load_fashion(size, progress)
    if name == "stacked-fashion":
        from .stacked import load_stacked

        return load_stacked(size, progress)
    from .toys import load_toy

    return load_toy(name, size)


def _sets_of_series() -> str:
    return ", ".join(name for name, known in SETS.items() if known.kind == "series")


def _check_no_size(source: str, size: int | None) -> None:
    if size is not None:
        raise PoiseError(f"{source} holds series, which have no size; leave the size out")


def _load_folder(path: Path, size: int | None, progress: Progress | None) -> Dataset:
    from .collect import collect
    from .folder import list_folder

    place = path.resolve()
    return collect(place.name, str(place), list_folder(place), size, progress)


def _load_file(path: Path, size: int | None, label_column: str | None, progress: Progress | None) -> Dataset:
    from . import arrays

    suffix = path.suffix.lower()
    if suffix in TABLES:
        from .table import load_table

        if size is not None:
            raise PoiseError(f"{path} holds a table, which has no size; leave the size out")
        return load_table(path, label_column)
    if suffix == ".zip":
        from .archive import list_zip
        from .collect import collect

        return collect(path.name, str(path.resolve()), list_zip(path), size, progress)
    if suffix in (".npy", ".npz"):
        return arrays.load_numpy(path, size, progress)
    if suffix == ".gz" or "idx" in path.name:
        return arrays.load_idx(path, size, progress)
    raise PoiseError(
        f"{path} is no data that Poise reads; give a folder of images, .zip, .npy, .npz, IDX, .csv or .parquet"
    )


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), SETS, n=1)
    return f"did you mean {near[0]}?" if near else f"built-in sets are {', '.join(SETS)}"
