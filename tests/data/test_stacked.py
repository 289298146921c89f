"""Stacked garments: three channels that are garments each, drawn independently, and the mode that they make."""

from pathlib import Path

import numpy as np
import pytest

from poise.data import fashion, load
from poise.data.stacked import stack


@pytest.fixture(autouse=True)
def part_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Use the part in the package, wherever this runs."""
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "none")


def test_the_set() -> None:
    data = load("stacked-fashion")
    assert data.name == "stacked-fashion (of the 10,000 garments in the package)"
    assert data.kind == "images"
    assert (data.train.shape, data.test.shape) == ((60_000, 28, 28, 3), (10_000, 28, 28, 3))
    assert data.train.dtype == data.test.dtype == np.uint8
    assert len(set(data.classes)) == 1_000
    modes = np.asarray(data.train_labels)
    counts = np.bincount(modes, minlength=1_000)
    assert counts.min() > 0
    assert ((counts - 60) ** 2 / 60).sum() < 999 + 6 * np.sqrt(2 * 999) + 500  # classes of the part are not quite equal
    for place in (100, 10, 1):  # channels are independent
        assert abs(np.corrcoef(modes // place % 10, np.roll(modes, 1) // place % 10)[0, 1]) < 0.02
    assert abs(np.corrcoef(modes // 100, modes % 10)[0, 1]) < 0.02
    assert data.fingerprint == load("stacked-fashion").fingerprint


def test_every_channel_is_a_garment_of_the_class_that_the_mode_says() -> None:
    garments = load("fashion-mnist")
    by_pixels = {
        image.tobytes(): label
        for image, label in zip(np.asarray(garments.test)[..., 0], np.asarray(garments.test_labels), strict=True)
    }
    stacked = load("stacked-fashion")
    for image, mode in zip(stacked.test[:300], np.asarray(stacked.test_labels)[:300], strict=True):
        a, b, c = (by_pixels[np.ascontiguousarray(image[..., i]).tobytes()] for i in range(3))
        assert mode == 100 * a + 10 * b + c
        assert stacked.classes[mode] == " + ".join(garments.classes[i] for i in (a, b, c))


def test_a_function_of_the_seed() -> None:
    garments, labels = np.arange(10, dtype=np.uint8).repeat(4).reshape(10, 2, 2, 1), np.arange(10)
    (a, modes), (b, same), (c, _) = (stack(garments, labels, 50, seed) for seed in (3, 3, 4))
    assert np.array_equal(a, b)
    assert np.array_equal(modes, same)
    assert not np.array_equal(a, c)
    assert np.array_equal(a[:, 0, 0] @ np.array([100, 10, 1]), modes)


def test_another_size() -> None:
    assert load("stacked-fashion", size=32).test.shape == (10_000, 32, 32, 3)
