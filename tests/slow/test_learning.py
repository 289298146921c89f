"""Do the recipes learn? Minutes, not seconds: run with `make test-slow`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import poise
from poise.data import load
from poise.data.toys import grid_modes, ring_modes
from poise.features import efficientnet_lite0
from poise.metrics import frechet

Modes = Callable[[], tuple[np.ndarray, float]]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("toy", "modes"), [("ring", ring_modes), ("grid", grid_modes)])
def test_every_mode_of_a_toy_is_found(toy: str, modes: "Modes", tmp_path: Path) -> None:
    run = poise.train("gan", toy, out=tmp_path / toy, progress=False)
    points = run.sample(2_500)
    centers, sigma = modes()
    distances = np.linalg.norm(points[:, None] - centers[None], axis=2)
    near = distances.min(1) < 3 * sigma
    counts = np.bincount(distances.argmin(1)[near], minlength=len(centers))
    assert (counts > 0).all(), counts
    assert near.mean() > 0.5


def test_the_default_recipe_comes_closer_to_real_garments(tmp_path: Path) -> None:
    dataset = load("fashion-mnist")
    real = efficientnet_lite0(np.asarray(dataset.test[:2_000]), size=64)
    distances = []
    for steps in (100, 1_500):
        run = poise.train("gan", "fashion-mnist", steps=steps, out=tmp_path / str(steps), progress=False)
        distances.append(frechet(real, efficientnet_lite0(run.sample(2_000), size=64))["frechet"])
    assert distances[1] < 0.5 * distances[0]
    assert distances[1] < 1_000
