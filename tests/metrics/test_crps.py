"""The ranked probability score against its definition and a closed form; intervals against exchangeability."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.metrics.crps import crps
from poise.metrics.intervals import coverage, quantiles

NUMBERS = st.floats(-1e3, 1e3)


@settings(max_examples=50, deadline=None)
@given(samples=st.lists(NUMBERS, min_size=2, max_size=12), y=NUMBERS)
def test_the_score_is_its_definition(samples: list[float], y: float) -> None:
    x, count = torch.tensor(samples, dtype=torch.float64), len(samples)
    pairs = (x.unsqueeze(0) - x.unsqueeze(1)).abs().sum() / (count * (count - 1))
    expected = (x - y).abs().mean() - pairs / 2
    torch.testing.assert_close(crps(x, torch.tensor(y, dtype=torch.float64)), expected, rtol=0, atol=1e-9)


def test_draws_of_a_gaussian_score_the_closed_form() -> None:
    """σ [z (2Φ(z) − 1) + 2φ(z) − 1/√π], z = (y − μ)/σ: Gneiting & Raftery 2007, eq. 20."""
    y = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
    normal = torch.distributions.Normal(torch.tensor(0.5, dtype=torch.float64), 2.0)
    z = (y - 0.5) / 2.0
    phi = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    expected = 2.0 * (z * (2 * normal.cdf(y) - 1) + 2 * phi - 1 / math.sqrt(math.pi))
    few = crps(0.5 + 2.0 * torch.randn(4, 200_000, 1, dtype=torch.float64), y.expand(200_000, 3)).mean(0)
    torch.testing.assert_close(few, expected, rtol=0, atol=0.02)  # unbiased with four draws
    many = crps(0.5 + 2.0 * torch.randn(400_000, 1, dtype=torch.float64), y)
    torch.testing.assert_close(many, expected, rtol=0, atol=0.02)


def test_what_was_not_observed_has_no_score() -> None:
    found = crps(torch.randn(5, 2), torch.tensor([math.nan, 0.0]))
    assert torch.isnan(found).tolist() == [True, False]
    with pytest.raises(ValueError, match="at least two"):
        crps(torch.zeros(1), torch.tensor(0.0))


@settings(max_examples=50, deadline=None)
@given(
    samples=st.lists(NUMBERS, min_size=1, max_size=20),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_quantiles_are_those_of_numpy(samples: list[float], shares: list[float]) -> None:
    found = quantiles(torch.tensor(samples, dtype=torch.float64), shares)
    np.testing.assert_allclose(found, np.quantile(samples, shares, method="weibull"), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("count", "share"), [(19, 0.9), (30, 0.5), (100, 0.9)])
def test_right_forecasts_are_covered_as_often_as_they_say(count: int, share: float) -> None:
    draws = torch.randn(count + 1, 40_000)
    assert abs(coverage(draws[1:], draws[0], share) - share) < 0.01


def test_coverage_leaves_out_what_was_not_observed() -> None:
    assert coverage(torch.randn(50, 3), torch.tensor([math.nan, 0.0, 99.0]), 0.9) == 0.5
    assert math.isnan(coverage(torch.randn(50, 1), torch.tensor([math.nan]), 0.9))
