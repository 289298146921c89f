"""Forecasters that learned from samples, held to what an autoregression and a chaotic map let one know."""

import math

import pytest
import torch
from torch import Tensor

from poise.metrics.train_on_synthetic import train_on_synthetic

STEPS = 24
LAGS = STEPS // 3


def autoregression(n: int, a: float, seed: int, steps: int = STEPS) -> Tensor:
    """Return x_t = a x_{t−1} + e_t of variance 1."""
    generator = torch.Generator().manual_seed(seed)
    e = torch.randn(n, steps, 1, generator=generator, dtype=torch.float64)
    x = [e[:, 0]]
    for t in range(1, steps):
        x.append(a * x[-1] + math.sqrt(1 - a * a) * e[:, t])
    return torch.stack(x, 1)


def logistic(n: int, seed: int) -> Tensor:
    """Return x ← 4x(1 − x): no step is correlated with another."""
    generator = torch.Generator().manual_seed(seed)
    x = [torch.rand(n, generator=generator, dtype=torch.float64)]
    for _ in range(STEPS + 19):
        x.append(4 * x[-1] * (1 - x[-1]))
    return torch.stack(x[-STEPS:], 1).unsqueeze(-1)


def shuffled(x: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    order = torch.rand(x.shape[:2], generator=generator).argsort(1)
    return x.gather(1, order.unsqueeze(-1).expand_as(x))


@pytest.mark.parametrize("a", [0.5, 0.8, 0.95])
def test_an_autoregression_is_forecast_as_well_as_can_be(a: float) -> None:
    """The best forecast k steps ahead errs by 1 − a^2k; steps in another order leave the mean, and worse."""
    real, fake, test = (autoregression(1_000, a, seed) for seed in range(3))
    scores = train_on_synthetic(real, fake, test)
    best = sum(1 - a ** (2 * k) for k in range(1, LAGS + 1)) / LAGS
    assert scores["trtr"] == pytest.approx(best, rel=0.1)
    assert scores["tstr_ratio"] == pytest.approx(1, abs=0.03)
    assert train_on_synthetic(real, shuffled(fake), test)["tstr_ratio"] > 1.05


@pytest.mark.parametrize(("a", "b"), [(0.9, 0.5), (0.5, 0.9), (0.5, 0.0)])
def test_other_dynamics_cost_what_their_best_forecaster_does(a: float, b: float) -> None:
    """Forecasting b^k x of an autoregression of a errs by 1 − 2 a^k b^k + b^2k."""
    scores = train_on_synthetic(*(autoregression(800, c, seed) for seed, c in enumerate((a, b, a))))
    expected = sum(1 - 2 * (a * b) ** k + b ** (2 * k) for k in range(1, LAGS + 1)) / LAGS
    assert scores["tstr"] == pytest.approx(expected, rel=0.08)


def test_dependence_that_is_not_linear_counts() -> None:
    real, fake, test = (logistic(800, seed) for seed in range(3))
    scores, other = train_on_synthetic(real, fake, test), train_on_synthetic(real, shuffled(fake), test)
    assert scores["trtr"] < 0.9
    assert scores["tstr_ratio"] < 1.05 < 1.15 < other["tstr_ratio"]


def test_what_is_missing_is_passed_over() -> None:
    """With a tenth of the values missing at random the same autoregression is learned, from fewer values."""
    parts = [autoregression(300, 0.8, seed) for seed in range(3)]
    gaps = [
        torch.where(torch.rand(x.shape, generator=torch.Generator().manual_seed(7)) < 0.1, torch.nan, x) for x in parts
    ]
    for x in gaps:
        x[::4, 18:] = torch.nan  # shorter
    whole, holed = train_on_synthetic(*parts), train_on_synthetic(*gaps)
    assert holed["trtr"] == pytest.approx(whole["trtr"], rel=0.1)
    assert holed["tstr_ratio"] == pytest.approx(1, abs=0.05)


def test_a_value_that_was_not_observed_in_a_future_changes_nothing() -> None:
    """Outputs are fitted over the rows in which they were observed: an output's error ignores other outputs' gaps."""
    parts = [torch.cat([autoregression(200, 0.8, s), autoregression(200, 0.3, s + 5)], 2) for s in range(3)]
    alone = train_on_synthetic(*(x[..., :1] for x in parts))
    assert 0 < alone["trtr"] < train_on_synthetic(*parts)["trtr"]


def test_what_never_changes_costs_nothing() -> None:
    flat = torch.full((20, 9, 1), 0.1)
    scores = train_on_synthetic(flat, flat, flat)
    assert scores["trtr"] < 1e-20
    assert scores["tstr_ratio"] == pytest.approx(1)


def test_long_series_are_read_in_part() -> None:
    parts = [autoregression(30, 0.8, seed, steps=800) for seed in range(3)]
    scores = train_on_synthetic(*parts)
    assert scores["trtr"] == pytest.approx(1 - sum(0.64**k for k in range(1, 13)) / 12, rel=0.08)
    assert scores["tstr_ratio"] == pytest.approx(1, abs=0.02)


def test_units_do_not_matter_and_the_seed_is_all_there_is_of_chance() -> None:
    parts = [autoregression(100, 0.8, seed) for seed in range(3)]
    found = train_on_synthetic(*parts, seed=3)
    assert found == train_on_synthetic(*parts, seed=3)
    other = train_on_synthetic(*(1e4 * x - 7e5 for x in parts), seed=3)
    assert other["tstr_ratio"] == pytest.approx(found["tstr_ratio"], rel=1e-6)


def test_what_cannot_be_forecast_is_refused() -> None:
    some = autoregression(20, 0.5, 0)
    with pytest.raises(ValueError, match="20 real and 9 generated sequences are too few; give 10 or more"):
        train_on_synthetic(some, some[:9], some)
    with pytest.raises(ValueError, match="have 1 features and generated ones 2"):
        train_on_synthetic(some, torch.cat([some, some], 2), some)
    with pytest.raises(ValueError, match="feature 1 of the generated sequences was never observed"):
        train_on_synthetic(torch.cat([some, some], 2), torch.cat([some, some * torch.nan], 2), some)
    with pytest.raises(ValueError, match="three steps or more"):
        train_on_synthetic(some[:, :2], some, some)
