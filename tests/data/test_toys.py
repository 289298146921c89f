"""The toy sets have the modes and the spread that they promise."""

from collections.abc import Callable

import numpy as np
import pytest

from poise.data import load
from poise.data.toys import grid, grid_modes, ring, ring_modes
from poise.errors import PoiseError

Modes = Callable[[], tuple[np.ndarray, float]]


@pytest.mark.parametrize(("name", "modes", "k"), [("ring", ring_modes, 8), ("grid", grid_modes, 25)])
def test_points_lie_around_their_modes(name: str, modes: Modes, k: int) -> None:
    data = load(name)
    centers, sigma = modes()
    assert data.kind == "points"
    assert (data.train.shape, data.test.shape) == ((50_000, 2), (10_000, 2))
    assert data.train.dtype == np.float32
    assert len(data.classes) == len(set(data.classes)) == k == len(centers)
    offsets = (data.train - centers[np.asarray(data.train_labels)]) / sigma
    assert np.abs(offsets).max() < 6
    assert np.abs(offsets.mean(axis=0)).max() < 0.03
    assert np.abs(np.cov(offsets.T) - np.eye(2)).max() < 0.03
    counts = np.bincount(np.asarray(data.train_labels), minlength=k)
    assert np.abs(counts - 50_000 / k).max() < 5 * np.sqrt(50_000 / k)
    nearest = np.linalg.norm(np.asarray(data.test)[:, None] - centers, axis=2).argmin(axis=1)
    assert np.array_equal(nearest, np.asarray(data.test_labels))


def test_eight_distinct_modes_on_the_unit_circle() -> None:
    centers, _ = ring_modes()
    assert np.allclose(np.linalg.norm(centers, axis=1), 1)
    gaps = np.linalg.norm(centers - np.roll(centers, 1, axis=0), axis=1)
    assert np.allclose(gaps, 2 * np.sin(np.pi / 8))


def test_grid_modes() -> None:
    assert {tuple(center) for center in grid_modes()[0]} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }


@pytest.mark.parametrize("draw", [ring, grid])
def test_a_function_of_the_seed(draw: Callable[..., tuple[np.ndarray, np.ndarray]]) -> None:
    assert np.array_equal(draw(10, seed=3)[0], draw(10, seed=3)[0])
    assert not np.array_equal(draw(10, seed=3)[0], draw(10, seed=4)[0])


def test_fixed_and_without_size() -> None:
    assert load("ring").fingerprint == load("ring").fingerprint != load("grid").fingerprint
    with pytest.raises(PoiseError, match="ring holds points"):
        load("ring", size=64)
