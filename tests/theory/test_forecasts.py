"""Forecasts and imputed values against the conditional Gaussians of a linear state space, written out as matrices."""

import math

import pytest
import torch
from torch import Tensor

from poise import forecasting
from poise.forecasting import forecast, impute, missing
from theory.state_space import STEPS, A, C, Q, R, draw, state_space


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def covariance(steps: int, feature: int) -> Tensor:
    """Return that of one feature's values at all steps, and so of one sequence."""
    a, q, c, r = (values[feature] for values in (A, Q, C, R))
    lag = torch.arange(steps).unsqueeze(1) - torch.arange(steps)
    response = torch.where(lag >= 0, a ** lag.clamp(min=0), 0.0)
    law: Tensor = c**2 * q * response @ response.T + r * torch.eye(steps, dtype=torch.float64)
    return law


def conditional(x: Tensor, feature: int) -> tuple[Tensor, Tensor]:
    """Return mean and covariance of the missing values of one feature of a sequence [T, d], given the others."""
    values, joint = x[:, feature], covariance(len(x), feature)
    known = ~torch.isnan(values)
    gain = torch.linalg.solve(joint[known][:, known], joint[known][:, ~known]).T
    return gain @ values[known], joint[~known][:, ~known] - gain @ joint[known][:, ~known]


def agree(samples: Tensor, mean: Tensor, cov: Tensor) -> None:
    """Hold draws [S, m] to a Gaussian, in units of its own standard deviations."""
    sd = cov.diagonal().sqrt()
    assert ((samples.mean(0) - mean) / sd).abs().max() < 0.15
    assert (samples.std(0) / sd - 1).abs().max() < 0.12
    assert ((torch.cov(samples.T) - cov) / torch.outer(sd, sd)).abs().max() < 0.15


@pytest.mark.parametrize("wrong", [0.0, 0.3])
def test_forecasts_are_the_conditional_law(wrong: float) -> None:
    x = draw(3, seed=5)
    drawn = forecast(state_space(wrong), x, 4, 4_000, seeded(), particles=4_000)
    assert drawn.shape == (4_000, 3, 4, 2)
    for i, row in enumerate(x):
        for feature in range(2):
            whole = torch.cat([row, torch.full((4, 2), math.nan, dtype=torch.float64)])
            agree(drawn[:, i, :, feature], *conditional(whole, feature))


def test_forecasts_know_of_gaps_and_of_where_a_series_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "PIECE", 5)  # and the state goes from piece to piece
    x = draw(2, seed=6)
    x[0, 3:5, 0] = x[0, 9] = math.nan
    padded = x.clone()
    padded[1, 7:] = 1e9
    lengths = torch.tensor([STEPS, 7])
    drawn = forecast(state_space(), padded, 3, 4_000, seeded(), lengths, particles=4_000)
    for i, length in enumerate(lengths):
        for feature in range(2):
            whole = torch.full((length + 3, 2), math.nan, dtype=torch.float64)
            whole[:length] = x[i, :length]
            mean, cov = conditional(whole, feature)
            agree(drawn[:, i, :, feature], mean[-3:], cov[-3:, -3:])


def test_gaps_are_filled_by_the_conditional_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle, at both ends, of one feature, and all given what came before and after."""
    monkeypatch.setattr(forecasting, "PARTICLES", 4_000)
    x = draw(4, seed=7)
    x[0, 4:8] = math.nan
    x[1, 5:7, 1] = x[1, 10:, 0] = math.nan
    x[3, :3] = math.nan
    drawn, empty = impute(state_space(), x, 4_000, seeded(), particles=100), missing(x)
    assert drawn.shape == (4_000, 8 + 4 + 6)
    which = empty.nonzero()
    for i in (0, 1, 3):
        for feature in range(2):
            mine = (which[:, 0] == i) & (which[:, 2] == feature)
            mean, cov = conditional(x[i], feature)
            agree(drawn[:, mine], mean, cov)


def test_gaps_end_with_their_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "PIECE", 4)
    monkeypatch.setattr(forecasting, "PARTICLES", 4_000)
    x = draw(2, seed=8)
    x[0, 2:5] = math.nan
    x[1, 8:] = math.nan
    x[1, 3] = math.nan
    lengths = torch.tensor([STEPS, 8])
    drawn = impute(state_space(), x, 4_000, seeded(), lengths, particles=100)
    assert drawn.shape == (4_000, 6 + 2)
    mean, cov = conditional(x[1, :8], 0)
    agree(drawn[:, 6:7], mean, cov)
    mean, cov = conditional(x[0], 0)
    agree(drawn[:, [0, 2, 4]], mean, cov)


def test_what_lies_further_ahead_than_the_lag_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "LAG", 1)
    monkeypatch.setattr(forecasting, "PARTICLES", 4_000)
    x = draw(1, seed=9)
    x[0, 4:6] = math.nan
    drawn = impute(state_space(), x, 4_000, seeded(), particles=100)
    mean, cov = conditional(x[0, :7], 0)  # one step after the gap, and no more
    agree(drawn[:, [0, 2]], mean, cov)


def test_blocks_of_series_are_drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasting, "ROWS", 2_000)
    x = draw(3, seed=10)
    drawn = forecast(state_space(), x, 2, 2_000, seeded(), particles=2_000)
    for i in range(3):
        whole = torch.cat([x[i], torch.full((2, 2), math.nan, dtype=torch.float64)])
        mean, cov = conditional(whole, 0)
        agree(drawn[:, i, :, 0], mean, cov)
