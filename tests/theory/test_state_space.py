"""Linear-Gaussian state spaces, where the likelihood and the smoother are known exactly.

    z_t = a z_{t−1} + N(0, q),  z_0 = 0;      x_t = c z_t + N(0, r)

in two independent dimensions, so that the exact posterior of a step, q(z_t | z_{t−1}, x), is a diagonal Gaussian.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from poise.config import RvaeConfig
from poise.game import Batch
from poise.gaussian import log_density, reparameterize
from poise.models.rvae import Facts, Rvae, build
from poise.models.rvae.particles import importance, particle_filter
from poise.models.rvae.parts import Normal, Path, Reading, State
from poise.optim import Adam
from poise.rules import Simultaneous
from poise.training import Training

STEPS = 12


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


A, Q, C, R = vector(0.9, -0.6), vector(0.3, 0.5), vector(1.0, 0.7), vector(0.2, 0.4)


class Noise:
    """x ~ N(outputs, r): the likelihood of the state space."""

    inputs = outputs = 2

    def read(self, x: Tensor, observed: Tensor) -> Tensor:
        return torch.where(observed, x, 0.0)

    def log_prob(self, x: Tensor, outputs: Tensor, observed: Tensor) -> Tensor:
        return torch.where(observed, log_density(x, outputs, R.log() / 2), 0.0).sum(-1)

    def sample(self, outputs: Tensor, generator: torch.Generator) -> Tensor:
        return outputs + R.sqrt() * torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype)


class StateSpace(nn.Module):
    """The model; its state is z_{t−1}."""

    def begin(self, n: int) -> State:
        return (torch.zeros(n, 2, dtype=torch.float64),)

    def prior(self, state: State) -> Normal:
        return Normal(A * state[0], (Q.log() / 2).expand_as(state[0]))

    def decode(self, state: State, z: Tensor) -> Tensor:
        return C * z

    def advance(self, state: State, z: Tensor, seen: Tensor) -> State:
        return (z,)


class Smoother(nn.Module):
    """The exact posterior, from the message of the future: p(x_t ... x_T | z_t) ∝ exp(−½ Λ_t z² + η_t z).

    Args:
        wrong: added to the posterior's mean, so that it is exact no more.
    """

    latent = 2

    def __init__(self, wrong: float = 0.0) -> None:
        super().__init__()
        self.model, self.wrong = StateSpace(), wrong

    def evidence(self, reading: Reading, state: State | None = None) -> Tensor:
        precision, push = torch.zeros(2, dtype=torch.float64), torch.zeros_like(reading.x[0])
        messages = []
        for x in reading.x.flip(0):
            passed = 1 / (1 + Q * precision)  # through z_{t+1} = a z_t + noise
            precision, push = C**2 / R + A**2 * precision * passed, C * x / R + A * push * passed
            messages.append(torch.cat([precision.expand_as(push), push], -1))
        return torch.stack(messages[::-1])

    def posterior(self, state: State, prior: Normal, evidence: Tensor) -> Normal:
        precision, push = evidence.chunk(2, -1)
        variance = 1 / (1 / Q + precision)
        return Normal(variance * (prior.mean / Q + push) + self.wrong, variance.log() / 2)

    def path(self, reading: Reading, fed: Tensor, eps: Tensor, state: State | None = None) -> Path:
        evidence, state, drawn = self.evidence(reading), state or self.model.begin(eps.shape[1]), []
        for t, noise in enumerate(eps):
            prior = self.model.prior(state)
            posterior = self.posterior(state, prior, evidence[t])
            z = reparameterize(*posterior, noise)
            drawn.append((z, *posterior, *prior, self.model.decode(state, z)))
            state = self.model.advance(state, z, fed[t])
        z, mean, log_sd, prior_mean, prior_log_sd, outputs = (torch.stack(v) for v in zip(*drawn, strict=True))
        return Path(z, Normal(mean, log_sd), Normal(prior_mean, prior_log_sd), outputs, state)


def state_space(wrong: float = 0.0) -> Rvae:
    likelihood: Any = Noise()
    return Rvae(Smoother(wrong), likelihood, Facts(("a", "b"), STEPS, float(STEPS)), RvaeConfig())


def exact(x: Tensor) -> Tensor:
    """Return log p(x) [n] by the joint Gaussian of all steps, written out as matrices."""
    total = torch.zeros(len(x), dtype=torch.float64)
    steps = x.shape[1]
    for i, (a, q, c, r) in enumerate(zip(A, Q, C, R, strict=True)):
        lag = torch.arange(steps).unsqueeze(1) - torch.arange(steps)
        response = torch.where(lag >= 0, a ** lag.clamp(min=0), 0.0)  # z = response · noise
        covariance = c**2 * q * response @ response.T + r * torch.eye(steps, dtype=torch.float64)
        total += MultivariateNormal(torch.zeros(steps, dtype=torch.float64), covariance).log_prob(x[..., i])
    return total


def draw(n: int, seed: int = 0) -> Tensor:
    """Return sequences of the state space, by its own sampler."""
    game, generator = state_space(), torch.Generator().manual_seed(seed)
    state, steps = game.model.begin(n), []
    for _ in range(STEPS):
        prior = game.model.prior(state)
        z = reparameterize(*prior, torch.randn(n, 2, generator=generator, dtype=torch.float64))
        steps.append(game.likelihood.sample(game.model.decode(state, z), generator))
        state = game.model.advance(state, z, steps[-1])
    return torch.stack(steps, 1)


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
    torch.testing.assert_close(blind[0].state[0], blind[1].state[0])


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
