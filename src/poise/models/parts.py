"""The parts of a VAE: q(z|x), and p(z) p(x|z)."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..game import full_precision
from ..gaussian import bounded
from ..losses import elbo, likelihoods
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


class Encoder(nn.Module):
    """q(z|x): a diagonal Gaussian whose mean and log standard deviation a network makes of x, and of its class if told.

    A class comes as one more channel of the data, learned for each class (of a table: as more columns).

    Args:
        network: from x [n, ...] to 2·latent numbers.
        classes: how many there are to be told of; 0 for none.
        shape: of one x.
    """

    def __init__(self, network: nn.Module, classes: int = 0, shape: Sequence[int] = ()) -> None:
        super().__init__()
        self.network = network
        self.planes = nn.Embedding(classes, channel(shape, classes)) if classes else None

    def forward(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log_sd of q(z|x), shape [n, latent] each."""
        if self.planes is not None:
            x = torch.cat([x, self.planes(labels).reshape(len(x), -1, *x.shape[2:])], 1)
        mean, free = full_precision(self.network(x)).chunk(2, dim=1)
        return mean, bounded(free)


def channel(shape: Sequence[int], classes: int) -> int:
    """Return how many numbers stand for a class beside one sample: a channel of it, or as many as classes in a table.

    Example:
        >>> channel((3, 28, 28), 10), channel((7,), 10)
        (784, 10)
    """
    return prod(shape[1:]) if len(shape) > 1 else classes


class Decoder(nn.Module):
    """p(z) p(x|z): all that makes data.

    Args:
        network: from z [n, latent], and the class as more numbers, to the likelihood's outputs.
        prior: of z.
        likelihood: of x given the outputs.
        constraint: GECO's, if the reconstruction is constrained.
        classes: how many there are to be told of; 0 for none.
    """

    def __init__(
        self,
        network: nn.Module,
        prior: priors.Prior,
        likelihood: likelihoods.Likelihood,
        constraint: Constraint | None = None,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.network, self.classes = network, classes
        self.prior, self.likelihood, self.constraint = prior, likelihood, constraint

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the likelihood's outputs at codes [n, latent]."""
        if self.classes:
            assert labels is not None
            z = torch.cat([z, one_hot(labels, self.classes).to(z.dtype)], 1)
        return full_precision(self.network(z))

    def log_joint(self, x: Tensor, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return log p(x|z) + log p(z), nats, shape [n]."""
        return self.likelihood.log_prob(x, self(z, labels)) + self.prior.log_prob(z, labels)


class Parts(nn.Module):
    """What a VAE is made of: q(z|x), and p(z) p(x|z)."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
