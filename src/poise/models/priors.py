"""What p(z) can be, or where codes are told a class, p(z|y). Logarithms are natural; densities are per unit of z."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from ..gaussian import bounded, kl_to_standard, log_density, mixture_log_density, reparameterize


class Prior(Protocol):
    """A distribution of the latents; labels [n] are the classes of z [..., n, d], of a prior that is told them."""

    def log_prob(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return log p(z) in nats, shape [...], of z [..., d]."""

    def sample(self, n: int, generator: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """Draw n latents, shape [n, d], where the generator is."""


class StandardNormal(nn.Module):
    """N(0, I), the one prior here whose divergence from a Gaussian has a closed form.

    Args:
        latent: d, dimensions of z.

    Example:
        >>> prior = StandardNormal(2)
        >>> prior.log_prob(torch.zeros(3, 2))  # −ln 2π
        tensor([-1.8379, -1.8379, -1.8379])
        >>> prior.sample(5, torch.Generator()).shape
        torch.Size([5, 2])
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    def log_prob(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return log p(z) in nats, shape [...], of z [..., d]."""
        zero = z.new_zeros(())
        return log_density(z, zero, zero).sum(-1)

    def kl(self, mean: Tensor, log_sd: Tensor) -> Tensor:
        """Return KL(N(mean, sd²) ‖ N(0, 1)) of each dimension in nats, shape [..., d]."""
        return kl_to_standard(mean, log_sd)

    def sample(self, n: int, generator: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """Draw n latents, shape [n, d]."""
        return torch.randn(n, self.latent, generator=generator, device=generator.device)


class MixtureOfGaussians(nn.Module):
    """Σ_c π_c N(m_c, s_c²), all of it learned; the weights are a softmax, ln s_c is kept within ±10.

    Told classes, each class has weights of its own over the same Gaussians.

    Args:
        latent: d, dimensions of z.
        components: how many Gaussians.
        generator: draws the first means, from N(0, I).
        classes: how many classes z may be of; 0 where it is not told any.

    Example:
        >>> prior = MixtureOfGaussians(2, components=10, generator=torch.Generator().manual_seed(0))
        >>> prior.log_prob(torch.zeros(4, 3, 2)).shape, prior.sample(5, torch.Generator()).shape
        (torch.Size([4, 3]), torch.Size([5, 2]))
    """

    def __init__(self, latent: int, components: int, generator: torch.Generator, classes: int = 0) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.randn(components, latent, generator=generator, device=generator.device))
        self.log_sds = nn.Parameter(torch.zeros_like(self.means))
        shape = (classes, components) if classes else (components,)
        self.logits = nn.Parameter(torch.zeros(shape, device=generator.device))

    def log_prob(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return log p(z) in nats, shape [...], of z [..., d]."""
        return mixture_log_density(z, self._log_weights(labels), self.means, bounded(self.log_sds))

    def sample(self, n: int, generator: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """Draw n latents, shape [n, d]."""
        return draw_from_mixture(n, self._log_weights(labels).exp(), self.means, bounded(self.log_sds), generator)

    def _log_weights(self, labels: Tensor | None) -> Tensor:
        each = self.logits.log_softmax(-1)
        return each if labels is None else each[labels]


class VampPrior(nn.Module):
    """The posterior's own mixture, (1/K) Σ_c q(z|u_c), at learned pseudo-inputs u_c.

    Told classes, each pseudo-input is of one, and a class has the mixture of its own.

    Args:
        pseudo_inputs: where u begins, shape [K, ...] as x; see `begin_from`.
        encode: the encoder as a function, from x [K, ...] to mean and log_sd [K, d]. It stays its owner's: its weights
            receive gradients from this prior too, and are no parameters of it.
        classes: of the pseudo-inputs, int64 [K], where z is told its class; every class has at least one.

    Source: Tomczak & Welling 2018 (arXiv:1705.07120), eq. 9.

    Example:
        >>> prior = VampPrior(torch.randn(7, 3), lambda x: (x[:, :2], torch.zeros(len(x), 2)))
        >>> prior.log_prob(torch.zeros(4, 2)).shape, prior.sample(5, torch.Generator()).shape
        (torch.Size([4]), torch.Size([5, 2]))
    """

    classes: Tensor | None

    def __init__(
        self, pseudo_inputs: Tensor, encode: Callable[[Tensor], tuple[Tensor, Tensor]], classes: Tensor | None = None
    ) -> None:
        super().__init__()
        self.register_buffer("classes", classes, persistent=False)
        self.pseudo_inputs = nn.Parameter(pseudo_inputs.detach().clone())
        self._encode = (encode,)  # in a tuple, a module is not registered as a part of this one

    @torch.no_grad()
    def begin_from(self, x: Tensor, labels: Tensor | None) -> None:
        """Set the pseudo-inputs to samples of the data x [n, ...], in turn, each of its class where they have one."""
        for place in range(len(self.pseudo_inputs)):
            own = x if self.classes is None or labels is None else x[labels == self.classes[place]]
            if len(own):
                self.pseudo_inputs[place] = own[place % len(own)]

    def components(self, labels: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the weights, [K] or [n, K] for labels [n], the means [K, d] and log_sds [K, d] of the mixture."""
        mean, log_sd = self._encode[0](self.pseudo_inputs)
        if labels is None or self.classes is None:
            return mean.new_full((len(mean),), 1 / len(mean)), mean, log_sd
        own = (labels.unsqueeze(1) == self.classes).to(mean.dtype)
        return own / own.sum(1, keepdim=True), mean, log_sd

    def log_prob(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return log p(z) in nats, shape [...], of z [..., d]."""
        weights, means, log_sds = self.components(labels)
        return mixture_log_density(z, weights.log(), means, log_sds)

    def sample(self, n: int, generator: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """Draw n latents, shape [n, d]."""
        return draw_from_mixture(n, *self.components(labels), generator)


def draw_from_mixture(n: int, weights: Tensor, means: Tensor, log_sds: Tensor, generator: torch.Generator) -> Tensor:
    """Draw n points from a mixture of diagonal Gaussians.

    Args:
        n: how many.
        weights: π, shape [K], or [n, K] where each point has its own.
        means: shape [K, d].
        log_sds: shape [K, d].
        generator: chooses the components, then the points.

    Returns:
        Shape [n, d].

    Example:
        >>> far = torch.tensor([[-9.0], [9.0]])
        >>> drawn = draw_from_mixture(99, torch.tensor([0.0, 1.0]), far, torch.zeros(2, 1), torch.Generator())
        >>> bool((drawn > 0).all())
        True
    """
    rows = weights.expand(n, -1)
    chosen = torch.multinomial(rows, 1, generator=generator).squeeze(1)
    eps = torch.randn(n, means.shape[1], generator=generator, device=generator.device, dtype=means.dtype)
    return reparameterize(means[chosen], log_sds[chosen], eps)
