"""What all recurrent VAEs are made of.

A *model* makes sequences: p(z_t | z_<t, x_<t) and p(x_t | z_≤t, x_<t), walked a step at a time from state to state. A
*chain* is a model and a posterior q(z_t | z_<t, x); its `path` does whole sequences at once and is what is trained, its
step-wise methods do the same slowly and are what samples, forecasts and filters. Time comes first, [T, n, ...].
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from ... import gaussian
from ...game import full_precision

NARROW = 5.0  # nats: latents' deviations lie between e⁻⁵ and e⁵
State = tuple[Tensor, ...]  # what a model remembers of the past, [n, ...] each


class Normal(NamedTuple):
    """A diagonal Gaussian."""

    mean: Tensor
    log_sd: Tensor


@dataclass(frozen=True)
class Reading:
    """Sequences as the networks read them.

    Attributes:
        x: the values, 0 where nothing was observed, [T, n, d].
        observed: which they are, [T, n, d].
        valid: which steps belong to the sequences, [T, n].
        lengths: how many, int64 [n]; None if all.
        seen: what networks read in the place of x, [T, n, inputs].
    """

    x: Tensor
    observed: Tensor
    valid: Tensor
    lengths: Tensor | None
    seen: Tensor


@dataclass(frozen=True)
class Path:
    """Latents drawn from the posterior, with all that the bound needs, [T, n, ...].

    Attributes:
        z: z_t ~ q.
        posterior: q(z_t | z_<t, x).
        prior: p(z_t | z_<t, x_<t).
        outputs: of the likelihood p(x_t | z_≤t, x_<t).
        state: the model's state after the last step, from which a next piece of the sequences goes on.
    """

    z: Tensor
    posterior: Normal
    prior: Normal
    outputs: Tensor
    state: State

    def kl(self) -> Tensor:
        """Return KL(q ‖ p) of each latent dimension at each step, [T, n, latent]."""
        return gaussian.kl(*self.posterior, *self.prior)

    def log_ratio(self) -> Tensor:
        """Return log p(z_t | ·) − log q(z_t | ·), whose expectation is −KL, [T, n]."""
        ratio: Tensor = gaussian.log_density(self.z, *self.prior) - gaussian.log_density(self.z, *self.posterior)
        return ratio.sum(-1)


class Model(Protocol):
    """p(x, z), a step at a time."""

    def begin(self, n: int) -> State:
        """Return the state before the first step of n sequences."""

    def prior(self, state: State) -> Normal:
        """Return p(z_t | z_<t, x_<t), [n, latent]."""

    def decode(self, state: State, z: Tensor) -> Tensor:
        """Return the outputs of p(x_t | z_≤t, x_<t) at z_t = z."""

    def advance(self, state: State, z: Tensor, seen: Tensor) -> State:
        """Return the state of the next step, when z_t and what was seen of x_t are past."""


class Chain(Protocol):
    """A model and its posterior.

    Attributes:
        model: p(x, z).
        latent: dimensions of z_t.
    """

    model: Model
    latent: int

    def path(self, reading: Reading, fed: Tensor, eps: Tensor, state: State | None = None) -> Path:
        """Draw z by the noise eps [T, n, latent], from a state (None: that of a beginning).

        `fed` is what the model reads as the past, in the place of `reading.seen`.
        """

    def evidence(self, reading: Reading, state: State | None = None) -> Tensor:
        """Return what the posterior knows of the data at each step, [T, n, ...]."""

    def posterior(self, state: State, prior: Normal, evidence: Tensor) -> Normal:
        """Return q(z_t | z_<t, x), [n, latent], from `evidence` of step t."""


class Head(nn.Module):
    """A network with one hidden layer of (context, z), in two parts: what a context adds needs no z, and so no loop.

        V a(U context + W z + b) + c,   a the leaky rectifier

    Args:
        context: dimensions.
        latent: dimensions of z.
        width: hidden units.
        outputs: dimensions.
        quiet: begin with outputs near 0. Gaussians of latents are then near N(0, 1) and equal, so that no chain of
            latents can grow from step to step before anything is learned.

    Example:
        >>> head = Head(5, 2, 8, 3)
        >>> head(head.context(torch.zeros(7, 5)), torch.zeros(7, 2)).shape
        torch.Size([7, 3])
    """

    def __init__(self, context: int, latent: int, width: int, outputs: int, quiet: bool = False) -> None:
        super().__init__()
        self.context = nn.Linear(context, width)
        self.code = nn.Linear(latent, width, bias=False)
        self.out = nn.Linear(width, outputs)
        if quiet:
            hush(self.out)

    def forward(self, from_context: Tensor, z: Tensor) -> Tensor:
        """Return outputs [..., outputs] from `self.context(...)` and z [..., latent]."""
        outputs: Tensor = self.out(leaky_relu(from_context + self.code(z), 0.2))
        return full_precision(outputs)


class Held(nn.Module):
    """What was last observed of each feature: what is read of a step, with the value before it where one is missing.

    Args:
        feature: of each number that is read, int64 [inputs]; None where nothing is ever missing. What is read then ends
            with a mask of the features, and the mask stays as it is.

    Example:
        >>> held, seen = Held(torch.tensor([0])), torch.tensor([[[5.0, 1.0]], [[0.0, 0.0]], [[7.0, 1.0]]])
        >>> held(seen, torch.zeros(1, 2))[:, 0].tolist()
        [[5.0, 1.0], [5.0, 0.0], [7.0, 1.0]]
    """

    def __init__(self, feature: Tensor | None) -> None:
        super().__init__()
        self.feature = feature

    def forward(self, seen: Tensor, first: Tensor) -> Tensor:
        """Return it after each step, [T, n, ...], from what was seen in each and what was held before the first."""
        if self.feature is None:
            return seen
        values, mask = seen.tensor_split([len(self.feature)], -1)
        observed = mask[..., self.feature.to(seen.device)] > 0.5
        steps = torch.arange(len(seen), device=seen.device).view(-1, 1, 1)
        at = torch.where(observed, steps, -1).cummax(0).values
        held = torch.where(at < 0, first[..., : len(self.feature)], values.gather(0, at.clamp(min=0)))
        return torch.cat([held, mask], -1)


class Emission(Head):
    """The outputs of p(x_t | ·): a network's, and a linear function of x_{t−1} beside it.

        V a(U context + W z + b) + c + A x_{t−1}

    For numbers A begins as the identity on their means: tomorrow is like today until something else is learned, at
    levels too that training never saw. The product is in full precision, or smooth series would be rounded. Where
    x_{t−1} is missing, what was observed before it stands in.

    Args:
        context: dimensions.
        latent: dimensions of z.
        width: hidden units.
        persistence: what A begins as, shape [outputs, inputs].
        feature: as for `Held`.

    Source: the autoregressive part of Lai et al. 2018 (arXiv:1703.07015), section 3.6.

    Example:
        >>> emission = Emission(5, 2, 8, torch.tensor([[1.0], [0.0]]))
        >>> outputs = emission(emission.context(torch.zeros(7, 5)), torch.zeros(7, 2), torch.full((7, 1), 100.0))
        >>> outputs[0, 0] > 90, outputs[0, 1] < 10
        (tensor(True), tensor(True))
    """

    def __init__(
        self, context: int, latent: int, width: int, persistence: Tensor, feature: Tensor | None = None
    ) -> None:
        super().__init__(context, latent, width, len(persistence))
        self.past, self.held = nn.Parameter(persistence.clone()), Held(feature)

    def forward(self, from_context: Tensor, z: Tensor, last: Tensor | None = None) -> Tensor:
        """Return outputs [..., outputs] from `self.context(...)`, z and what is held of the steps before."""
        assert last is not None
        with torch.autocast(z.device.type, enabled=False):
            carried = linear(last.to(self.past), self.past)
        return super().forward(from_context, z) + carried


@torch.no_grad()
def hush(layer: nn.Module) -> None:
    """Make a linear layer's outputs a tenth of what they would be, without bias."""
    layer.get_parameter("weight").mul_(0.1)
    layer.get_parameter("bias").zero_()


def normal(outputs: Tensor) -> Normal:
    """Return a Gaussian from a network's 2 · d outputs, means within ±10 and log-deviations within ±5.

    What has no bound is multiplied from step to step along a chain of latents, and soon is no number any more.

    Example:
        >>> normal(torch.tensor([[1e9, 1e9]]))
        Normal(mean=tensor([[10.]]), log_sd=tensor([[5.]]))
    """
    mean, free = full_precision(outputs).chunk(2, -1)
    return Normal(gaussian.bounded(mean), gaussian.bounded(free, NARROW))
