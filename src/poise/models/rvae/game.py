"""Recurrent variational autoencoders for series: a game of one."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...config import RvaeConfig
from ...game import Batch, Game, Loss
from ...losses import elbo
from ...losses.mixed import Mixed
from ...rng import Rng
from .carry import Carry
from .facts import Facts
from .parts import Chain, Model, Path, Reading, State


@dataclass(frozen=True)
class Terms:
    """The two halves of the bound at every step, 0 beyond the end of a sequence.

    Attributes:
        log_likelihood: log p(x_t | z_≤t, x_<t) of what was observed, nats, [T, n].
        kl: KL(q ‖ p) of each latent dimension, nats, [T, n, latent].
        log_ratio: log p(z_t | ·) − log q(z_t | ·) at the draw, [T, n].
        path: what they were computed from.
    """

    log_likelihood: Tensor
    kl: Tensor
    log_ratio: Tensor
    path: Path

    def bound(self) -> Tensor:
        """Return log p(x|z) − Σ KL of each sequence, whose expectation is at most log p(x), [n]."""
        return (self.log_likelihood - self.kl.sum(-1)).sum(0)

    def log_weights(self) -> Tensor:
        """Return log p(x, z) − log q(z|x) of each sequence, [n]."""
        return (self.log_likelihood + self.log_ratio).sum(0)


class Rvae(Game):
    """A model of sequences and a posterior, which maximize a bound on the likelihood of the data.

        log p(x) ≥ Σ_t E_q [ log p(x_t | z_≤t, x_<t) − KL(q(z_t | z_<t, x) ‖ p(z_t | z_<t, x_<t)) ]

    The prior over z is learned and recurrent. Batches are [n, T, d], NaN where nothing was observed.

    Args:
        chain: the networks.
        likelihood: of the features.
        facts: of the data.
        config: the objective and its schedules.

    Attributes:
        facts: as given.
        likelihood: as given.
        chain: as given; the one player, under the name `rvae`.

    Source: Chung et al. 2015 (arXiv:1506.02216), eq. 11; Fraccaro et al. 2016 (arXiv:1605.07571), eq. 8.

    Example:
        >>> from poise.models.rvae import build
        >>> game = build(RvaeConfig(width=8, latent=2), Facts(("a", "b"), steps=5, mean_steps=5.0))
        >>> loss = game.loss("rvae", Batch(torch.randn(3, 5, 2)), Rng(0))
        >>> loss.total.ndim, sorted(loss.parts), game.sample(4, Rng(0)).shape
        (0, ['bound', 'kl', 'reconstruction'], torch.Size([4, 5, 2]))
    """

    players = averaged = ("rvae",)

    def __init__(self, chain: nn.Module, likelihood: Mixed, facts: Facts, config: RvaeConfig) -> None:
        super().__init__()
        self.rvae, self.likelihood, self.facts, self.config = chain, likelihood, facts, config
        self.carry = Carry(self.model.begin(facts.carried)) if facts.carried else None

    @property
    def chain(self) -> Chain:
        """The networks."""
        chain: Chain = self.rvae  # type: ignore[assignment]  # a module that is one
        return chain

    @property
    def model(self) -> Model:
        """p(x, z)."""
        return self.chain.model

    def reading(self, x: Tensor, lengths: Tensor | None = None) -> Reading:
        """Return sequences [n, T, d] as networks read them: time first, missing values marked."""
        x = x.transpose(0, 1)
        valid = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        if lengths is not None:
            valid = torch.arange(len(x), device=x.device).unsqueeze(1) < lengths
        observed = ~torch.isnan(x) & valid.unsqueeze(-1)
        x = torch.where(observed, x, 0.0)
        return Reading(x, observed, valid, lengths, self.seen(x, observed))

    def seen(self, x: Tensor, observed: Tensor) -> Tensor:
        """Return what networks read in the place of x [..., d]."""
        read = self.likelihood.read(x, observed)
        return torch.cat([read, observed.to(read)], -1) if self.facts.gaps else read

    def terms(self, reading: Reading, eps: Tensor, state: State | None = None, fed: Tensor | None = None) -> Terms:
        """Return both halves of the bound, at latents drawn from the posterior by the noise eps [T, n, latent].

        Args:
            reading: the sequences.
            eps: from N(0, I).
            state: of the model before the first step; None for that of a beginning.
            fed: what the model reads as the past; None for the data.
        """
        path = self.chain.path(reading, reading.seen if fed is None else fed, eps, state)
        log_likelihood = self.likelihood.log_prob(reading.x, path.outputs, reading.observed)
        kl = torch.where(reading.valid.unsqueeze(-1), path.kl(), 0.0)
        return Terms(log_likelihood, kl, torch.where(reading.valid, path.log_ratio(), 0.0), path)

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return minus the objective for each step of a sequence of mean length, in nats; parts are for each step."""
        reading = self.reading(batch.x, batch.lengths)
        eps = torch.randn(*reading.valid.shape, self.chain.latent, generator=rng("codes"), device=batch.x.device)
        state = self._begin(batch, rng)
        terms = self.terms(reading, eps, state, self._fed(reading, eps, state, rng))
        if self.carry is not None and self.training:
            self.carry.after(terms.path.state)
        share, steps = len(batch) * self.facts.mean_steps, reading.valid.sum()
        kl = elbo.free_bits(terms.kl.sum((0, 1)).unsqueeze(0) / share, self.config.free_bits)
        total = self._weight() * kl - terms.log_likelihood.sum() / share
        reconstruction, cost = -terms.log_likelihood.sum() / steps, terms.kl.sum() / steps
        return Loss(total, {"reconstruction": reconstruction, "kl": cost, "bound": -reconstruction - cost})

    def sample(self, n: int, rng: Rng, steps: int | None = None) -> Tensor:
        """Return n sequences [n, steps, d], by default as long as the longest of the data, run freely."""
        return self.run_freely(self.model.begin(n), steps or self.facts.steps, rng("latents"))[0]

    def run_freely(self, state: State, steps: int, generator: torch.Generator) -> tuple[Tensor, State]:
        """Let the model go on by itself: z_t ~ p, x_t ~ p, and what was drawn is the past of the next step.

        Args:
            state: of n sequences.
            steps: how many.
            generator: of all draws.

        Returns:
            x, [n, steps, d]; and the state after them.
        """
        drawn = []
        for _ in range(steps):
            mean, log_sd = self.model.prior(state)
            noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
            z = mean + log_sd.exp() * noise
            x = self.likelihood.sample(self.model.decode(state, z), generator)
            drawn.append(x)
            state = self.model.advance(state, z, self.seen(x, torch.ones_like(x, dtype=torch.bool)))
        return torch.stack(drawn, 1), state

    def check(self, x: Tensor) -> None:
        """Refuse data outside the likelihood's support."""
        self.likelihood.check(x, self.facts.columns)

    def _begin(self, batch: Batch, rng: Rng) -> State | None:
        """Return the states that a batch begins in: carried where it goes on, else those of a beginning."""
        if self.carry is None or batch.goes_on is None:
            return None
        goes_on = batch.goes_on.unsqueeze(-1)
        carried, begin = self.carry.before(rng.step), self.model.begin(len(batch))
        return tuple(torch.where(goes_on, old.to(new), new) for old, new in zip(carried, begin, strict=True))

    def _fed(self, reading: Reading, eps: Tensor, state: State | None, rng: Rng) -> Tensor | None:
        """Scheduled sampling: put the model's own outputs, given the true past, in the place of some of the data.

        All steps at once, as in Mihaylova & Martins 2019 (arXiv:1906.07651); Bengio et al. 2015 (arXiv:1506.03099).
        """
        share = self.config.scheduled * self.progress
        if not share or not self.training:
            return None
        with torch.no_grad():
            path = self.chain.path(reading, reading.seen, eps, state)
            own = self.seen(self.likelihood.sample(path.outputs, rng("own outputs")), reading.observed)
        chosen = torch.rand(reading.valid.shape, generator=rng("scheduled"), device=own.device) < share
        return torch.where(chosen.unsqueeze(-1), own, reading.seen)

    def _weight(self) -> float:
        """Return the KL's weight at this point of the training."""
        config = self.config
        if config.schedule == "cyclical":
            return config.beta * elbo.cyclical(self.progress)
        return config.beta * elbo.warm_up(self.progress, config.warm_up)
