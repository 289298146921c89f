"""A linear classifier against regressions refitted without each sample, and what it must and cannot tell apart."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.metrics.two_sample_linear import RIDGES, two_sample_linear, weights


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def refitted(x: Tensor, y: Tensor) -> float:
    """Return the ridge whose predictions of each sample by the others, with a free mean, are best."""
    errors = []
    for ridge in RIDGES.tolist():
        error = 0.0
        for i in range(len(x)):
            others = torch.arange(len(x)) != i
            a, b = torch.cat([torch.ones(len(x), 1).double(), x], 1), y
            penalty = ridge * torch.eye(a.shape[1], dtype=torch.float64)
            penalty[0, 0] = 0
            w = torch.linalg.solve(a[others].T @ a[others] + penalty, a[others].T @ b[others])
            error += (a[i] @ w - b[i]).item() ** 2
        errors.append(error)
    return float(RIDGES[errors.index(min(errors))])


@settings(max_examples=10, deadline=None)
@given(n=st.integers(3, 8), d=st.integers(1, 12), seed=st.integers(0, 1_000))
def test_the_ridge_is_the_one_that_predicts_best_what_was_left_out(n: int, d: int, seed: int) -> None:
    y = torch.cat([torch.ones(n), -torch.ones(n)]).double()
    x = normal(2 * n, d, seed) + 0.5 * y.unsqueeze(1)
    x = x - x.mean(0)
    expected = torch.linalg.solve(x.T @ x + refitted(x, y) * torch.eye(d), x.T @ y)
    torch.testing.assert_close(weights(x, y), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 0.5), (1.0, 0.691), (2.0, 0.841), (4.0, 0.977)])
def test_shifted_gaussians_are_told_apart_as_well_as_can_be(shift: float, expected: float) -> None:
    """The best accuracy for N(0, 1) and N(s, 1) is Φ(s/2)."""
    kinds = [normal(4_000, 1, seed) + shift * (seed % 2) for seed in range(4)]
    small = [part[:1_000] for part in kinds[:2]]
    assert two_sample_linear(small, kinds[2:]).accuracy == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("d", [1, 20, 400])
def test_equal_laws_are_told_apart_as_often_as_chance_says(d: int) -> None:
    """One in forty; features beyond the number of samples and constant ones do no harm."""
    found = []
    for seed in range(80):
        parts = torch.cat([normal(100, d, seed), torch.ones(100, 1).double()], 1).split(25)
        found.append(two_sample_linear((parts[0], parts[1]), (parts[2], parts[3])))
    assert sum(result.told_apart for result in found) <= 8
    assert abs(sum(result.accuracy for result in found) / 80 - 0.5) < 0.03


def test_numbers_of_each_kind_do_not_matter() -> None:
    kinds = [normal(n, 3, seed) + shift for n, seed, shift in ((300, 0, 0), (60, 1, 1), (200, 2, 0), (90, 3, 1))]
    result = two_sample_linear((kinds[0], kinds[1]), (kinds[2], kinds[3]))
    assert result.accuracy > 0.75
    assert result.chance == pytest.approx(0.5 + 1.96 * (0.125 / 90) ** 0.5)


def test_what_cannot_be_compared_is_refused() -> None:
    some = normal(20, 2, 0)
    with pytest.raises(ValueError, match="generated features must be at least 10 samples, not 9"):
        two_sample_linear((some, some), (some, some[:9]))
    with pytest.raises(ValueError, match="of one judge"):
        two_sample_linear((some, some), (some[:, :1], some[:, :1]))
    with pytest.raises(ValueError, match="real features hold NaN"):
        two_sample_linear((some * torch.nan, some), (some, some))
