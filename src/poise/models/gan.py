"""Generative adversarial networks: a game of two."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..config import GanConfig
from ..errors import PoiseError
from ..game import Batch, Game, Loss, full_precision
from ..losses.adversarial import ADVERSARIAL
from ..losses.penalties import one_centered, zero_centered
from ..nets import dcgan, mlp, residual
from ..nets.augment import augment
from ..nets.deviation import MinibatchDeviation
from ..nets.spectral import normalize
from ..rng import Rng
from ..schedule import anneal
from .ada import Ada

FAINT = 1e-30  # a gradient to carry a sample by where the loss has none; too small to be seen in a sum
TOGETHER = (_BatchNorm, MinibatchDeviation)  # layers by which a sample's score depends on the others in its batch
KNOWN = ("torch.", "poise.")  # where layers come from of which that can be said


class Gan(Game):
    """A generator that makes samples from noise, and a discriminator that tells them from real ones.

    The discriminator minimizes an adversarial loss plus γ times its gradient penalties, the generator the
    other side of the adversarial loss; see `poise.losses`. What the discriminator sees, of real and generated
    samples alike, may be augmented, and packed; penalties are of what it sees.

    Args:
        generator: from noise [n, latent] to samples [n, ...]; one with an attribute `noise` takes so many dimensions.
        discriminator: from samples [n, ...], or packs of m of them [n/m, m · channels, ...], to scores (logits). Real
            and generated samples go through it together if its layers are torch's and Poise's and judge samples one by
            one; if it has others that do so too, set `one_pass` to true.
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
        self.ada = Ada(config.augment) if config.augment else None
        self._dimensions = int(getattr(generator, "noise", config.latent))
        self.one_pass = not config.penalties and all(map(_one_by_one, discriminator.modules()))
        # a penalty on real samples does not concern the generator, and so may stay
        # (augmentation moves between the two players' losses)
        self.zero_sum = self.adversarial.zero_sum and set(config.penalties) <= {"r1"} and not config.augment

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return the loss of "generator" or "discriminator"."""
        fake = self._fake(batch, rng)
        return self._generator_loss(batch, fake, rng) if player == "generator" else self._judge(batch, fake, rng)

    def sample(self, n: int, rng: Rng) -> Tensor:
        """Return n samples, shape [n, ...]."""
        return self.generated(self.noise(n, rng))

    def generated(self, z: Tensor) -> Tensor:
        """Return the samples that noise [n, dimensions] becomes."""
        return full_precision(self.generator(z))

    def scores(self, x: Tensor) -> Tensor:
        """Return the discriminator's scores of samples [n, ...] as they are; those that fill no pack are left out."""
        whole = x[: len(x) - len(x) % self.config.together]
        return full_precision(self.discriminator(pack(whole, self.config.packing)))

    def noise(self, n: int, rng: Rng) -> Tensor:
        """Return noise for n samples."""
        return torch.randn(n, self._dimensions, generator=rng("latents"), device=rng.device)

    def _fake(self, batch: Batch, rng: Rng) -> Tensor:
        if "generator" not in batch.made:
            batch.made["generator"] = self.generated(self.noise(len(batch), rng))
        return batch.made["generator"]

    def _seen(self, x: Tensor, kind: str, rng: Rng) -> Tensor:
        """Return what the discriminator sees of samples; the same of generated ones for both players."""
        if len(x) % self.config.together:
            raise PoiseError(
                f"the discriminator judges {self.config.together} samples together, and {len(x)} are no multiple; "
                f"use another --batch"
            )
        if self.ada is not None:
            x = augment(x, self.ada.p.clone(), rng(f"augment {kind}"))  # p moves before gradients are taken
        return pack(x, self.config.packing)

    def _score(self, x: Tensor) -> Tensor:
        return self.config.score_scale * full_precision(self.discriminator(x))

    def _both(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of both by one pass of them all, which is quicker than two of half the size."""
        real_scores, fake_scores = self._score(torch.cat([real, fake])).split([len(real), len(fake)])
        return real_scores, fake_scores

    def _generator_loss(self, batch: Batch, fake: Tensor, rng: Rng) -> Loss:
        real_scores = self._score(self._seen(batch.x, "real", rng)) if self.adversarial.pairs else None
        return Loss(self.adversarial.generator(real_scores, self._score(self._seen(fake, "generated", rng))))

    def joint(self, batch: Batch, rng: Rng) -> tuple[Tensor, dict[str, Loss]]:
        """Return a scalar whose gradient is, for each player, that of its own loss; and these losses.

        Both losses depend on a generated sample x_i by its score f_i alone, and only the generator asks for the way
        beyond x_i. So the pass that takes the discriminator's gradient, Σ (∂L_D/∂f_i) ∇f_i, serves the generator too:
        on its way out of the discriminator each sample's gradient is multiplied by (∂L_G/∂f_i) / (∂L_D/∂f_i)
        (−1 in a zero-sum game: the reversed gradient of Ganin & Lempitsky 2015, arXiv:1409.7495).
        """
        real, fake = self._seen(batch.x, "real", rng), self._seen(self._fake(batch, rng), "generated", rng)
        fake = fake.view_as(fake)  # the hook below belongs to this use of the samples alone
        real_scores, fake_scores = self._both(real, fake)
        r, f = real_scores.detach().requires_grad_(), fake_scores.detach().requires_grad_()
        judged = self.adversarial.discriminator(r, f, self.config.real_weight)
        made = self.adversarial.generator(r.detach() if self.adversarial.pairs else None, f)
        of_real, of_fake = torch.autograd.grad(judged, (r, f))
        (wanted,) = torch.autograd.grad(made, f)
        of_fake = torch.where(of_fake.abs() < FAINT, FAINT, of_fake)
        ratio = (wanted / of_fake).view(-1, *[1] * (fake.ndim - 1))
        fake.register_hook(lambda gradient: gradient * ratio)
        parts = {"real_score": r.detach().mean(), "fake_score": f.detach().mean()}
        self._adapt(r.detach(), f.detach(), len(batch), parts)
        total = (of_real * real_scores).sum() + (of_fake * fake_scores).sum()
        return total, {"discriminator": Loss(judged.detach(), parts), "generator": Loss(made.detach())}

    def _judge(self, batch: Batch, fake: Tensor, rng: Rng) -> Loss:
        penalties = self.config.penalties
        real = self._seen(batch.x, "real", rng)
        real = real.detach().requires_grad_() if "r1" in penalties else real
        fake = self._seen(fake, "generated", rng)
        fake = fake if fake.requires_grad else fake.requires_grad_("r2" in penalties)
        real_scores, fake_scores = self._both(real, fake) if self.one_pass else (self._score(real), self._score(fake))
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
        self._adapt(real_scores, fake_scores, len(batch), parts)
        return Loss(total, parts)

    def _adapt(self, real_scores: Tensor, fake_scores: Tensor, samples: int, parts: dict[str, Tensor]) -> None:
        """Let the augmentation follow the scores, and note its probability."""
        if self.ada is not None:
            parts["augment"] = self.ada.p.clone()
            # scores that only differences have a meaning of have no sign of their own
            free = self.adversarial.pairs or self.config.loss == "wasserstein"
            self.ada(real_scores - fake_scores if free else real_scores, samples, self.known)

    def _gamma(self) -> float:
        gamma = 1.0 if self.config.gamma is None else self.config.gamma
        return anneal(gamma, self.config.gamma_end, self.progress)


def _one_by_one(layer: nn.Module) -> bool:
    return type(layer).__module__.startswith(KNOWN) and not isinstance(layer, TOGETHER)


def pack(x: Tensor, m: int) -> Tensor:
    """Return m consecutive samples side by side, as channels of one: [n/m, m · channels, ...].

    Args:
        x: [n, channels, ...], n a multiple of m.
        m: 1 leaves x as it is.

    Source: Lin et al. 2018 (arXiv:1712.04086), section 2.

    Example:
        >>> pack(torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]]), 2)
        tensor([[1, 2, 3, 4],
                [5, 6, 7, 8]])
    """
    return x if m == 1 else x.unflatten(0, (-1, m)).flatten(1, 2)


def build(config: GanConfig, shape: tuple[int, ...]) -> Gan:
    """Make the networks that fit samples of this shape ([dimensions], or [channels, size, size]).

    Raises:
        PoiseError: the network does not take such samples.
    """
    points = len(shape) == 1
    if points != (config.network == "mlp"):
        kind, remedy = ("points", "mlp") if points else ("images", "deep, dcgan or residual")
        raise PoiseError(f"--network {config.network} does not take {kind}; use --network {remedy}")
    if config.norm == "batch" and config.network not in ("deep", "dcgan"):
        raise PoiseError(
            f"--norm batch needs --network deep or dcgan, not {config.network}; use --norm none or spectral"
        )
    generator, discriminator = _networks(config, shape)
    if config.norm == "spectral":
        normalize(discriminator)
    return Gan(generator, discriminator, config)


def _networks(config: GanConfig, shape: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    group = config.GROUP if config.minibatch_deviation else 0
    channels, packed = shape[0], config.packing * shape[0]
    if config.network == "mlp":
        return mlp.Generator(config.latent, channels, config.width), mlp.Discriminator(packed, config.width, group)
    size = shape[1]
    if config.network == "residual":
        return (
            residual.Generator(config.latent, size, channels, config.width),
            residual.Discriminator(size, packed, config.width, group),
        )
    deep = config.network == "deep"
    return (
        dcgan.Generator(config.latent, size, channels, config.width, deep),
        dcgan.Discriminator(size, packed, config.width, config.norm, group, deep),
    )
