"""A classifier on sequences: chance for equal laws; order, level and spread in time are seen."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.metrics.two_sample import two_sample

Change = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def waves(n: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    phase, rate = rng.uniform(0, 6, (n, 1, 2)), rng.uniform(0.2, 0.6, (n, 1, 2))
    return np.sin(rate * np.arange(20)[None, :, None] + phase)


def scores(change: Change) -> tuple[float, float]:
    real, fake = [waves(400, seed) for seed in (0, 1)], [change(waves(400, seed)) for seed in (2, 3)]
    found = two_sample((real[0], fake[0]), (real[1], fake[1]), steps=200)
    return found.accuracy, found.chance


def test_equal_laws_are_not_told_apart() -> None:
    accuracy, chance = scores(lambda x: x)
    assert 0.5 < chance < 0.55
    assert abs(accuracy - 0.5) < 2 * (chance - 0.5)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: np.random.default_rng(0).permuted(x, axis=1),
        lambda x: np.broadcast_to(x[:, :1], x.shape),
        lambda x: x + 0.5,
        lambda x: 1.4 * x,
        lambda x: x + 0.3 * np.random.default_rng(0).normal(size=x.shape),
        lambda x: np.repeat(x[..., :1], 2, axis=-1),
    ],
    ids=["shuffled time", "flat", "level", "spread", "noise", "features alike"],
)
def test_what_is_unlike_is_told_apart(change: Change) -> None:
    accuracy, chance = scores(change)
    assert accuracy > chance + 0.15


def test_few_sequences_are_refused() -> None:
    some, few = waves(20, 0), waves(5, 1)
    with pytest.raises(ValueError, match="at least ten sequences"):
        two_sample((some, few), (some, some))


def test_other_features_and_ones_never_observed_are_refused() -> None:
    some = waves(20, 0)
    with pytest.raises(ValueError, match="the same features, not"):
        two_sample((some, some[..., :1]), (some, some))
    gone = some * [1, np.nan]
    with pytest.raises(ValueError, match="feature 1 was never observed"):
        two_sample((some, gone), (some, gone))


def test_the_same_seed_gives_the_same_accuracy() -> None:
    real, fake = waves(60, 0), waves(60, 1)
    pairs = (real[:30], fake[:30]), (real[30:], fake[30:])
    assert two_sample(*pairs, steps=40) == two_sample(*pairs, steps=40)
