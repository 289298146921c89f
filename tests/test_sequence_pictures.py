"""Pictures of series are written, in every case that data make."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poise.sequence_pictures import save_autocorrelations, save_divergences, save_forecasts, save_sequences


def walks(n: int, features: int, steps: int = 20) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, steps, features)).cumsum(1)


def rolls(n: int, steps: int = 20) -> np.ndarray:
    return (np.random.default_rng(0).random((n, steps, 12)) < 0.1).astype(float)


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        picture.load()
        return picture.size


@pytest.mark.parametrize("features", [1, 3, 9])
@pytest.mark.parametrize("which", ["both", "made", "data"])
def test_series_of_any_number_of_features(features: int, which: str, tmp_path: Path) -> None:
    x = walks(4, features)
    x[1, 12:] = np.nan  # shorter
    columns = tuple(f"a long name of feature {i}" for i in range(features))
    made, data = (x if which != "data" else None), (x[:2] if which != "made" else None)
    save_sequences(tmp_path / "x.png", made, data, columns)
    width, _ = size(tmp_path / "x.png")
    assert width > 500


def test_bits_of_many_features_are_rolls(tmp_path: Path) -> None:
    x, columns = rolls(4), tuple(map(str, range(12)))
    save_sequences(tmp_path / "x.png", x, x[:1], columns)
    save_forecasts(tmp_path / "y.png", list(x[:2, :8]), np.stack([x[:2, 8:]] * 5), columns, list(x[:2, 8:]))
    save_sequences(tmp_path / "z.png", 0 * x, None, columns)  # nothing ever sounds
    assert min(size(tmp_path / name)[1] for name in ("x.png", "y.png", "z.png")) > 250


@pytest.mark.parametrize("features", [1, 4, 9])
def test_autocorrelations(features: int, tmp_path: Path) -> None:
    x = walks(4, features)
    save_autocorrelations(tmp_path / "x.png", x[2:], x[:2], tuple(map(str, range(features))), lags=10)
    size(tmp_path / "x.png")


def test_divergences_of_one_step_and_dimension(tmp_path: Path) -> None:
    save_divergences(tmp_path / "x.png", [0.5], [0.5])
    size(tmp_path / "x.png")


def test_fans_of_unequal_series(tmp_path: Path) -> None:
    x = walks(5, 6)
    past, drawn = [one[: 5 + i] for i, one in enumerate(x)], np.stack([x[:, 5:]] * 30)
    save_forecasts(tmp_path / "x.png", past, drawn, tuple("abcdef"), [one[5 : 9 + i] for i, one in enumerate(x)])
    save_forecasts(tmp_path / "y.png", past[:1], drawn[:, :1], tuple("abcdef"), titles=["a name that is rather long"])
    assert size(tmp_path / "x.png")[0] > size(tmp_path / "y.png")[0]
