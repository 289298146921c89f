"""Variational autoencoders: a game of one."""

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor, nn

from ..config import VaeConfig
from ..errors import PoiseError
from ..game import Batch, Game, Loss
from ..gaussian import reparameterize
from ..losses import elbo, likelihoods
from ..nets import residual
from ..nets.coder import FlatDecoder, FlatEncoder, ImageDecoder, ImageEncoder
from ..nets.deepobs import DeepObsDecoder, DeepObsEncoder
from ..nets.dropout import Dropout
from ..rng import Rng
from . import priors
from .parts import Constraint, Decoder, Encoder, Parts, channel


class Vae(Game):
    """An encoder and a decoder that maximize a bound on the likelihood of the data.

    They are one player, or where the encoder is trained aggressively two with one loss.

    Args:
        parts: the networks and distributions.
        config: the objective and its schedules.

    Attributes:
        classes: how many classes a sample may be asked of; 0 where it is not told any.

    Example:
        >>> game = build(VaeConfig(network="mlp", width=16, latent=2, likelihood="gaussian"), (3,))
        >>> game.loss("vae", Batch(torch.randn(8, 3)), Rng(0)).total.ndim
        0
        >>> game.sample(5, Rng(0)).shape, game.reconstruct(torch.zeros(2, 3)).shape
        (torch.Size([5, 3]), torch.Size([2, 3]))
    """

    one_pass = True

    def __init__(self, parts: Parts, config: VaeConfig) -> None:
        super().__init__()
        self.vae, self.config = parts, config
        self.players = self.averaged = tuple(config.turns)
        self.classes = parts.decoder.classes
        self._dropouts = tuple(layer for layer in parts.modules() if isinstance(layer, Dropout))

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return minus the objective, in nats for each sample; parts hold the bound's two halves."""
        generator = rng("dropout") if self._dropouts else None
        for layer in self._dropouts:
            layer.generator = generator
        mean, log_sd = self.vae.encoder(batch.x, batch.labels)
        eps = torch.randn(self.config.samples, *mean.shape, generator=rng("codes"), device=mean.device)
        z = reparameterize(mean, log_sd, eps)
        x, labels = repeated(batch.x, len(z)), None if batch.labels is None else repeated(batch.labels, len(z))
        outputs = self.vae.decoder(z.flatten(0, 1), labels)
        log_likelihood = self.vae.decoder.likelihood.log_prob(x, outputs)
        reconstruction = -log_likelihood.mean()
        if self.config.objective == "elbo":
            divergence = self._divergence(z, mean, log_sd, batch.labels)
            kl = divergence.sum() / len(mean)
            total = self._elbo(reconstruction, kl, divergence, x, outputs)
        else:
            total = self._importance(log_likelihood.view(len(z), -1), z, mean, log_sd, batch.labels)
            with torch.no_grad():
                kl = self._divergence(z, mean, log_sd, batch.labels).sum() / len(mean)
        reconstruction, kl = reconstruction.detach(), kl.detach()
        return Loss(total, {"reconstruction": reconstruction, "kl": kl, "bound": -reconstruction - kl})

    def sample(self, n: int, rng: Rng, labels: Tensor | None = None) -> Tensor:
        """Return n samples, the centers of p(x|z) at codes drawn from the prior; of all classes in turn if not told."""
        if labels is None and self.classes:
            labels = torch.arange(n, device=rng.device) % self.classes
        return self.decoded(self.vae.decoder.prior.sample(n, rng("latents"), labels), labels)

    def reconstruct(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the centers of p(x|z) at the posterior's means, of x's shape."""
        return self.decoded(self.vae.encoder(x, labels)[0], labels)

    def decoded(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the centers of p(x|z) at codes [n, latent]."""
        return self.vae.decoder.likelihood.mean(self.vae.decoder(z, labels))

    def begin_from(self, x: Tensor, labels: Tensor | None) -> None:
        """Let a vamp prior's pseudo-inputs begin as samples of the data, of their classes if they are told them."""
        prior = self.vae.decoder.prior
        if isinstance(prior, priors.VampPrior):
            prior.begin_from(x, labels)

    def check(self, x: Tensor) -> None:
        """Refuse data outside the likelihood's support."""
        self.vae.decoder.likelihood.check(x)

    def _divergence(self, z: Tensor, mean: Tensor, log_sd: Tensor, labels: Tensor | None) -> Tensor:
        """Return KL(q ‖ p), [n, latent] in closed form, or where there is none [n, 1] by the draws."""
        if isinstance(self.vae.decoder.prior, priors.StandardNormal):
            return self.vae.decoder.prior.kl(mean, log_sd)
        difference = elbo.log_posterior(z, mean, log_sd) - self._log_prior(z, labels)
        return difference.mean(0).unsqueeze(1)

    def _elbo(self, reconstruction: Tensor, kl: Tensor, divergence: Tensor, x: Tensor, outputs: Tensor) -> Tensor:
        """Return the reconstruction and the weighted divergence, or where GECO weighs the error, its Lagrangian."""
        if self.config.free_bits:
            kl = elbo.free_bits(divergence, self.config.free_bits)
        if self.vae.decoder.constraint is None:
            return reconstruction + self._weight() * kl
        error = (x - self.vae.decoder.likelihood.mean(outputs)).square().flatten(1).mean(1)
        lagrangian: Tensor = self.vae.decoder.constraint(self._weight() * kl, error)
        return lagrangian

    def _importance(
        self, log_likelihood: Tensor, z: Tensor, mean: Tensor, log_sd: Tensor, labels: Tensor | None
    ) -> Tensor:
        objective = self.config.objective
        log_q = elbo.log_posterior(z, mean, log_sd, path_only=objective in ("stl", "dreg"))
        log_w = elbo.log_weights(log_likelihood, self._log_prior(z, labels), log_q, self._weight())
        if objective == "stl":
            return -log_w.mean()
        return -(elbo.dreg(log_w, z) if objective == "dreg" else elbo.iwae(log_w)).mean()

    def _log_prior(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Return log p(z), or log p(z|y) where codes are told their class, [k, n]."""
        return self.vae.decoder.prior.log_prob(z, labels if self.classes else None)

    def _weight(self) -> float:
        """Return the KL's weight at this point of the training."""
        config = self.config
        if config.schedule == "cyclical":
            return config.beta * elbo.cyclical(self.progress)
        return config.beta * elbo.warm_up(self.progress, config.warm_up)


def repeated(x: Tensor, times: int) -> Tensor:
    """Return x [n, ...] so many times over, [times · n, ...].

    Example:
        >>> repeated(torch.tensor([1, 2]), 2)
        tensor([1, 2, 1, 2])
    """
    return x.expand(times, *x.shape).flatten(0, 1)


def build(config: VaeConfig, shape: tuple[int, ...], classes: int = 0) -> Vae:
    """Make the networks and distributions that fit samples of this shape ([dimensions], or [channels, size, size]).

    Args:
        config: the settings.
        shape: of one sample.
        classes: how many classes the data have.

    Raises:
        PoiseError: the settings do not fit such samples, or each other.
    """
    _check(config, shape, classes)
    classes = classes if config.conditional else 0
    likelihood = _likelihood(config, points=len(shape) == 1)
    told = (shape[0] + (channel(shape, classes) // prod(shape[1:]) if classes else 0), *shape[1:])
    out = (shape[0] * likelihood.channels, *shape[1:])
    encode, decode = _networks(config, told, out, config.latent + classes)
    encoder = Encoder(encode, classes, shape)
    constraint = None if config.tolerance is None else Constraint(config.tolerance)
    decoder = Decoder(decode, _prior(config, encoder, shape, classes), likelihood, constraint, classes)
    return Vae(Parts(encoder, decoder), config)


def _check(config: VaeConfig, shape: tuple[int, ...], classes: int) -> None:
    points = len(shape) == 1
    if points and config.network != "mlp":
        raise PoiseError(f"--network {config.network} does not take points or tables; use --network mlp")
    if config.network == "deepobs" and (shape != (1, 28, 28) or config.likelihood != "gaussian" or config.conditional):
        fixed = "gray images of 28 pixels, likelihood gaussian, no classes"
        raise PoiseError(f"--network deepobs is a benchmark's and fixed: {fixed}; use --network conv")
    if points and config.likelihood == "logistic":
        raise PoiseError("--likelihood logistic is for 8-bit images; use --likelihood gaussian")
    if config.conditional and config.prior == "vamp" and config.components < classes:
        raise PoiseError(f"--components {config.components} leave some of {classes} classes without any; give more")
    if config.conditional and not classes:
        remedy = "name a table's with --label-column" if points else "put each class of images into a subfolder"
        raise PoiseError(f"--conditional needs labels, and the data have none; {remedy}")
    if config.tolerance is not None and config.objective != "elbo":
        raise PoiseError(f"--tolerance constrains the elbo, not --objective {config.objective}; leave one of them out")
    if config.free_bits and (config.objective, config.prior) != ("elbo", "normal"):
        raise PoiseError("--free-bits needs each dimension's divergence; use --objective elbo and --prior normal")
    if config.latent > prod(shape):
        raise PoiseError(f"--latent {config.latent} is more than the {prod(shape)} values of a sample; give fewer")


def _networks(
    config: VaeConfig, shape: tuple[int, ...], out: tuple[int, ...], codes: int
) -> tuple[nn.Module, nn.Module]:
    """Return a network from x of this shape to 2·latent numbers, and one from codes to outputs of the shape `out`."""
    width, free = config.width, 2 * config.latent
    if config.network == "mlp":
        return FlatEncoder(shape, width, free), FlatDecoder(codes, width, out)
    if config.network == "deepobs":
        return DeepObsEncoder(free), DeepObsDecoder(codes)
    if config.network == "residual":
        encoder = residual.Encoder(shape[1], shape[0], width, free)
        return encoder, residual.Generator(codes, shape[1], out[0], width)
    return ImageEncoder(shape[0], shape[1], width, free), ImageDecoder(codes, out[0], shape[1], width)


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


def _prior(config: VaeConfig, encoder: Encoder, shape: tuple[int, ...], classes: int) -> priors.Prior:
    generator = torch.Generator().manual_seed(torch.initial_seed())
    if config.prior == "mixture":
        return priors.MixtureOfGaussians(config.latent, config.components, generator, classes)
    if config.prior == "vamp":
        start = torch.zeros(config.components, *shape)  # until `begin_from`
        labels = torch.arange(config.components) % classes if classes else None
        return priors.VampPrior(start, lambda u: encoder(u, None if labels is None else labels.to(u.device)), labels)
    return priors.StandardNormal(config.latent)
