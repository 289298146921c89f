"""Adversarial losses: what the discriminator and the generator of a GAN minimize.

Each loss is a pair of functions of r = D(x), the scores of real samples, and f = D(G(z)), the scores of
generated ones (logits, shape [n], float32). Scores of both are means over the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus


@dataclass(frozen=True)
class Adversarial:
    """A GAN's two losses.

    Attributes:
        discriminator: (real scores [n], fake scores [n], weight of the real term) → scalar.
        generator: (real scores [n] or None, fake scores [n]) → scalar.
        source: where the loss is defined.
        pairs: whether the generator's loss compares fakes with real samples, and so needs their scores.
        zero_sum: whether the generator's loss is minus the discriminator's, as far as it concerns the generator.
    """

    discriminator: Callable[[Tensor, Tensor, float], Tensor]
    generator: Callable[[Tensor | None, Tensor], Tensor]
    source: str
    pairs: bool = False
    zero_sum: bool = False


def cross_entropy_discriminator(real: Tensor, fake: Tensor, real_weight: float = 1.0) -> Tensor:
    """Binary cross-entropy from logits: −w·log σ(r) − log(1 − σ(f)) = w·softplus(−r) + softplus(f).

    Example:
        >>> import torch
        >>> cross_entropy_discriminator(torch.zeros(4), torch.zeros(4))  # 2 ln 2
        tensor(1.3863)
    """
    return real_weight * softplus(-real).mean() + softplus(fake).mean()


def non_saturating_generator(real: Tensor | None, fake: Tensor) -> Tensor:
    """−log σ(f): steep where the discriminator is sure that the sample is fake.

    Example:
        >>> import torch
        >>> non_saturating_generator(None, torch.zeros(4))
        tensor(0.6931)
    """
    return softplus(-fake).mean()


def minimax_generator(real: Tensor | None, fake: Tensor) -> Tensor:
    """log(1 − σ(f)) = −softplus(f): the textbook's zero-sum game; flat where the discriminator wins.

    Example:
        >>> import torch
        >>> minimax_generator(None, torch.zeros(4))
        tensor(-0.6931)
    """
    return -softplus(fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor, real_weight: float = 1.0) -> Tensor:
    """w·max(0, 1 − r) + max(0, 1 + f).

    Example:
        >>> import torch
        >>> hinge_discriminator(torch.tensor([2.0]), torch.tensor([-0.5]))
        tensor(0.5000)
    """
    return real_weight * relu(1 - real).mean() + relu(1 + fake).mean()


def wasserstein_discriminator(real: Tensor, fake: Tensor, real_weight: float = 1.0) -> Tensor:
    """f − w·r: minus the critic's estimate of the Wasserstein distance when the critic is 1-Lipschitz.

    Example:
        >>> import torch
        >>> wasserstein_discriminator(torch.tensor([3.0]), torch.tensor([1.0]))
        tensor(-2.)
    """
    return fake.mean() - real_weight * real.mean()


def raise_score_generator(real: Tensor | None, fake: Tensor) -> Tensor:
    """−f: the generator of the hinge and the Wasserstein game.

    Example:
        >>> import torch
        >>> raise_score_generator(None, torch.tensor([3.0]))
        tensor(-3.)
    """
    return -fake.mean()


def relativistic_discriminator(real: Tensor, fake: Tensor, real_weight: float = 1.0) -> Tensor:
    """softplus(−(r − f)) on pairs: real samples should score above fakes, whatever the absolute scores.

    Example:
        >>> import torch
        >>> relativistic_discriminator(torch.tensor([5.0]), torch.tensor([5.0]))
        tensor(0.6931)
    """
    return real_weight * softplus(fake - real).mean()


def relativistic_generator(real: Tensor | None, fake: Tensor) -> Tensor:
    """softplus(−(f − r)) on the same pairs.

    Example:
        >>> import torch
        >>> relativistic_generator(torch.tensor([5.0]), torch.tensor([5.0]))
        tensor(0.6931)
    """
    assert real is not None, "a relativistic loss pairs fakes with real samples"
    return softplus(real - fake).mean()


ADVERSARIAL = {
    "non-saturating": Adversarial(
        cross_entropy_discriminator, non_saturating_generator, "Goodfellow et al. 2014, section 3"
    ),
    "minimax": Adversarial(
        cross_entropy_discriminator, minimax_generator, "Goodfellow et al. 2014, eq. 1", zero_sum=True
    ),
    "hinge": Adversarial(hinge_discriminator, raise_score_generator, "Lim & Ye 2017; Miyato et al. 2018"),
    "wasserstein": Adversarial(wasserstein_discriminator, raise_score_generator, "Arjovsky et al. 2017", zero_sum=True),
    "relativistic": Adversarial(
        relativistic_discriminator,
        relativistic_generator,
        "RpGAN: Jolicoeur-Martineau 2019; Huang et al. 2024 (R3GAN), eq. 2",
        pairs=True,
    ),
}
