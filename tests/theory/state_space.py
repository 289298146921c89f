"""Linear-Gaussian state spaces, where the likelihood and the smoother are known exactly.

    z_t = a z_{t−1} + N(0, q),  z_0 = 0;      x_t = c z_t + N(0, r)

in two independent dimensions, so that the exact posterior of a step, q(z_t | z_{t−1}, x), is a diagonal Gaussian.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from poise.config import RvaeConfig
from poise.gaussian import log_density, reparameterize
from poise.models.rvae import Facts, Rvae
from poise.models.rvae.parts import Normal, Path, Reading, State

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
