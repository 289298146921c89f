"""Generative adversarial networks: a game of two."""

import torch
from torch import Tensor, nn

from ..config import GanConfig
from ..errors import PoiseError
from ..game import Batch, Game, Loss, full_precision
from ..losses.adversarial import ADVERSARIAL
from ..losses.penalties import one_centered, zero_centered
from ..nets import dcgan, mlp, residual
from ..nets.spectral import normalize
from ..rng import Rng
from ..schedule import anneal


class Gan(Game):
    """A generator that makes samples from noise, and a discriminator that tells them from real ones.

    The discriminator minimizes an adversarial loss plus γ times its gradient penalties, the generator the
    other side of the adversarial loss; see `poise.losses`.

    Args:
        generator: from noise [n, latent] to samples [n, ...]; one with an attribute `noise` takes so many dimensions.
        discriminator: from samples [n, ...] to scores (logits) [n].
        config: the loss, penalties and weights.

    Example:
        >>> config = GanConfig(network="mlp", latent=4, width=16)
        >>> game = build(config, (2,))
        >>> game.sample(5, Rng(0)).shape
        torch.Size([5, 2])
        >>> game.loss("discriminator", Batch(torch.randn(8, 2)), Rng(0)).total.ndim
        0
    """

    players = ("discriminator", "generator")
    averaged = ("generator",)

    def __init__(self, generator: nn.Module, discriminator: nn.Module, config: GanConfig) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.config, self.adversarial = config, ADVERSARIAL[config.loss]
        self._dimensions = int(getattr(generator, "noise", config.latent))
        # a penalty on real samples does not concern the generator, and so may stay
        self.zero_sum = self.adversarial.zero_sum and set(config.penalties) <= {"r1"}

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return the loss of "generator" or "discriminator"."""
        fake = self._fake(batch, rng)
        return self._generator_loss(batch, fake) if player == "generator" else self._judge(batch, fake, rng)

    def sample(self, n: int, rng: Rng) -> Tensor:
        """Return n samples, shape [n, ...]."""
        return self.generated(self.noise(n, rng))

    def generated(self, z: Tensor) -> Tensor:
        """Return the samples that noise [n, dimensions] becomes."""
        return full_precision(self.generator(z))

    def noise(self, n: int, rng: Rng) -> Tensor:
        """Return noise for n samples."""
        return torch.randn(n, self._dimensions, generator=rng("latents"), device=rng.device)

    def _fake(self, batch: Batch, rng: Rng) -> Tensor:
        if "generator" not in batch.made:
            batch.made["generator"] = self.generated(self.noise(len(batch), rng))
        return batch.made["generator"]

    def _score(self, x: Tensor) -> Tensor:
        return self.config.score_scale * full_precision(self.discriminator(x))

    def _generator_loss(self, batch: Batch, fake: Tensor) -> Loss:
        real_scores = self._score(batch.x) if self.adversarial.pairs else None
        return Loss(self.adversarial.generator(real_scores, self._score(fake)))

    def _judge(self, batch: Batch, fake: Tensor, rng: Rng) -> Loss:
        penalties = self.config.penalties
        real = batch.x.detach().requires_grad_() if "r1" in penalties else batch.x
        fake = fake if fake.requires_grad else fake.requires_grad_("r2" in penalties)
        real_scores, fake_scores = self._score(real), self._score(fake)
        total = self.adversarial.discriminator(real_scores, fake_scores, self.config.real_weight)
        parts = {"real_score": real_scores.mean(), "fake_score": fake_scores.mean()}
        if "r1" in penalties:
            parts["r1"] = zero_centered(real_scores, real)
        if "r2" in penalties:
            parts["r2"] = zero_centered(fake_scores, fake)
        if "wgan-gp" in penalties:
            parts["wgan_gp"] = one_centered(self._score, real, fake, rng("interpolation"))
        for name in ("r1", "r2", "wgan_gp"):
            if name in parts:
                total = total + self._gamma() * parts[name]
        return Loss(total, parts)

    def _gamma(self) -> float:
        return anneal(self.config.gamma, self.config.gamma_end, self.progress)


def build(config: GanConfig, shape: tuple[int, ...]) -> Gan:
    """Make the networks that fit samples of this shape ([dimensions], or [channels, size, size]).

    Raises:
        PoiseError: the network does not take such samples.
    """
    points = len(shape) == 1
    if points != (config.network == "mlp"):
        kind, remedy = ("points", "mlp") if points else ("images", "dcgan or residual")
        raise PoiseError(f"--network {config.network} does not take {kind}; use --network {remedy}")
    if config.norm == "batch" and config.network != "dcgan":
        raise PoiseError(f"--norm batch needs --network dcgan, not {config.network}; use --norm none or spectral")
    generator, discriminator = _networks(config, shape)
    if config.norm == "spectral":
        normalize(discriminator)
    return Gan(generator, discriminator, config)


def _networks(config: GanConfig, shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    if config.network == "mlp":
        return mlp.Generator(config.latent, shape[0], config.width), mlp.Discriminator(shape[0], config.width)
    channels, size = shape[0], shape[1]
    if config.network == "dcgan":
        return (
            dcgan.Generator(config.latent, size, channels, config.width),
            dcgan.Discriminator(size, channels, config.width, config.norm),
        )
    return (
        residual.Generator(config.latent, size, channels, config.width),
        residual.Discriminator(size, channels, config.width),
    )
