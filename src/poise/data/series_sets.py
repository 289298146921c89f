"""The built-in sets of series, read from the packages of the extra `series` or made here."""

from collections.abc import Callable

import numpy as np

from ..errors import PoiseError
from .chorales import KEY_NAMES, kept_chorales
from .dataset import Dataset
from .options import SeriesOptions
from .packages import package_file
from .series import Series, assemble_series, one_after_another
from .synthetic import Floats, lorenz, sines


def load_series_set(name: str, options: SeriesOptions) -> Dataset:
    """Load a built-in set of series.

    Raises:
        PoiseError: it comes in a package that is not installed, the window does not fit, or columns were named.

    Example:
        >>> load_series_set("lorenz", SeriesOptions(window=50)).train.shape
        (15851, 50, 3)
    """
    return assemble_series(name, read_series_set(name, options), options.window)


def read_series_set(name: str, options: SeriesOptions) -> Series:
    """Return the series of a built-in set as they are.

    Raises:
        PoiseError: it comes in a package that is not installed, or columns were named.
    """
    if options.series_id is not None or options.time is not None:
        raise PoiseError(f"{name} is a built-in set, with series and times; leave --series-id and --time out")
    return SETS[name]()


def _stocks() -> Series:
    """Read the S&P 500's and NASDAQ's days, without the adjusted close, which is the close."""
    import polars

    frames = []
    for index in ("sp500", "nasdaq"):
        path = package_file("stocks", "arch", "data", index, f"{index}.csv.gz")
        days = polars.read_csv(path, columns=["Open", "High", "Low", "Close", "Volume"])
        frames.append(days.rename({column: f"{index} {column.lower()}" for column in days.columns}))
    days = polars.concat(frames, how="horizontal")
    return one_after_another([days.to_numpy()], tuple(days.columns), "stocks")


def _temperatures() -> Series:
    import polars

    cities = ("seattle", "sf")
    paths = [package_file("temperatures", "vega_datasets", "_data", f"{city}-temps.csv") for city in cities]
    hours = np.column_stack([polars.read_csv(path)["temp"].to_numpy() for path in paths])
    return one_after_another([hours], cities, "temperatures")


def _chorales(name: str, every: int) -> Series:
    chorales = kept_chorales(package_file(name, "music21", "corpus", "bach"))
    return one_after_another([roll[::every] for roll in chorales.values()], KEY_NAMES, name, names=tuple(chorales))


def _classified(name: str, archive_name: str) -> Series:
    """Read the training and the test part of a set in the .ts format: features between colons, then the class."""
    found: list[Floats] = []
    labels: list[str] = []
    parts: list[int] = []
    for part in ("TRAIN", "TEST"):
        file = package_file(name, "sktime", "datasets", "data", archive_name, f"{archive_name}_{part}.ts")
        _, _, rows = file.read_text(encoding="utf-8").partition("@data\n")
        for row in rows.splitlines():
            *features, label = row.split(":")
            found.append(np.array([feature.split(",") for feature in features], np.float64).T)
            labels.append(label)
        parts.append(len(found) - sum(parts))
    columns = tuple(map(str, range(found[0].shape[1])))
    return one_after_another(found, columns, name, np.array(labels), parts=tuple(parts))


SETS: dict[str, Callable[[], Series]] = {
    "bach": lambda: _chorales("bach", 1),
    "bach-quarters": lambda: _chorales("bach-quarters", 4),
    "lorenz": lambda: one_after_another([lorenz()], ("x", "y", "z"), "lorenz"),
    "motions": lambda: _classified("motions", "BasicMotions"),
    "power": lambda: _classified("power", "ItalyPowerDemand"),
    "sines": lambda: one_after_another(list(sines()), ("0", "1", "2", "3", "4"), "sines"),
    "stocks": _stocks,
    "temperatures": _temperatures,
    "vowels": lambda: _classified("vowels", "JapaneseVowels"),
}
