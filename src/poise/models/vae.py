"""Variational autoencoders: a game of one."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..config import VaeConfig
from ..errors import PoiseError
from ..game import Batch, Game, Loss, full_precision
from ..gaussian import bounded, reparameterize
from ..losses import elbo, likelihoods
from ..nets.coder import FlatDecoder, FlatEncoder, ImageDecoder, ImageEncoder
from ..rng import Rng
from . import priors


class Constraint(nn.Module):
    """Constrained optimization: the multiplier of "reconstruct at least so well" is found, not set (GECO).

    The multiplier is in buffers, and so in checkpoints; it moves once a step, in training only.

    Args:
        tolerance: mean squared error of a value, in units of the data, that is good enough.
        rate: how fast the multiplier follows.

    Source: Rezende & Viola 2018 (arXiv:1810.00597), algorithm 1.

    Example:
        >>> constraint = Constraint(tolerance=0.1)
        >>> _ = constraint(torch.tensor(3.0), torch.full((4,), 2.1))
        >>> round(constraint.state().multiplier.item(), 3)  # e^(.1 · 2)
        1.221
    """

    NAMES = ("log_multiplier", "average", "steps")

    def __init__(self, tolerance: float, rate: float = 0.1) -> None:
        super().__init__()
        self.tolerance, self.rate = tolerance, rate
        for name in self.NAMES:
            self.register_buffer(name, getattr(elbo.Geco(), name))

    def state(self) -> elbo.Geco:
        """Return the numbers that are remembered."""
        return elbo.Geco(*(self.get_buffer(name) for name in self.NAMES))

    def forward(self, kl: Tensor, error: Tensor) -> Tensor:
        """Return the Lagrangian of a divergence (a scalar, weighted or not) and errors [n]; move the multiplier."""
        excess = error - self.tolerance
        before = self.state()
        if self.training:
            after = before.updated(excess, self.rate)
            for name in self.NAMES:
                self.get_buffer(name).copy_(getattr(after, name))
            before = after
        return before.loss(kl.reshape(1, 1), excess)


class Parts(nn.Module):
    """What a VAE is made of.

    Args:
        encoder: from x [n, ...] to 2·latent numbers, the posterior's mean and (free) log standard deviation.
        decoder: from z [n, latent] to the likelihood's outputs.
        prior: of z.
        likelihood: of x given the outputs.
        constraint: GECO's, if the reconstruction is constrained.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        prior: priors.Prior,
        likelihood: likelihoods.Likelihood,
        constraint: Constraint | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.prior, self.likelihood, self.constraint = prior, likelihood, constraint

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log_sd of q(z|x), shape [n, latent] each."""
        mean, free = full_precision(self.encoder(x)).chunk(2, dim=1)
        return mean, bounded(free)

    def outputs(self, z: Tensor) -> Tensor:
        """Return the likelihood's outputs at codes [n, latent]."""
        return full_precision(self.decoder(z))

    def log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z) + log p(z), nats, shape [n]."""
        return self.likelihood.log_prob(x, self.outputs(z)) + self.prior.log_prob(z)


class Vae(Game):
    """An encoder and a decoder that maximize a bound on the likelihood of the data.

    Args:
        parts: the networks and distributions.
        config: the objective and its schedules.

    Example:
        >>> game = build(VaeConfig(network="mlp", width=16, latent=2, likelihood="gaussian"), (3,))
        >>> game.loss("vae", Batch(torch.randn(8, 3)), Rng(0)).total.ndim
        0
        >>> game.sample(5, Rng(0)).shape, game.reconstruct(torch.zeros(2, 3)).shape
        (torch.Size([5, 3]), torch.Size([2, 3]))
    """

    players = ("vae",)
    averaged = ("vae",)

    def __init__(self, parts: Parts, config: VaeConfig) -> None:
        super().__init__()
        self.vae, self.config = parts, config

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return minus the objective, in nats for each sample; parts hold the bound's two halves."""
        mean, log_sd = self.vae.posterior(batch.x)
        eps = torch.randn(self.config.samples, *mean.shape, generator=rng("codes"), device=mean.device)
        z = reparameterize(mean, log_sd, eps)
        outputs = self.vae.outputs(z.flatten(0, 1))
        x = batch.x.expand(len(z), *batch.x.shape).flatten(0, 1)
        log_likelihood = self.vae.likelihood.log_prob(x, outputs).view(len(z), -1)
        if self.config.objective == "elbo":
            divergence = self._divergence(z, mean, log_sd)
            total = self._elbo(log_likelihood.mean(0), divergence, x, outputs)
        else:
            total = self._importance(log_likelihood, z, mean, log_sd)
            with torch.no_grad():
                divergence = self._divergence(z, mean, log_sd)
        bound = elbo.elbo(log_likelihood.mean(0), divergence).mean()
        return Loss(total, {"reconstruction": -log_likelihood.mean(), "kl": divergence.sum(-1).mean(), "bound": bound})

    def sample(self, n: int, rng: Rng) -> Tensor:
        """Return n samples, the centers of p(x|z) at codes drawn from the prior."""
        return self.vae.likelihood.mean(self.vae.outputs(self.vae.prior.sample(n, rng("latents"))))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the centers of p(x|z) at the posterior's means, of x's shape."""
        return self.vae.likelihood.mean(self.vae.outputs(self.vae.posterior(x)[0]))

    def check(self, x: Tensor) -> None:
        """Refuse data outside the likelihood's support."""
        self.vae.likelihood.check(x)

    def _divergence(self, z: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
        """Return KL(q ‖ p), [n, latent] in closed form, or where there is none [n, 1] by the draws."""
        if isinstance(self.vae.prior, priors.StandardNormal):
            return self.vae.prior.kl(mean, log_sd)
        difference = elbo.log_posterior(z, mean, log_sd) - self.vae.prior.log_prob(z)
        return difference.mean(0).unsqueeze(1)

    def _elbo(self, log_likelihood: Tensor, divergence: Tensor, x: Tensor, outputs: Tensor) -> Tensor:
        """Return the weighted divergence less the log-likelihood, or where GECO weighs the error, its Lagrangian."""
        floor = self.config.free_bits
        kl = elbo.free_bits(divergence, floor) if floor else divergence.sum(-1).mean()
        if self.vae.constraint is None:
            return self._weight() * kl - log_likelihood.mean()
        error = (x - self.vae.likelihood.mean(outputs)).square().flatten(1).mean(1)
        lagrangian: Tensor = self.vae.constraint(self._weight() * kl, error)
        return lagrangian

    def _importance(self, log_likelihood: Tensor, z: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
        objective = self.config.objective
        log_q = elbo.log_posterior(z, mean, log_sd, path_only=objective in ("stl", "dreg"))
        log_w = elbo.log_weights(log_likelihood, self.vae.prior.log_prob(z), log_q, self._weight())
        if objective == "stl":
            return -log_w.mean()
        return -(elbo.dreg(log_w, z) if objective == "dreg" else elbo.iwae(log_w)).mean()

    def _weight(self) -> float:
        """Return the KL's weight at this point of the training."""
        config = self.config
        if config.schedule == "cyclical":
            return config.beta * elbo.cyclical(self.progress)
        return config.beta * elbo.warm_up(self.progress, config.warm_up)


def build(config: VaeConfig, shape: tuple[int, ...]) -> Vae:
    """Make the networks and distributions that fit samples of this shape ([dimensions], or [channels, size, size]).

    Raises:
        PoiseError: the network or the likelihood does not take such samples.
    """
    points = len(shape) == 1
    if points and config.network != "mlp":
        raise PoiseError(f"--network {config.network} does not take points or tables; use --network mlp")
    if points and config.likelihood == "logistic":
        raise PoiseError("--likelihood logistic is for 8-bit images; use --likelihood gaussian")
    if config.tolerance is not None and config.objective != "elbo":
        raise PoiseError(f"--tolerance constrains the elbo, not --objective {config.objective}; leave one of them out")
    if config.free_bits and (config.objective, config.prior) != ("elbo", "normal"):
        raise PoiseError("--free-bits needs each dimension's divergence; use --objective elbo and --prior normal")
    likelihood = _likelihood(config, points)
    out = (shape[0] * likelihood.channels, *shape[1:])
    encoder: nn.Module
    decoder: nn.Module
    if config.network == "mlp":
        encoder = FlatEncoder(shape, config.width, 2 * config.latent)
        decoder = FlatDecoder(config.latent, config.width, out)
    else:
        encoder = ImageEncoder(shape[0], shape[1], config.width, 2 * config.latent)
        decoder = ImageDecoder(config.latent, out[0], shape[1], config.width)
    constraint = None if config.tolerance is None else Constraint(config.tolerance)
    parts = Parts(encoder, decoder, priors.StandardNormal(config.latent), likelihood, constraint)
    parts.prior = _prior(config, parts, shape)
    return Vae(parts, config)


def _likelihood(config: VaeConfig, points: bool) -> likelihoods.Likelihood:
    if config.likelihood == "bernoulli":
        return likelihoods.Bernoulli(low=0.0 if points else -1.0)
    if config.likelihood == "logistic":
        return likelihoods.DiscretizedLogistic()
    deviations: Mapping[str, nn.Module] = {
        "fixed": likelihoods.FixedDeviation(config.sigma),
        "learned": likelihoods.LearnedDeviation(),
        "optimal": likelihoods.OptimalDeviation(),
    }
    return likelihoods.Gaussian(deviations[config.deviation])


def _prior(config: VaeConfig, parts: Parts, shape: tuple[int, ...]) -> priors.Prior:
    generator = torch.Generator().manual_seed(torch.initial_seed())
    if config.prior == "mixture":
        return priors.MixtureOfGaussians(config.latent, config.components, generator)
    if config.prior == "vamp":
        start = torch.rand(config.components, *shape, generator=generator) * 2 - 1
        return priors.VampPrior(start, parts.posterior)
    return priors.StandardNormal(config.latent)
