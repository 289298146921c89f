"""Stylized facts of series whose facts are known."""

import math

import pytest
import torch
from torch import Tensor

from poise.metrics.stylized import stylized


def noise(n: int, steps: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, steps, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def autoregression(a: float, seed: int) -> Tensor:
    e = noise(500, 30, 1, seed)
    x = [e[:, 0]]
    for t in range(1, 30):
        x.append(a * x[-1] + math.sqrt(1 - a * a) * e[:, t])
    return torch.stack(x, 1)


@pytest.mark.parametrize("scale", [0.5, 2.0, 3.0])
def test_spread_is_seen_by_values_and_steps_alone(scale: float) -> None:
    """Scaling N(0, 1) moves it by |s − 1| E|x|; increments likewise, whatever their own spread is."""
    x = autoregression(0.8, 0)
    facts = stylized(x, scale * x)
    expected = abs(scale - 1) * math.sqrt(2 / math.pi)
    assert facts["marginal"] == pytest.approx(expected, rel=0.03)
    assert facts["increments"] == pytest.approx(expected, rel=0.03)
    assert [facts[name] for name in ("autocorrelation", "volatility")] == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(0.9, 0.0), (0.9, 0.5), (0.5, -0.5)])
def test_memory_is_seen_by_autocorrelation_and_increments(a: float, b: float) -> None:
    """Autocorrelations are a^k; increments have variance 2(1 − a)."""
    facts = stylized(autoregression(a, 0), autoregression(b, 1), lags=4)
    assert facts["marginal"] < 0.1  # the sequences of a are few that differ
    assert facts["autocorrelation"] == pytest.approx(sum(abs(a**k - b**k) for k in range(1, 5)) / 4, abs=0.03)
    ratio = math.sqrt((1 - b) / (1 - a))
    assert facts["increments"] == pytest.approx(abs(ratio - 1) * math.sqrt(2 / math.pi), rel=0.05)


def test_steps_that_are_wild_for_a_while_are_seen_by_volatility_alone() -> None:
    calm = torch.where(torch.arange(500).view(-1, 1, 1) % 2 == 0, 0.2, 1.8)
    clustered = (noise(500, 30, 1, 0) * calm).cumsum(1)
    mixed = clustered.diff(dim=1).flatten()[torch.randperm(500 * 29, generator=torch.Generator().manual_seed(1))]
    facts = stylized(clustered.diff(dim=1).cumsum(1), mixed.view(500, 29, 1).cumsum(1), lags=4)
    assert facts["volatility"] > 0.25
    assert facts["increments"] < 0.03


def test_which_feature_leads_is_seen_by_lead_lag_alone() -> None:
    e = noise(400, 31, 1, 0)
    x = torch.cat([e[:, 1:], e[:, :-1]], 2)  # the second follows the first by a step
    facts = stylized(x, x.flip(1), lags=2)
    assert facts["lead_lag"] == pytest.approx(0.5, abs=0.03)  # r_01(1) and r_10(1) change by 1, those at lag 2 do not
    assert max(facts[name] for name in ("marginal", "autocorrelation", "cross_correlation")) < 1e-6


def test_missing_values_and_lengths_do_not_matter() -> None:
    x = autoregression(0.7, 0)
    y = torch.where(torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.2, torch.nan, x)
    y[::2, 20:] = torch.nan
    assert max(stylized(x, y, lags=5).values()) < 0.04
    assert max(stylized(x, x[:, :20], lags=5).values()) < 0.04


def test_what_cannot_be_compared_is_refused() -> None:
    x = noise(3, 5, 2, 0)
    with pytest.raises(ValueError, match="2 features and generated ones 1"):
        stylized(x, x[..., :1])
    with pytest.raises(ValueError, match=r"\[3, 5, 2\] and \[5, 2\]"):
        stylized(x, x[0])
    with pytest.raises(ValueError, match="too short"):
        stylized(x[:, :2], x)
    with pytest.raises(ValueError, match="feature 0 of the generated sequences was never observed"):
        stylized(x, x * torch.nan)
    alternate = x.clone()
    alternate[:, ::2] = torch.nan
    with pytest.raises(ValueError, match="never observed"):
        stylized(x, alternate)
