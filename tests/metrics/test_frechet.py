"""The Fréchet distance against its closed forms."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics import frechet


def whitened(n: int, d: int, seed: int) -> torch.Tensor:
    """Samples whose mean is 0 and whose covariance is the identity, exactly."""
    drawn = torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    x: torch.Tensor = drawn - drawn.mean(0)
    basis: torch.Tensor = torch.linalg.qr(x).Q
    return basis * math.sqrt(n - 1)


@settings(max_examples=30, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    scales=st.lists(st.tuples(st.floats(0.1, 4), st.floats(0.1, 4)), min_size=1, max_size=6),
    shift=st.floats(-3, 3),
)
def test_commuting_covariances(seeds: tuple[int, int], scales: list[tuple[float, float]], shift: float) -> None:
    a, b = (torch.tensor(column, dtype=torch.float64) for column in zip(*scales, strict=True))
    d = len(scales)
    real, fake = whitened(40, d, seeds[0]) * a, whitened(50, d, seeds[1]) * b + shift
    expected = d * shift**2 + (a - b).square().sum().item()
    assert frechet(real, fake)["frechet"] == pytest.approx(expected, rel=1e-8, abs=1e-9)


def test_fewer_samples_than_dimensions_equal_the_matrix_root() -> None:
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(n, 12, dtype=torch.float64, generator=generator) for n in (7, 30))
    c1, c2 = torch.cov(real.T), torch.cov(fake.T)
    roots = torch.linalg.eigvals(c1 @ c2).real.clamp(min=0).sqrt().sum()
    expected = (real.mean(0) - fake.mean(0)).square().sum() + c1.trace() + c2.trace() - 2 * roots
    assert frechet(real, fake)["frechet"] == pytest.approx(expected.item(), rel=1e-6)


def test_equal_laws_have_the_known_bias() -> None:
    n, d = 2_000, 10
    generator = torch.Generator().manual_seed(1)
    distances = [
        frechet(torch.randn(n, d, generator=generator), torch.randn(n, d, generator=generator))["frechet"]
        for _ in range(20)
    ]
    # each of the two samples contributes half of 2d/n + d(d+1)/2n
    assert sum(distances) / len(distances) == pytest.approx(2 * d / n + d * (d + 1) / (2 * n), rel=0.2)


def test_unusable_features_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 samples"):
        frechet(torch.zeros(1, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="features must be"):
        frechet(torch.zeros(5, 2), torch.zeros(5, 3))
