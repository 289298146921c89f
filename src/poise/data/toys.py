"""Points in the plane drawn from mixtures of Gaussians whose modes are known."""

import numpy as np
import numpy.typing as npt

from ..errors import PoiseError
from .dataset import Dataset, Labels
from .names import SETS

Centers = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]
TRAIN, TEST = 50_000, 10_000


def ring_modes() -> tuple[Centers, float]:
    """Return the centers (cos 2πk/8, sin 2πk/8) [8, 2] of the ring and their σ.

    Example:
        >>> centers, sigma = ring_modes()
        >>> centers.shape, sigma
        ((8, 2), 0.01)
    """
    angles = 2 * np.pi * np.arange(8) / 8
    return np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01


def grid_modes() -> tuple[Centers, float]:
    """Return the centers {−4, −2, 0, 2, 4}² [25, 2] of the grid and their σ.

    Example:
        >>> centers, sigma = grid_modes()
        >>> centers.shape, sigma
        ((25, 2), 0.05)
    """
    ticks = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2), 0.05


def ring(n: int, seed: int) -> tuple[Points, Labels]:
    """Draw n points from 8 equally likely Gaussians on the unit circle, σ = .01.

    Returns:
        Points [n, 2] and the index of the mode of each [n].

    Example:
        >>> points, modes = ring(5, seed=0)
        >>> points.shape, modes.shape
        ((5, 2), (5,))
    """
    return _mixture(*ring_modes(), n, seed)


def grid(n: int, seed: int) -> tuple[Points, Labels]:
    """Draw n points from 25 equally likely Gaussians on a 5×5 grid, σ = .05.

    Returns:
        Points [n, 2] and the index of the mode of each [n].

    Example:
        >>> points, modes = grid(5, seed=0)
        >>> points.shape, modes.shape
        ((5, 2), (5,))
    """
    return _mixture(*grid_modes(), n, seed)


def _mixture(centers: Centers, sigma: float, n: int, seed: int) -> tuple[Points, Labels]:
    rng = np.random.default_rng(seed)
    modes = rng.integers(len(centers), size=n)
    points = centers[modes] + sigma * rng.standard_normal((n, centers.shape[1]))
    return points.astype(np.float32), modes


TOYS = {"ring": ring_modes, "grid": grid_modes}  # the centers of their modes, and σ


def load_toy(name: str, size: int | None = None) -> Dataset:
    """Return 50,000 points of a toy set to train on and 10,000 to test with, always the same.

    Raises:
        PoiseError: A size was asked for, which points do not have.

    Example:
        >>> load_toy("ring").train.shape
        (50000, 2)
    """
    if size is not None:
        raise PoiseError(f"{name} holds points, which have no size; leave the size out")
    draw, modes = {"ring": ring, "grid": grid}[name], TOYS[name]
    train, train_labels = draw(TRAIN, seed=0)
    test, test_labels = draw(TEST, seed=1)
    classes = tuple(f"({x:.2g}, {y:.2g})" for x, y in modes()[0].round(2) + 0.0)
    return Dataset(name, SETS[name].kind, train, test, train_labels, test_labels, classes)
