"""Random convolutions: held to loops in float64, and seeing what series can have wrong."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from poise.errors import PoiseError
from poise.features import judge
from poise.features.random_convolution import _kernels, random_convolution, random_convolution_features
from poise.metrics import frechet

Series = NDArray[np.float64]
Change = Callable[[Series], Series]


def waves(n: int, seed: int) -> Series:
    rng = np.random.default_rng(seed)
    phase, rate = rng.uniform(0, 6, (n, 1, 2)), rng.uniform(0.2, 0.6, (n, 1, 2))
    waves: Series = np.sqrt(2) * np.sin(rate * np.arange(40)[None, :, None] + phase)
    return waves


def reference(series: Series) -> Series:
    """One series [T, d] in the plainest way."""
    steps, columns = series.shape
    end = max(t for t in range(steps) if not np.isnan(series[t]).all()) + 1
    x = np.zeros((end, columns))
    for j in range(columns):
        seen = [t for t in range(end) if not np.isnan(series[t, j])]
        for t in range(end):
            before = [s for s in seen if s <= t]
            x[t, j] = series[before[-1] if before else seen[0], j] if seen else 0.0
    shares, largest = [], []
    for dilation, weights, biases in _kernels(steps, columns):
        for kernel, bias in zip(weights.double().numpy(), biases.double().numpy(), strict=True):
            y = np.full(end, bias)
            for t in range(end):
                for tap in range(11):
                    at = t + (tap - 5) * dilation
                    if 0 <= at < end:
                        y[t] += kernel[:, tap] @ x[at]
            shares.append((y > 0).mean())
            largest.append(y.max())
    return np.array([*shares, *largest])


@pytest.mark.parametrize("missing", ["nothing", "gaps", "the end", "a column"])
def test_features_are_those_of_plain_loops(missing: str) -> None:
    x = np.random.default_rng(0).normal(size=(17, 3))
    if missing == "gaps":
        x[0:2, 0], x[5:9, 1], x[7] = np.nan, np.nan, np.nan
    elif missing == "the end":
        x[11:] = np.nan
    elif missing == "a column":
        x[:, 1] = np.nan
    found = random_convolution_features(x[None])[0].double().numpy()
    expected = reference(x)
    assert np.allclose(found[256:], expected[256:], atol=1e-5)
    assert np.allclose(found[:256], expected[:256], atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: np.random.default_rng(0).permuted(x, axis=1),
        lambda x: np.broadcast_to(x[:, :1], x.shape),
        lambda x: x + 0.5,
        lambda x: 1.4 * x,
        lambda x: x + 0.3 * np.random.default_rng(0).normal(size=x.shape),
        lambda x: np.repeat(x[..., :1], 2, axis=-1),
        lambda x: x[np.arange(len(x)) % 5],
    ],
    ids=["shuffled time", "flat", "level", "spread", "noise", "columns alike", "copies of five"],
)
def test_what_is_unlike_lies_far_above_the_floor(change: Change) -> None:
    one = judge("random-convolution")
    real, other, fake = (one.features(x) for x in (waves(300, 0), waves(300, 1), change(waves(300, 2))))
    floor, far = (frechet(real, features)["frechet"] for features in (other, fake))
    assert far > 4 * floor


def test_shuffled_time_is_thirty_times_the_floor() -> None:
    one, shuffled = judge("random-convolution"), np.random.default_rng(0).permuted(waves(300, 2), axis=1)
    real, other, fake = (one.features(x) for x in (waves(300, 0), waves(300, 1), shuffled))
    assert frechet(real, fake)["frechet"] > 30 * frechet(real, other)["frechet"]


def test_statistics_of_training_data_standardize() -> None:
    center, scale = np.array([3.0, -1.0]), np.array([2.0, 0.5])
    given = random_convolution(center, scale)
    x = waves(5, 0)
    assert torch.allclose(given.features(x * scale + center), judge("random-convolution").features(x), atol=1e-3)
    versions = {given.version, random_convolution().version, random_convolution(center).version}
    assert len(versions | {random_convolution(scale=center).version}) == 4


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 2, 1), (2, 500, 30)])
def test_any_length_and_width_is_taken(shape: tuple[int, int, int]) -> None:
    features = judge("random-convolution").features(np.random.default_rng(0).normal(size=shape))
    assert features.shape == (shape[0], 512)
    assert ((features[:, :256] >= 0) & (features[:, :256] <= 1)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_series_without_a_finite_value_is_named(value: float) -> None:
    x = waves(5, 0)
    x[3] = value
    with pytest.raises(PoiseError, match="not finite for 1 of 5 samples, first for number 3"):
        judge("random-convolution").features(x)
