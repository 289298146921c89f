"""Estimates of log p(x) of sequences, from many latents each, and what is known of the state after them."""

from typing import NamedTuple

import torch
from torch import Tensor

from ... import gaussian
from ...losses.elbo import iwae
from .game import Rvae
from .parts import Reading, State

RESAMPLE = 0.5  # particles are drawn anew where fewer than this share of them carries the weight


class Filtered(NamedTuple):
    """What particles say of n sequences.

    Attributes:
        log_likelihood: the estimate of log p(x_1 ... x_T), whose exponential is unbiased, nats, [n].
        increments: of it at each step, [T, n]; with the prior as proposal they estimate log p(x_t | x_<t).
        state: of the model after each sequence's last step, for every particle, [n · particles, ...].
        log_weights: of the particles, normalized, [n, particles].
    """

    log_likelihood: Tensor
    increments: Tensor
    state: State
    log_weights: Tensor


@torch.no_grad()
def importance(game: Rvae, reading: Reading, draws: int, generator: torch.Generator) -> Tensor:
    """Return the importance-weighted estimate of log p(x) of whole sequences, log 1/K Σ_k p(x, z_k)/q(z_k|x), [n].

    Args:
        game: trained.
        reading: the sequences.
        draws: K.
        generator: of all draws.

    Source: Burda et al. 2016 (arXiv:1509.00519), eq. 8.
    """
    weights = []
    for _ in range(draws):  # one after the other, so that memory is that of one
        eps = _noise(reading.x, (*reading.valid.shape, game.chain.latent), generator)
        weights.append(game.terms(reading, eps).log_weights())
    return iwae(torch.stack(weights))


@torch.no_grad()
def particle_filter(
    game: Rvae,
    reading: Reading,
    particles: int,
    generator: torch.Generator,
    blind: bool = False,
    state: State | None = None,
) -> Filtered:
    """Walk K weighted particles through sequences; where a few of them carry all weight, draw all anew among them.

    With the posterior as proposal the expected log-estimate is the filtering variational objective (FIVO), a bound on
    log p(x) that is tighter than that of `importance` for long sequences.

    Args:
        game: trained.
        reading: n sequences.
        particles: K, for each sequence.
        generator: of all draws.
        blind: propose from the prior, which has not seen x_t, in the place of the posterior, which has seen all of x.
        state: of the model before the first step, [n, ...]; None for that of a beginning.

    Returns:
        Estimates and the last states; see `Filtered`.

    Source: Maddison et al. 2017 (arXiv:1705.09279), algorithm 1; Gordon et al. 1993 for `blind`.

    Example:
        >>> from poise.config import RvaeConfig
        >>> from poise.models.rvae import Facts, build
        >>> game = build(RvaeConfig(width=8, latent=2), Facts(("a",), steps=5, mean_steps=5.0)).eval()
        >>> found = particle_filter(game, game.reading(torch.zeros(3, 5, 1)), 10, torch.Generator().manual_seed(0))
        >>> found.log_likelihood.shape, found.increments.shape, found.log_weights.shape
        (torch.Size([3]), torch.Size([5, 3]), torch.Size([3, 10]))
    """
    model, (steps, n) = game.model, reading.valid.shape
    every = _repeated(reading, particles)
    walking = model.begin(n) if state is None else state
    walking = tuple(part.repeat_interleave(particles, 0) for part in walking)
    evidence = None if blind else game.chain.evidence(reading, state).repeat_interleave(particles, 1)
    log_w = reading.x.new_zeros(n, particles) - torch.tensor(float(particles)).log()
    increments = []
    for t in range(steps):
        prior = model.prior(walking)
        proposal = prior if evidence is None else game.chain.posterior(walking, prior, evidence[t])
        z = gaussian.reparameterize(*proposal, _noise(reading.x, proposal.mean.shape, generator))
        step = game.likelihood.log_prob(every.x[t], model.decode(walking, z), every.observed[t])
        step = step + (gaussian.log_density(z, *prior) - gaussian.log_density(z, *proposal)).sum(-1)
        valid = reading.valid[t]
        log_w = log_w + torch.where(valid.unsqueeze(1), step.view(n, particles), 0.0)
        increments.append(log_w.logsumexp(1))
        log_w = log_w - increments[-1].unsqueeze(1)
        after = model.advance(walking, z, every.seen[t])
        walking = tuple(_where(every.valid[t], new, old) for new, old in zip(after, walking, strict=True))
        walking, log_w = _resampled(walking, log_w, generator)
    found = torch.stack(increments)
    return Filtered(found.sum(0), found, walking, log_w)


def _resampled(state: State, log_w: Tensor, generator: torch.Generator) -> tuple[State, Tensor]:
    """Draw particles by their weights where the effective number of them, 1/Σ w², has become small."""
    n, particles = log_w.shape
    poor = (2 * log_w).logsumexp(1).neg().exp() < RESAMPLE * particles
    if not poor.any():
        return state, log_w
    own = torch.arange(particles, device=log_w.device).expand(n, -1)
    # systematic: one random number for each sequence, then even strides
    strides = (own + torch.rand(n, 1, generator=generator, device=log_w.device)) / particles
    drawn = torch.searchsorted(log_w.exp().cumsum(1), strides.to(log_w)).clamp(max=particles - 1)
    chosen = torch.where(poor.unsqueeze(1), drawn, own)
    rows = (chosen + particles * torch.arange(n, device=log_w.device).unsqueeze(1)).flatten()
    even = torch.full_like(log_w, -float(torch.tensor(float(particles)).log()))
    return tuple(part[rows] for part in state), torch.where(poor.unsqueeze(1), even, log_w)


def _repeated(reading: Reading, times: int) -> Reading:
    def repeated(x: Tensor) -> Tensor:
        return x.repeat_interleave(times, 1)

    lengths = None if reading.lengths is None else reading.lengths.repeat_interleave(times)
    x, observed, valid, seen = map(repeated, (reading.x, reading.observed, reading.valid, reading.seen))
    return Reading(x, observed, valid, lengths, seen)


def _where(chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(chosen.view(-1, *[1] * (new.dim() - 1)), new, old)


def _noise(like: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)
