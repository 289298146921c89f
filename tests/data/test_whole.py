"""Series that are neither split nor cut."""

from pathlib import Path

import numpy as np
import pytest

from poise.data.options import SeriesOptions
from poise.data.whole import load_whole
from poise.errors import PoiseError


def test_a_long_series_stays_whole_with_its_gaps(tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_text(
        "heat,load\n" + "\n".join(f"{t}," if t % 5 == 0 else f"{t},1" for t in range(300))
    )
    series = load_whole(tmp_path / "walk.csv", SeriesOptions(window=10))
    assert series.values.shape == (1, 300, 2)
    assert np.isnan(series.values[0, ::5, 1]).all()
    assert series.columns == ("heat", "load")


def test_long_tables_and_folders_keep_their_names(tmp_path: Path) -> None:
    rows = [f"{name},{t},{t}" for name, steps in (("b", 4), ("a", 2)) for t in range(steps)]
    (tmp_path / "long.csv").write_text("id,when,x\n" + "\n".join(rows))
    series = load_whole(tmp_path / "long.csv", SeriesOptions(series_id="id", time="when"))
    assert dict(zip(series.names, series.lengths.tolist(), strict=True)) == {"b": 4, "a": 2}


def test_built_in_sets_are_series_too() -> None:
    assert load_whole("sines", SeriesOptions()).values.ndim == 3


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ring", "ring holds points, no series; a series is"),
        ("nowhere.csv", "no such folder or file, and no built-in set: nowhere.csv"),
        ("empty.npy", "series 1 of .*empty.npy holds no value at all; remove it"),
    ],
)
def test_mistakes_are_told_in_one_line(source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = np.zeros((2, 5, 1))
    values[1] = np.nan
    np.save("empty.npy", values)
    with pytest.raises(PoiseError, match=said):
        load_whole(source, SeriesOptions())
