"""Bounds on log p(x) and what a VAE makes of them. Everything is in nats.

With n samples, k draws of z for each and d latent dimensions, a bound is made of

    log-likelihood  log p(x|z)   [k, n] or [n]        log-weight  log w = log p(x, z) − log q(z|x)   [k, n]
    divergence      KL(q ‖ p)    [n, d]

and is maximized. The estimators are made of the same parts:

    ELBO, β-VAE    elbo(log_likelihood, kl, β)                  where the KL has a closed form
                   log_weights(...).mean(0)                     where it has none
    STL            log_weights(...).mean(0)                     with log_posterior(..., path_only=True)
    IWAE           iwae(log_weights(...))
    DReG           dreg(log_weights(...), z)                    with log_posterior(..., path_only=True)
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..gaussian import log_density

GECO_LIMIT = 14.0  # nats: the multiplier stays between e⁻¹⁴ and e¹⁴, about a millionth and a million


def elbo(log_likelihood: Tensor, kl: Tensor, weight: float = 1.0) -> Tensor:
    """Return the evidence lower bound of each sample, log p(x|z) − β Σ_j KL_j.

    Args:
        log_likelihood: log p(x|z) at one draw of z, shape [n].
        kl: KL(q(z|x) ‖ p(z)) of each dimension, shape [n, d].
        weight: β; other than 1 it is a β-VAE's objective and no bound.

    Returns:
        Shape [n]; its expectation over z is at most log p(x) for β = 1.

    Source: Kingma & Welling 2014 (arXiv:1312.6114), eq. 3; β: Higgins et al. 2017 (ICLR), eq. 4.

    Example:
        >>> elbo(torch.tensor([-5.0]), torch.tensor([[0.5, 1.5]]), weight=4.0)
        tensor([-13.])
    """
    return log_likelihood - weight * kl.sum(-1)


def free_bits(kl: Tensor, floor: float) -> Tensor:
    """Return Σ_j max(λ, E KL_j): no dimension gains by a mean divergence below λ.

    Args:
        kl: the divergence of each dimension, shape [n, d]; the mean is over the batch.
        floor: λ, nats for each dimension.

    Returns:
        A scalar, to be put in the place of E Σ_j KL_j.

    Source: Kingma et al. 2016 (arXiv:1606.04934), appendix C.8.

    Example:
        >>> free_bits(torch.tensor([[0.0, 3.0], [0.2, 5.0]]), floor=0.5)
        tensor(4.5000)
    """
    return kl.mean(0).clamp(min=floor).sum()


def log_posterior(z: Tensor, mean: Tensor, log_sd: Tensor, path_only: bool = False) -> Tensor:
    """Return log q(z|x) of a diagonal Gaussian posterior.

    Args:
        z: draws, shape [k, n, d] or [n, d], reparameterized from mean and log_sd.
        mean: shape [n, d].
        log_sd: shape [n, d].
        path_only: let gradients reach the posterior's parameters through z only. What is left out, the score
            function, has expectation 0 (for one draw), and without it the gradient has no noise at the exact posterior.

    Returns:
        Shape [k, n] or [n].

    Source: path_only: Roeder et al. 2017, "sticking the landing" (arXiv:1703.09194).

    Example:
        >>> log_posterior(torch.zeros(3, 2, 4), torch.zeros(2, 4), torch.zeros(2, 4)).shape
        torch.Size([3, 2])
    """
    if path_only:
        mean, log_sd = mean.detach(), log_sd.detach()
    return log_density(z, mean, log_sd).sum(-1)


def log_weights(log_likelihood: Tensor, log_prior: Tensor, log_posterior: Tensor, weight: float = 1.0) -> Tensor:
    """Return log w = log p(x|z) + β(log p(z) − log q(z|x)), whose mean over draws is the ELBO's estimate.

    Args:
        log_likelihood: shape [k, n].
        log_prior: shape [k, n].
        log_posterior: shape [k, n].
        weight: β; 1 for a bound.

    Returns:
        Shape [k, n].

    Example:
        >>> log_weights(torch.tensor([[-5.0]]), torch.tensor([[-3.0]]), torch.tensor([[-1.0]]))
        tensor([[-7.]])
    """
    return log_likelihood + weight * (log_prior - log_posterior)


def iwae(log_weights: Tensor) -> Tensor:
    """Return the importance-weighted bound of each sample, log (1/k) Σ_i w_i.

    Args:
        log_weights: shape [k, n].

    Returns:
        Shape [n]; its expectation rises with k, from the ELBO to log p(x).

    Source: Burda et al. 2016 (arXiv:1509.00519), eq. 8.

    Example:
        >>> iwae(torch.tensor([[0.0], [math.log(3.0)]])).exp()
        tensor([2.])
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def dreg(log_weights: Tensor, z: Tensor) -> Tensor:
    """Return the importance-weighted bound with the doubly reparameterized gradient for the posterior.

    With the normalized weights w̃ held fixed, the decoder and the prior receive Σ_i w̃_i ∇ log w_i, as in `iwae`, and
    the posterior Σ_i w̃_i² (∂ log w_i/∂z_i) ∇z_i: one more factor w̃ on the gradient that passes through z.

    Args:
        log_weights: shape [k, n], made with `log_posterior(z, ..., path_only=True)`.
        z: the very draws [k, n, d] that log_weights were computed from, and not yet differentiated.

    Returns:
        Shape [n], of the same value as `iwae`.

    Source: Tucker et al. 2019 (arXiv:1810.04152), the IWAE estimator.

    Example:
        >>> mean = torch.zeros(1, 1, requires_grad=True)
        >>> z = mean + torch.tensor([[[1.0]], [[-1.0]]])
        >>> dreg(-z.squeeze(-1), z).backward()
        >>> w = torch.tensor([-1.0, 1.0]).softmax(0)
        >>> bool(torch.isclose(mean.grad, -w.square().sum()))
        True
    """
    if z.requires_grad:
        share = log_weights.detach().softmax(0).unsqueeze(-1)
        z.register_hook(lambda gradient: share * gradient)
    return iwae(log_weights)


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@dataclass(frozen=True)
class Geco:
    """What constrained optimization remembers: three numbers, kept as scalars in float64.

    Attributes:
        log_multiplier: ln λ.
        average: the moving average of the constraint C.
        steps: how many updates there were; the first sets the average.

    Example:
        >>> from dataclasses import asdict
        >>> state = Geco().updated(torch.tensor([0.5, 1.5]), rate=0.1)
        >>> round(state.multiplier.item(), 4)  # e^(.1 · 1)
        1.1052
        >>> Geco(**asdict(state)) == state
        True
    """

    log_multiplier: Tensor = field(default_factory=lambda: _scalar(0.0))
    average: Tensor = field(default_factory=lambda: _scalar(0.0))
    steps: Tensor = field(default_factory=lambda: _scalar(0.0))

    @property
    def multiplier(self) -> Tensor:
        """λ, a scalar."""
        return self.log_multiplier.exp()

    def loss(self, kl: Tensor, constraint: Tensor) -> Tensor:
        """Return the Lagrangian to minimize, E[Σ_j KL_j + λ C].

        Args:
            kl: shape [n, d], nats.
            constraint: C = reconstruction error − tolerance, shape [n]; wanted at or below 0 in the mean.

        Returns:
            A scalar of kl's precision; λ is a constant in it.

        Example:
            >>> Geco().loss(torch.tensor([[1.0, 2.0]]), torch.tensor([0.5]))
            tensor(3.5000)
        """
        return kl.sum(-1).mean() + self.multiplier.to(kl.dtype) * constraint.mean()

    def updated(self, constraint: Tensor, rate: float, decay: float = 0.99) -> "Geco":
        """Return the next state: λ ← λ · exp(κ · EMA(C)).

        Args:
            constraint: C of this batch, shape [n], of order 1: an error per data value, not a sum over an image.
            rate: κ.
            decay: of the moving average, which begins at the first C.

        Returns:
            A new state; λ stays between e⁻¹⁴ and e¹⁴ and takes no part in gradients.

        Source: Rezende & Viola 2018 (arXiv:1810.00597), algorithm 1.

        Example:
            >>> Geco().updated(torch.tensor([-2.0]), rate=1.0).log_multiplier.item()
            -2.0
        """
        now = constraint.detach().mean().to(self.average)
        average = torch.where(self.steps == 0, now, decay * self.average + (1 - decay) * now)
        log_multiplier = (self.log_multiplier + rate * average).clamp(-GECO_LIMIT, GECO_LIMIT)
        return Geco(log_multiplier, average, self.steps + 1)


def warm_up(progress: float, share: float) -> float:
    """Return a KL weight that rises from 0 to 1 along a line: min(1, p/share).

    Args:
        progress: p, from 0 to 1.
        share: the part of the training in which it rises; 0 for none.

    Example:
        >>> [warm_up(progress, share=0.5) for progress in (0.0, 0.25, 0.75)]
        [0.0, 0.5, 1.0]
    """
    return 1.0 if progress >= share else progress / share


def cyclical(progress: float, cycles: int = 4, rising: float = 0.5) -> float:
    """Return a KL weight that rises from 0 to 1 anew in each cycle: min(1, τ/rising), τ = the cycle's progress.

    Args:
        progress: from 0 to 1; the last cycle ends at 1.
        cycles: how many.
        rising: the part of a cycle in which it rises; then it stays at 1.

    Source: Fu et al. 2019 (arXiv:1903.10145), section 4.

    Example:
        >>> [cyclical(progress) for progress in (0.0, 0.0625, 0.125, 0.2, 0.25, 1.0)]
        [0.0, 0.5, 1.0, 1.0, 0.0, 1.0]
    """
    return 1.0 if progress >= 1 else warm_up(progress * cycles % 1, rising)
