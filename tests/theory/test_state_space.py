"""Estimates against linear-Gaussian state spaces, where the likelihood and the smoother are known exactly."""

import math
from typing import Any

import pytest
import torch

from poise.config import RvaeConfig
from poise.game import Batch
from poise.models.rvae import Facts, build
from poise.models.rvae.particles import importance, particle_filter
from poise.optim import Adam
from poise.rules import Simultaneous
from poise.training import Training
from theory.state_space import STEPS, draw, exact, state_space, vector


@pytest.mark.parametrize("seed", range(3))
def test_at_the_exact_smoother_every_draw_weighs_the_likelihood(seed: int) -> None:
    game, x = state_space(), draw(20, seed)
    eps = torch.randn(STEPS, 20, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    terms = game.terms(game.reading(x), eps)
    torch.testing.assert_close(terms.log_weights(), exact(x), rtol=0, atol=1e-8)


def test_at_the_exact_smoother_the_bound_is_the_likelihood() -> None:
    """The bound's KL has a closed form given the latents before; over these, 2ⁿ points are exact for its squares."""
    game, x = state_space(), draw(3)[:, :5]
    signs = torch.cartesian_prod(*[vector(-1.0, 1.0)] * 5)  # ε = ±1 has the mean and variance of a Gaussian
    bounds = [game.terms(game.reading(x), s.view(5, 1, 1).expand(5, 3, 2)).bound() for s in signs]
    torch.testing.assert_close(torch.stack(bounds).mean(0), exact(x), rtol=0, atol=1e-8)


def test_more_draws_and_particles_come_closer_from_below() -> None:
    x, generator = draw(40), torch.Generator().manual_seed(0)
    game, truth = state_space(wrong=0.35), exact(draw(40)).mean()
    reading = game.reading(x)
    few, many = (importance(game, reading, k, generator).mean() for k in (1, 400))
    assert truth - few > 1.0
    assert few < many < truth + 0.05
    fivo = particle_filter(game, reading, 400, generator).log_likelihood.mean()
    assert abs(fivo - truth) < 0.15
    assert truth - fivo < truth - many  # filtering forgives what whole sequences must carry on


def test_blind_particles_know_the_next_step_as_kalman_does() -> None:
    x, generator = draw(30), torch.Generator().manual_seed(0)
    found = particle_filter(state_space(), state_space().reading(x), 2_000, generator, blind=True)
    for t in (0, 5, STEPS - 1):
        ahead = exact(x[:, : t + 1]) - (exact(x[:, :t]) if t else 0.0)  # log p(x_t | x_<t)
        assert (found.increments[t] - ahead).abs().mean() < 0.06


def test_particles_leave_padding_alone() -> None:
    game, x = state_space(), draw(4)
    padded = x.clone()
    padded[:, 7:] = math.nan
    lengths = torch.full((4,), 7)
    short = particle_filter(game, game.reading(x[:, :7]), 20, torch.Generator().manual_seed(0))
    long = particle_filter(game, game.reading(padded, lengths), 20, torch.Generator().manual_seed(0))
    assert long.log_likelihood.shape == short.log_likelihood.shape
    blind = [
        particle_filter(game, reading, 20, torch.Generator().manual_seed(0), blind=True)
        for reading in (game.reading(x[:, :7]), game.reading(padded, lengths))
    ]
    torch.testing.assert_close(blind[0].log_likelihood, blind[1].log_likelihood)
    torch.testing.assert_close(blind[0].cloud.state[0], blind[1].cloud.state[0])


@pytest.mark.parametrize("variant", ["srnn", "fast"])
def test_a_trained_model_comes_near_the_likelihood(variant: Any) -> None:
    """From samples alone, with recurrent networks in the place of the two lines above."""
    torch.manual_seed(0)
    game = build(RvaeConfig(variant=variant, width=24, latent=2), Facts(("a", "b"), STEPS, float(STEPS)))
    training = Training(game, Simultaneous(), {"rvae": lambda weights: Adam(weights, lr=5e-3)})
    data = draw(4_000, seed=1).float()
    for step in range(700):
        training.play([Batch(data[torch.arange(step * 100, step * 100 + 100) % 4_000])], progress=0.0)
    x = draw(1_000, seed=2)
    with training.sampling():
        eps = torch.randn(STEPS, 1_000, 2)
        bound = game.terms(game.reading(x.float()), eps).bound().mean() / STEPS
    gap = exact(x).mean() / STEPS - bound
    assert -0.01 < gap < 0.06, gap
