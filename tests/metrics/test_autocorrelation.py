"""Correlations over time and between features against loops, closed forms, and sets that a score must flag."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.metrics.autocorrelation import (
    autocorrelation,
    autocorrelation_difference,
    cross_correlation,
    cross_correlation_difference,
    lead_lag_difference,
)


def with_gaps(seed: int, share: float = 0.3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, 7, 2, generator=generator, dtype=torch.float64) + 5
    x[torch.rand(x.shape, generator=generator) < share] = math.nan
    x[0, 4:] = math.nan  # shorter
    return x


def slowly(x: Tensor, i: int, j: int, lag: int) -> float:
    """Return Σ (x_ti − m_i)(x_{t+lag,j} − m_j) over the pairs observed, and how many they are, as their mean."""
    mean = [x[..., k][~torch.isnan(x[..., k])].mean() for k in (i, j)]
    terms = []
    for row in x:
        for t in range(len(row) - lag):
            a, b = row[t, i] - mean[0], row[t + lag, j] - mean[1]
            if not torch.isnan(a * b):
                terms.append((a * b).item())
    return sum(terms) / len(terms) if terms else 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_autocorrelation_is_its_definition_whatever_is_missing(seed: int) -> None:
    x = with_gaps(seed)
    found = autocorrelation(x, 5)
    for i in range(2):
        for lag in range(1, 6):
            assert math.isclose(found[lag, i], slowly(x, i, i, lag) / slowly(x, i, i, 0), abs_tol=1e-9)


def test_an_autoregression_forgets_as_it_should() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(2_000, 60, 1, dtype=torch.float64)
    x[:, 0] = torch.randn(2_000, 1, generator=generator, dtype=torch.float64) / math.sqrt(1 - 0.64)
    for t in range(1, 60):
        x[:, t] = 0.8 * x[:, t - 1] + torch.randn(2_000, 1, generator=generator, dtype=torch.float64)
    expected = 0.8 ** torch.arange(11, dtype=torch.float64)
    torch.testing.assert_close(autocorrelation(x, 10).flatten(), expected, rtol=0, atol=0.02)
    shuffled = x[:, torch.randperm(60, generator=generator)]
    floor = autocorrelation_difference(x[:1_000], x[1_000:], 10)
    assert floor < 0.03 < 0.2 < autocorrelation_difference(x, shuffled, 10)


def test_what_never_changes_resembles_nothing() -> None:
    flat = torch.full((2, 5, 2), 0.1)
    torch.testing.assert_close(autocorrelation(flat, 2)[1:], torch.zeros(2, 2).double(), rtol=0, atol=0)
    torch.testing.assert_close(cross_correlation(flat), torch.eye(2).double(), rtol=0, atol=0)
    assert cross_correlation_difference(flat[..., :1], flat[..., :1]) == 0.0


def test_lags_longer_than_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="5 steps have no pairs that are 5"):
        autocorrelation(torch.zeros(1, 5, 1), 5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_cross_correlation_is_its_definition_whatever_is_missing(seed: int) -> None:
    x = with_gaps(seed)
    found = cross_correlation(x)
    gaps = x - torch.stack([x[..., i][~torch.isnan(x[..., i])].mean() for i in range(2)])
    both = ~torch.isnan(x).any(-1)
    if not both.any():
        return
    a, b = gaps[both].T
    expected = (a * b).sum() / (a.square().sum() * b.square().sum()).sqrt()
    torch.testing.assert_close(found[0, 1], expected)
    torch.testing.assert_close(found, found.T)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), lag=st.integers(1, 5))
def test_later_cross_correlation_is_its_definition_whatever_is_missing(seed: int, lag: int) -> None:
    x = with_gaps(seed)
    gaps = x - torch.stack([x[..., i][~torch.isnan(x[..., i])].mean() for i in range(2)])
    found = cross_correlation(x, lag)
    for i in range(2):
        for j in range(2):
            pairs = [(row[t, i], row[t + lag, j]) for row in gaps for t in range(7 - lag)]
            both = [(a.item(), b.item()) for a, b in pairs if not torch.isnan(a * b)]
            scale = math.sqrt(sum(a * a for a, _ in both) * sum(b * b for _, b in both))
            expected = sum(a * b for a, b in both) / scale if scale else 0.0
            assert math.isclose(found[i, j], expected, abs_tol=1e-9)


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_a_feature_that_follows_another_is_found_at_its_delay(delay: int) -> None:
    e = torch.randn(300, 40, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.cat([e[:, delay:], e[:, : 40 - delay]], 2)
    for lag in (1, 2, 3, 4):
        assert math.isclose(cross_correlation(x, lag)[0, 1], float(lag == delay), abs_tol=0.05)
        assert abs(cross_correlation(x, lag)[1, 0]) < 0.05
    expected = 1 / 4 if delay <= 4 else 0.0  # of two pairs and four lags, two change by 1
    assert math.isclose(lead_lag_difference(x, x.flip(1), 4), expected, abs_tol=0.05)


def test_equal_sets_do_not_differ() -> None:
    x = with_gaps(0)
    assert autocorrelation_difference(x, x, 3) == cross_correlation_difference(x, x) == 0.0
