"""How a person says that data are series; imports nothing heavy, so that the command line may."""

from dataclasses import dataclass

WHAT_A_SERIES_IS = (
    "a series is a .csv or .parquet whose rows are time, a folder of such .csv, or an .npy or .npz array [n, t, d]"
)


@dataclass(frozen=True)
class SeriesOptions:
    """That a source holds series, and how they are read.

    Args:
        window: steps of a piece that a long series is cut into; None chooses by the data.
        series_id: the column of a long table that says which series a row is of.
        time: the column that says when a row was observed: numbers, or dates as ISO 8601 writes them.

    Example:
        >>> SeriesOptions(window=24, time="date")
        SeriesOptions(window=24, series_id=None, time='date')
    """

    window: int | None = None
    series_id: str | None = None
    time: str | None = None
