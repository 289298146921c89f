"""The kernel distance against sums over pairs, moments in closed form, and other libraries."""

import math
import sys
from statistics import mean, stdev

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.features import draw, plain_mmd
from metrics.peers import load
from poise.metrics import kid, kid_of_all


@settings(max_examples=25, deadline=None)
@given(n=st.integers(4, 9), m=st.integers(4, 9), d=st.integers(1, 6), seed=st.integers(0, 999), shift=st.floats(-2, 2))
def test_sums_over_pairs(n: int, m: int, d: int, seed: int, shift: float) -> None:
    real, fake = draw(n, d, seed), draw(m, d, seed + 1000, shift=shift)
    assert kid_of_all(real, fake)["kid"] == pytest.approx(plain_mmd(real, fake), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("block", [1, 7, 30])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    real, fake = draw(40, 5, 0), draw(25, 5, 1)
    expected = kid_of_all(real, fake)
    monkeypatch.setattr(sys.modules["poise.metrics.kid"], "BLOCK", block)
    assert kid_of_all(real, fake) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("n", "d"), [(40, 3), (100, 16), (60, 128)])
def test_equal_laws_have_mean_0(n: int, d: int) -> None:
    values = [kid_of_all(draw(n, d, seed), draw(n, d, seed + 500))["kid"] for seed in range(100)]
    assert abs(mean(values)) < 4 * stdev(values) / 10
    assert min(values) < 0


@pytest.mark.parametrize(("spread", "shift"), [(1.0, 1.0), (2.0, 0.0), (0.5, -1.0)])
def test_moments_of_one_feature(spread: float, shift: float) -> None:
    """Of one feature MMD² = 3 Δm₁² + 3 Δm₂² + Δm₃², and m₃ = μ³ + 3μσ²; stated errors are those seen, or larger."""
    second, third = shift**2 + spread**2 - 1, shift**3 + 3 * shift * spread**2
    truth = 3 * shift**2 + 3 * second**2 + third**2
    whole = [kid_of_all(draw(400, 1, seed), draw(300, 1, seed + 500, spread, shift)) for seed in range(40)]
    values = [scores["kid"] for scores in whole]
    assert abs(mean(values) - truth) < 4 * stdev(values) / math.sqrt(40)
    assert mean(scores["kid_error"] for scores in whole) == pytest.approx(stdev(values), rel=0.35)
    subsets = [
        kid(
            draw(400, 1, seed),
            draw(300, 1, seed + 500, spread, shift),
            subsets=15,
            size=50,
            generator=torch.Generator().manual_seed(seed),
        )
        for seed in range(40)
    ]
    values = [scores["kid"] for scores in subsets]
    assert abs(mean(values) - truth) < 4 * stdev(values) / math.sqrt(40)
    assert 0.7 < mean(scores["kid_error"] for scores in subsets) / stdev(values) < 1.8


@pytest.mark.parametrize(("n", "d"), [(50, 4), (80, 64), (30, 300)])
def test_torchmetrics_and_torch_fidelity(n: int, d: int) -> None:
    """torchmetrics works in the features' own precision, so it is given float64; of all samples at once both agree."""
    real, fake = draw(n, d, 0).double(), draw(n, d, 1, 0.8, 0.2).double()
    found = kid_of_all(real, fake)["kid"]
    assert found == pytest.approx(load("torchmetrics.image.kid").poly_mmd(real, fake).item(), rel=1e-9)
    peer = load("torch_fidelity.metric_kid").kid_features_to_metric(
        real, fake, kid_subsets=1, kid_subset_size=n, verbose=False
    )
    assert found == pytest.approx(peer["kernel_inception_distance_mean"], rel=1e-9)


def test_a_seed_decides() -> None:
    real, fake = draw(100, 5, 0), draw(80, 5, 1)
    state = torch.get_rng_state()
    once, again, other = (
        kid(real, fake, subsets=5, size=20, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert once == again != other
    assert torch.equal(torch.get_rng_state(), state)


def test_unusable_features_are_refused() -> None:
    x = draw(100, 3, 0)
    with pytest.raises(ValueError, match="at least 2000 samples, not 100"):
        kid(x, x, generator=torch.Generator())
    with pytest.raises(ValueError, match="at least two subsets of at least two samples, not 1 of 20"):
        kid(x, x, subsets=1, size=20, generator=torch.Generator())
    with pytest.raises(ValueError, match="at least 4 samples"):
        kid_of_all(x, x[:3])
