"""The first symbol decides the last, 200 steps later: a recurrent prior carries it, an i.i.d. prior cannot.

Symbols are made of their own step's latent alone, and nothing that was seen is fed back; so whatever the last symbol
knows of the first has come along the prior, p(z_t | z_<t).
"""

import math

import torch
from torch import Tensor, nn

from poise.config import RvaeConfig
from poise.game import Batch
from poise.gaussian import reparameterize
from poise.losses.features import Bernoulli
from poise.losses.mixed import Mixed
from poise.models.rvae import Facts, Rvae
from poise.models.rvae.parts import Normal, Path, Reading, State, normal
from poise.nets.mlp import mlp
from poise.nets.recurrent import Lstm, shifted
from poise.optim import Adam
from poise.rng import Rng
from poise.rules import Simultaneous
from poise.schedule import anneal
from poise.training import Training

STEPS, LATENT, WIDTH, TRAINED = 200, 2, 24, 900


class Clocked(nn.Module):
    """p(z_t | z_<t, t) p(x_t | z_t). The state is that of an LSTM over latents and a clock that
    rings after the first step and before the last; and the step."""

    def __init__(self, recurrent: bool) -> None:
        super().__init__()
        self.past, self.recurrent = Lstm(2 + LATENT, WIDTH, STEPS), recurrent
        self.transition, self.emission = mlp(WIDTH, WIDTH, 2 * LATENT, 1), mlp(LATENT, WIDTH, 1, 1)

    def begin(self, n: int) -> State:
        return (*self.past(torch.zeros(1, n, 2 + LATENT))[1], torch.zeros(n, 1))

    def prior(self, state: State) -> Normal:
        return self.prior_at(state[0])

    def prior_at(self, h: Tensor) -> Normal:
        zero = torch.zeros(*h.shape[:-1], LATENT)
        return normal(self.transition(h)) if self.recurrent else Normal(zero, zero)

    def decode(self, state: State, z: Tensor) -> Tensor:
        outputs: Tensor = self.emission(z)
        return outputs

    def advance(self, state: State, z: Tensor, seen: Tensor) -> State:
        h, cell, step = state
        clock = torch.cat([step == 0, step == STEPS - 2], -1).float()
        return (*self.past(torch.cat([clock, z], -1).unsqueeze(0), (h, cell))[1], step + 1)


class Chain(nn.Module):
    """A posterior that reads its own step and whether it is the first or the last."""

    latent = LATENT

    def __init__(self, recurrent: bool) -> None:
        super().__init__()
        self.model, self.inference = Clocked(recurrent), mlp(2, WIDTH, 2 * LATENT, 1)

    def evidence(self, reading: Reading, state: State | None = None) -> Tensor:
        ends = torch.zeros_like(reading.x)
        ends[0], ends[-1] = 1.0, 1.0
        return torch.cat([reading.x, ends], -1)

    def posterior(self, state: State, prior: Normal, evidence: Tensor) -> Normal:
        return normal(self.inference(evidence))

    def path(self, reading: Reading, fed: Tensor, eps: Tensor, state: State | None = None) -> Path:
        posterior = normal(self.inference(self.evidence(reading)))
        z = reparameterize(*posterior, eps)
        clock = torch.zeros(*z.shape[:2], 2)
        clock[0, :, 0] = clock[-2, :, 1] = 1.0
        h, cell, step = self.model.begin(z.shape[1])
        after, last = self.model.past(torch.cat([clock, z], -1), (h, cell))
        return Path(z, posterior, self.model.prior_at(shifted(after, h)), self.model.emission(z), (*last, step))


def trained(recurrent: bool) -> tuple[Rvae, float]:
    """Return a game and its bound of a sequence, nats."""
    torch.manual_seed(0)
    likelihood = Mixed([(Bernoulli(), [0])])
    game = Rvae(Chain(recurrent), likelihood, Facts(("symbol",), STEPS, float(STEPS)), RvaeConfig(warm_up=0.2))
    training = Training(
        game,
        Simultaneous(),
        {"rvae": lambda weights: Adam(weights, betas=(0.9, 0.99))},
        schedules={"rvae": lambda progress: {"lr": anneal(2e-2, 1e-3, max(0.0, progress - 0.7) / 0.3)}},
    )
    for step in range(TRAINED):
        training.play([Batch(sequences(32, seed=step))], progress=step / TRAINED)
    with torch.no_grad():
        reading = game.reading(sequences(500, seed=-1))
        return game, game.terms(reading, torch.randn(STEPS, 500, LATENT)).bound().mean().item()


def sequences(n: int, seed: int) -> Tensor:
    symbol = (torch.rand(n, generator=torch.Generator().manual_seed(seed % 2**32)) < 0.5).float()
    x = torch.zeros(n, STEPS, 1)
    x[:, 0, 0] = x[:, -1, 0] = symbol
    return x


def test_a_recurrent_prior_carries_a_symbol_over_200_steps_and_an_iid_prior_does_not() -> None:
    with_memory, bound = trained(recurrent=True)
    first, last = with_memory.sample(400, Rng(0))[:, [0, -1], 0].T
    assert bound > -2 * math.log(2) + 0.3  # out of reach without memory, which must pay for two bits
    assert (first == last).float().mean() > 0.75
    assert 0.3 < first.mean() < 0.7
    without, bound = trained(recurrent=False)
    first, last = without.sample(400, Rng(0))[:, [0, -1], 0].T
    assert bound < -2 * math.log(2) + 0.03
    assert (first * last).mean() - first.mean() * last.mean() < 0.05  # .25 for two equal fair coins
