"""The table of built-in sets and of image sizes; imports nothing heavy, so that the command line may."""

import csv
import os
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Literal, NamedTuple

Kind = Literal["images", "points", "table", "series"]


class BuiltIn(NamedTuple):
    """One built-in set: what it holds, and a line about it."""

    kind: Kind
    about: str


SETS: dict[str, BuiltIn] = {
    "bach": BuiltIn("series", "364 four-part chorales in sixteenths, 88 piano keys on or off (poise[series])"),
    "bach-quarters": BuiltIn("series", "the same chorales in quarters, the grid of the literature (poise[series])"),
    "fashion-mnist": BuiltIn("images", "garments in 10 classes, 28×28 gray; 12,000 ship inside Poise"),
    "grid": BuiltIn("points", "25 Gaussians on a 5×5 grid in the plane"),
    "lorenz": BuiltIn("series", "20,000 steps of Lorenz's chaotic system, 3 features"),
    "motions": BuiltIn("series", "80 series of 100 steps, 6 features of a smart watch in 4 classes (poise[series])"),
    "power": BuiltIn("series", "1,096 days of Italy's demand for power, 24 steps, 2 classes (poise[series])"),
    "ring": BuiltIn("points", "8 Gaussians on a circle in the plane"),
    "sines": BuiltIn("series", "10,000 series of 24 steps, 5 sine waves of any frequency and phase"),
    "stacked-fashion": BuiltIn("images", "three garments in the color channels of each image, 28×28; 1,000 modes"),
    "stocks": BuiltIn("series", "5,031 days of S&P 500 and NASDAQ: open, high, low, close, volume (poise[series])"),
    "temperatures": BuiltIn("series", "8,759 hours of temperatures in Seattle and San Francisco (poise[series])"),
    "vowels": BuiltIn("series", "640 vowels of 7 to 29 steps, 12 features, 9 speakers as classes (poise[series])"),
}

TABLES = (".csv", ".parquet")
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
    return "images" if header_of(source) is None else "table"


def header_of(source: str) -> list[str] | None:
    """Return the names of a table's columns, after a look at its head; None where the source is no table.

    Example:
        >>> header_of("photos/") is None
        True
    """
    path = Path(os.path.expanduser(source))
    try:
        if path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                line = file.readline()
            return next(csv.reader([line], delimiter=max(DELIMITERS, key=line.count)), [])
        if path.suffix.lower() == ".parquet":
            import polars

            return list(polars.read_parquet_schema(path))
        if path.suffix.lower() in (".npy", ".npz"):
            return _columns_of_array(path)
    except Exception:  # parsers raise nearly anything on damaged data
        pass
    return None


def _columns_of_array(path: Path) -> list[str] | None:
    """Read the shape from an array's head; of an .npz, that of the first member that is no label."""
    from numpy.lib import format as npy

    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(path.open("rb"))
        if path.suffix.lower() == ".npz":
            archive = stack.enter_context(zipfile.ZipFile(file))
            member = next(name for name in archive.namelist() if not name.endswith("labels.npy") and name != "y.npy")
            file = stack.enter_context(archive.open(member))
        read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, _ = read(file)
    return list(map(str, range(shape[1]))) if len(shape) == 2 else None
