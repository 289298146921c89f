"""The table of built-in sets and of image sizes; imports nothing heavy, so that the command line may."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["images", "points", "table"]


class BuiltIn(NamedTuple):
    """One built-in set: what it holds, and a line about it."""

    kind: Kind
    about: str


SETS: dict[str, BuiltIn] = {
    "fashion-mnist": BuiltIn("images", "garments in 10 classes, 28×28 gray; 12,000 ship inside Poise"),
    "grid": BuiltIn("points", "25 Gaussians on a 5×5 grid in the plane"),
    "ring": BuiltIn("points", "8 Gaussians on a circle in the plane"),
}

DELIMITERS = ",;\t"  # of .csv files

# The sides base·2ᵏ with base 4 to 7 that the networks can reach by doubling.
SIZES = (28, 32, 40, 48, 56, 64, 80, 96, 112, 128)


def kind_of(source: str) -> Kind:
    """Say what a source holds, after a look at its head: a recipe chooses networks by it.

    What cannot be read is taken for images; `load` will say what is wrong with it.

    Example:
        >>> kind_of("ring"), kind_of("photos/")
        ('points', 'images')
    """
    if source in SETS:
        return SETS[source].kind
    return "images" if columns_of(source) is None else "table"


def columns_of(source: str) -> int | None:
    """Return how many columns a table has, after a look at its head; None where the source is no table.

    Example:
        >>> columns_of("photos/") is None
        True
    """
    path = Path(os.path.expanduser(source))
    try:
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig") as file:
                line = file.readline()
            return 1 + max(map(line.count, DELIMITERS))
        if path.suffix.lower() == ".parquet":
            import polars

            return len(polars.read_parquet_schema(path))
        if path.suffix.lower() in (".npy", ".npz"):
            return _columns_of_array(path)
    except Exception:  # parsers raise nearly anything on damaged data
        pass
    return None


def _columns_of_array(path: Path) -> int | None:
    import numpy as np

    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):  # the first array of an .npz that is no label
        array = next(array[key] for key in array.files if not key.endswith("labels") and key != "y")
    return int(array.shape[1]) if array.ndim == 2 else None
