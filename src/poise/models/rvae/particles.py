"""Estimates of log p(x) of sequences, from many latents each, and what is known of the state after them."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ... import gaussian
from ...losses.elbo import iwae
from .game import Rvae
from .parts import Normal, Reading, State

RESAMPLE = 0.5  # particles are drawn anew where fewer than this share of them carries the weight


class Cloud(NamedTuple):
    """Weighted particles, as many for each of n sequences.

    Attributes:
        state: of the model, [n · particles, ...].
        log_weights: normalized, [n, particles].
    """

    state: State
    log_weights: Tensor

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the rows of `state` of particles drawn by their weights, [n, count]."""
        n, particles = self.log_weights.shape
        return _drawn(self.log_weights, count, generator) + particles * _column(n, self.log_weights)

    def of(self, sequence: int) -> "Cloud":
        """Return the particles of one sequence."""
        particles = self.log_weights.shape[1]
        rows = slice(sequence * particles, (sequence + 1) * particles)
        return Cloud(tuple(part[rows] for part in self.state), self.log_weights[sequence : sequence + 1])

    def spread(self, n: int, particles: int, generator: torch.Generator) -> "Cloud":
        """Return particles for each of n copies of the only sequence, drawn by their weights."""
        rows = self.draw(n * particles, generator).view(particles, n).T.flatten()  # neighbors to other copies
        return Cloud(tuple(part[rows] for part in self.state), _even(self.log_weights.new_empty(n, particles)))


class Filtered(NamedTuple):
    """What particles say of n sequences.

    Attributes:
        log_likelihood: the estimate of log p(x_1 ... x_T), whose exponential is unbiased, nats, [n].
        increments: of it at each step, [T, n]; with the prior as proposal they estimate log p(x_t | x_<t).
        cloud: the particles after each sequence's last step.
    """

    log_likelihood: Tensor
    increments: Tensor
    cloud: Cloud


class Moment(NamedTuple):
    """One step of a walk of particles.

    Attributes:
        increment: of the estimate of log p(x), nats, [n].
        outputs: of p(x_t | z_≤t, x_<t) at every particle's z_t, [n · particles, ...].
        before: the particles that have not seen x_t.
        x: the data as every particle has them, with its own draws where nothing was observed, [n · particles, d].
        ancestors: the particle that each goes on from, [n · particles].
        cloud: the particles after the step.
    """

    increment: Tensor
    outputs: Tensor
    before: Cloud
    x: Tensor
    ancestors: Tensor
    cloud: Cloud


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
    game: Rvae, reading: Reading, particles: int, generator: torch.Generator, blind: bool = False
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

    Returns:
        Estimates and the last states; see `Filtered`.

    Source: Maddison et al. 2017 (arXiv:1705.09279), algorithm 1; Gordon et al. 1993 for `blind`.

    Example:
        >>> from poise.config import RvaeConfig
        >>> from poise.models.rvae import Facts, build
        >>> game = build(RvaeConfig(width=8, latent=2), Facts(("a",), steps=5, mean_steps=5.0)).eval()
        >>> found = particle_filter(game, game.reading(torch.zeros(3, 5, 1)), 10, torch.Generator().manual_seed(0))
        >>> found.log_likelihood.shape, found.increments.shape, found.cloud.log_weights.shape
        (torch.Size([3]), torch.Size([5, 3]), torch.Size([3, 10]))
    """
    cloud, increments = beginning(game, reading.valid.shape[1], particles), []
    for moment in walk(game, reading, cloud, generator, blind):
        cloud = moment.cloud
        increments.append(moment.increment)
    found = torch.stack(increments)
    return Filtered(found.sum(0), found, cloud)


def beginning(game: Rvae, n: int, particles: int) -> Cloud:
    """Return the particles of n sequences before their first step."""
    state = game.model.begin(n * particles)
    return Cloud(state, _even(state[0].new_zeros(n, particles)))


@torch.no_grad()
def walk(
    game: Rvae, reading: Reading, cloud: Cloud, generator: torch.Generator, blind: bool = False
) -> Iterator[Moment]:
    """Yield each step of particles through sequences, or through a next piece of them.

    Where values are missing, every particle draws its own from p(x_t | z_≤t, x_<t). These are the past of its next
    steps; but a game that was trained with gaps is told of them instead. At steps with missing values half of
    the particles are proposed from the prior: a posterior that takes guesses for data is sure of what it cannot know.

    Args:
        game: trained.
        reading: n sequences.
        cloud: the particles before the first step.
        generator: of all draws.
        blind: as for `particle_filter`.
    """
    model, (n, particles) = game.model, cloud.log_weights.shape
    every, (state, log_w) = _repeated(reading, particles), cloud
    evidence = None
    if not blind:
        first = tuple(part[::particles] for part in state)  # what is known of the past is nearly the same in all
        evidence = game.chain.evidence(_guessed(game, reading), first).repeat_interleave(particles, 1)
    whole = (reading.observed | ~reading.valid.unsqueeze(-1)).flatten(1).all(1).tolist()
    for t in range(len(reading.valid)):
        prior, posterior = model.prior(state), None
        if evidence is not None:
            posterior = game.chain.posterior(state, prior, evidence[t])
        noise = _noise(reading.x, prior.mean.shape, generator)
        doubtful = None if whole[t] else ~every.observed[t].all(-1)
        z, log_ratio = _proposed(prior, posterior, noise, doubtful, generator)
        outputs = model.decode(state, z)
        step = game.likelihood.log_prob(every.x[t], outputs, every.observed[t]) + log_ratio
        before = Cloud(state, log_w)
        log_w = log_w + torch.where(reading.valid[t].unsqueeze(1), step.view(n, particles), 0.0)
        increment = log_w.logsumexp(1)
        log_w = log_w - increment.unsqueeze(1)
        x, seen = every.x[t], every.seen[t]
        if not whole[t]:
            x = torch.where(every.observed[t], x, game.likelihood.sample(outputs, generator))
            if not game.facts.gaps:
                seen = game.seen(x, torch.ones_like(every.observed[t]))
        after = model.advance(state, z, seen)
        state = tuple(_where(every.valid[t], new, old) for new, old in zip(after, state, strict=True))
        ancestors, log_w = _resampled(log_w, generator)
        state = tuple(part[ancestors] for part in state)
        yield Moment(increment, outputs, before, x, ancestors, Cloud(state, log_w))


def _proposed(
    prior: Normal, posterior: Normal | None, noise: Tensor, doubtful: Tensor | None, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw z; return log p(z) − log q(z), where q is the prior, the posterior, or in doubt one or the other by chance.

    In doubt the ratio p/q is at most 2: defensive importance sampling, Hesterberg 1995.
    """
    if posterior is None:
        z = gaussian.reparameterize(*prior, noise)
        return z, torch.zeros_like(z[:, 0])
    if doubtful is None:
        z = gaussian.reparameterize(*posterior, noise)
        return z, _log_density(z, prior) - _log_density(z, posterior)
    chance = torch.rand(len(noise), generator=generator, device=noise.device) < 0.5
    mixed = Normal(*(_where(doubtful & chance, p, q) for p, q in zip(prior, posterior, strict=True)))
    z = gaussian.reparameterize(*mixed, noise)
    log_p, log_q = _log_density(z, prior), _log_density(z, posterior)
    return z, log_p - torch.where(doubtful, torch.logaddexp(log_p, log_q) - math.log(2), log_q)


def _log_density(z: Tensor, normal: Normal) -> Tensor:
    return gaussian.log_density(z, *normal).sum(-1)


def _guessed(game: Rvae, reading: Reading) -> Reading:
    """Return sequences with straight lines across their gaps, for a posterior that was trained without any."""
    if game.facts.gaps or bool((reading.observed | ~reading.valid.unsqueeze(-1)).all()):
        return reading
    steps = torch.arange(len(reading.x), device=reading.x.device).view(-1, 1, 1).expand_as(reading.x)
    last = torch.where(reading.observed, steps, -1).cummax(0).values
    following = torch.where(reading.observed, steps, len(steps)).flip(0).cummin(0).values.flip(0)
    left = torch.where(last < 0, following, last).clamp(max=len(steps) - 1)
    right = torch.where(following == len(steps), left, following)
    share = (steps - left) / (right - left).clamp(min=1)
    x = torch.lerp(reading.x.gather(0, left), reading.x.gather(0, right), share.to(reading.x))
    x = torch.where(reading.valid.unsqueeze(-1), x, 0.0)
    observed = reading.valid.unsqueeze(-1).expand_as(x)
    return Reading(x, observed, reading.valid, reading.lengths, game.seen(x, observed))


def _resampled(log_w: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw particles by their weights where the effective number of them, 1/Σ w², has become small."""
    n, particles = log_w.shape
    own = torch.arange(particles, device=log_w.device).expand(n, -1)
    poor = ((2 * log_w).logsumexp(1).neg().exp() < RESAMPLE * particles).unsqueeze(1)
    chosen = torch.where(poor, _drawn(log_w, particles, generator), own) if poor.any() else own
    rows = (chosen + particles * _column(n, log_w)).flatten()
    return rows, torch.where(poor, _even(log_w), log_w)


def _drawn(log_w: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw particles by their weights, systematically: one random number for each sequence, then even strides."""
    n, particles = log_w.shape
    strides = torch.arange(count, device=log_w.device) + torch.rand(n, 1, generator=generator, device=log_w.device)
    drawn = torch.searchsorted(log_w.double().exp().cumsum(1), strides.double() / count)
    return drawn.clamp(max=particles - 1)


def _even(log_w: Tensor) -> Tensor:
    return torch.full_like(log_w, -math.log(log_w.shape[1]))


def _column(n: int, like: Tensor) -> Tensor:
    return torch.arange(n, device=like.device).unsqueeze(1)


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
