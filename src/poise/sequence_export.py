"""Series into files: drawn freely, forecast, or filled."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data.whole import WholeSeries
from .errors import PoiseError
from .files import whole_file, writing
from .sequence_pictures import LEVELS, save_forecasts, save_gaps, save_sequences
from .sequence_use import Forecast, Imputed

ENDINGS = (".csv", ".parquet", ".npz", ".png")
QUANTILES = tuple(f"q{100 * share:02.0f}" for share in LEVELS)


def check_ending(out: Path) -> None:
    """Refuse, before the work, an ending that series are not written with.

    Raises:
        PoiseError: none of .csv, .parquet, .npz and .png.

    Example:
        >>> check_ending(Path("waves.txt"))
        Traceback (most recent call last):
        ...
        poise.errors.PoiseError: cannot write series as waves.txt; end --out in .csv, .parquet, .npz or .png
    """
    if out.suffix.lower() not in ENDINGS:
        raise PoiseError(f"cannot write series as {out.name}; end --out in .csv, .parquet, .npz or .png")


def save_series(samples: NDArray[Any], columns: list[str], out: Path) -> None:
    """Write series [n, T, d]: a table of series, step and features; arrays `samples` and `columns`; or a picture.

    Raises:
        PoiseError: another ending, or a disk that cannot be written.
    """
    check_ending(out)
    if out.suffix.lower() == ".png":
        save_sequences(out, samples, None, columns)
        return
    count, steps, _ = samples.shape
    series, step = (grid.ravel() for grid in np.indices((count, steps)))
    table = {"series": series, "step": step} | dict(zip(columns, samples.reshape(-1, len(columns)).T, strict=True))
    _write(out, lambda: table, {"samples": samples, "columns": np.array(columns)})


def save_forecast(found: Forecast, out: Path) -> None:
    """Write a forecast: a table of series, step, feature, mean and five quantiles; arrays; or fans.

    Steps are counted from the beginning of each series, the first of which is 0. Arrays: `quantiles` [5, n, horizon, d]
    of `shares`, `mean`, `samples`, `columns`, `series`.

    Raises:
        PoiseError: another ending, or a disk that cannot be written.
    """
    check_ending(out)
    series = found.series
    if out.suffix.lower() == ".png":
        past = [one[:length] for one, length in zip(series.values, series.lengths, strict=True)]
        save_forecasts(out, past, found.samples, series.columns, titles=series.names)
        return
    levels, mean = found.quantiles(*LEVELS), found.samples.mean(0)

    def table() -> dict[str, Any]:
        which, step, feature = (grid.ravel() for grid in np.indices(mean.shape))
        return {
            "series": _names(series)[which],
            "step": series.lengths[which] + step,
            "feature": np.array(series.columns)[feature],
            "mean": mean.ravel(),
            **{name: level.ravel() for name, level in zip(QUANTILES, levels, strict=True)},
        }

    arrays = {"quantiles": levels, "shares": np.array(LEVELS), "mean": mean, "samples": found.samples}
    _write(out, table, arrays | {"columns": np.array(series.columns), "series": _names(series)})


def save_imputed(found: Imputed, out: Path) -> None:
    """Write filled series: a table of series, step, and each feature with its bounds; arrays; or a picture.

    The columns "... lower" and "... upper" are empty where a value was observed. Arrays: `filled`, `lower` and `upper`
    [n, T, d], `lengths`, `columns`, `series`.

    Raises:
        PoiseError: another ending, or a disk that cannot be written.
    """
    check_ending(out)
    series = found.series
    if out.suffix.lower() == ".png":
        save_gaps(out, found.filled, found.lower, found.upper, series.columns, series.names)
        return

    def table() -> dict[str, Any]:
        inside = np.arange(series.values.shape[1]) < series.lengths[:, None]
        which, step = np.nonzero(inside)
        columns: dict[str, Any] = {"series": _names(series)[which], "step": step}
        for i, name in enumerate(series.columns):
            columns[name] = found.filled[inside][:, i]
            columns[f"{name} lower"], columns[f"{name} upper"] = found.lower[inside][:, i], found.upper[inside][:, i]
        return columns

    arrays = {"filled": found.filled, "lower": found.lower, "upper": found.upper, "lengths": series.lengths}
    _write(out, table, arrays | {"columns": np.array(series.columns), "series": _names(series)})


def _names(series: WholeSeries) -> NDArray[Any]:
    return np.array(series.names) if series.names else np.arange(len(series.lengths))


def _write(out: Path, table: Callable[[], Mapping[str, Any]], arrays: Mapping[str, Any]) -> None:
    with writing(out), whole_file(out) as file:
        if out.suffix.lower() == ".npz":
            np.savez_compressed(file, **arrays)
            return
        import polars  # late: a tenth of a second

        frame = polars.DataFrame(dict(table())).fill_nan(None)
        if out.suffix.lower() == ".csv":
            frame.write_csv(file)
        else:
            frame.write_parquet(file)
