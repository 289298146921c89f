"""Gaussians with a diagonal covariance: densities, divergences, draws. All logarithms are natural (nats).

A Gaussian is given by its mean and the logarithm of its standard deviation, `log_sd`, of the same shape. Nothing is
summed over dimensions but in the mixture: sum the last one for a vector.
"""

import math

import torch
from torch import Tensor

LIMIT = 10.0  # scales between e⁻¹⁰ and e¹⁰: their squares are far from the ends of float32


def bounded(free: Tensor, limit: float = LIMIT) -> Tensor:
    """Return a log-scale within ±limit from a network's output: limit · tanh(free/limit).

    Near 0 it is the identity. It is smooth and monotone, so any output gives a finite scale and a finite gradient.

    Args:
        free: any shape, any finite values.
        limit: the bound, in nats.

    Returns:
        free's shape.

    Example:
        >>> bounded(torch.tensor([0.0, 0.1, 1e30]))
        tensor([ 0.0000,  0.1000, 10.0000])
    """
    return limit * torch.tanh(free / limit)


def reparameterize(mean: Tensor, log_sd: Tensor, eps: Tensor) -> Tensor:
    """Return a draw that can be differentiated in the Gaussian's parameters: z = μ + σε.

    Args:
        mean: μ, shape [..., d].
        log_sd: ln σ, shape [..., d].
        eps: ε ~ N(0, I), shape [..., d], or [k, ..., d] for k draws.

    Returns:
        z, of eps's shape.

    Source: Kingma & Welling 2014 (arXiv:1312.6114), section 2.4.

    Example:
        >>> reparameterize(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([[0.5], [-0.5]])).flatten()
        tensor([1.5000, 0.5000])
    """
    return mean + log_sd.exp() * eps


def log_density(z: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
    """Return ln N(z; μ, σ²) of each dimension: −½((z − μ)/σ)² − ln σ − ½ ln 2π.

    Args:
        z: shape [..., d].
        mean: μ, broadcastable to z.
        log_sd: ln σ, broadcastable to z.

    Returns:
        Nats per unit of z, shape [..., d].

    Example:
        >>> log_density(torch.zeros(1), torch.zeros(1), torch.zeros(1))
        tensor([-0.9189])
    """
    return -((z - mean) * torch.exp(-log_sd)).square() / 2 - log_sd - math.log(2 * math.pi) / 2


def mixture_log_density(z: Tensor, log_weights: Tensor, means: Tensor, log_sds: Tensor) -> Tensor:
    """Return the log-density of a mixture, ln Σ_c π_c N(z; m_c, s_c²), with as few passes over [..., K, d] as it takes.

    Args:
        z: shape [..., d].
        log_weights: ln π, shape [K], or [..., K] where each z has its own.
        means: m, shape [K, d].
        log_sds: ln s, shape [K, d].

    Returns:
        Nats per unit volume of z, shape [...]: summed over dimensions, as they depend on one another.

    Example:
        >>> mixture_log_density(torch.zeros(2), torch.zeros(1), torch.zeros(1, 2), torch.zeros(1, 2))  # −ln 2π
        tensor(-1.8379)
    """
    gap = (z.unsqueeze(-2) - means) * torch.exp(-log_sds)
    peak = log_weights - log_sds.sum(-1) - means.shape[1] * math.log(2 * math.pi) / 2
    log_terms: Tensor = peak - torch.linalg.vecdot(gap, gap) / 2
    return log_terms.logsumexp(-1)


def kl_to_standard(mean: Tensor, log_sd: Tensor) -> Tensor:
    """Return KL(N(μ, σ²) ‖ N(0, 1)) of each dimension: ½(μ² + σ² − 1) − ln σ.

    Args:
        mean: μ, shape [..., d].
        log_sd: ln σ, shape [..., d].

    Returns:
        Nats, shape [..., d]; exactly 0 at μ = 0, σ = 1.

    Source: Kingma & Welling 2014 (arXiv:1312.6114), appendix B.

    Example:
        >>> kl_to_standard(torch.tensor([0.0, 2.0]), torch.zeros(2))
        tensor([0., 2.])
    """
    twice = 2 * log_sd
    return (torch.addcmul(torch.expm1(twice), mean, mean) - twice) / 2


def kl(mean: Tensor, log_sd: Tensor, other_mean: Tensor, other_log_sd: Tensor) -> Tensor:
    """Return KL(N(μ, σ²) ‖ N(m, s²)) of each dimension: ½((μ − m)²/s² + σ²/s² − 1) − ln(σ/s).

    Args:
        mean: μ, shape [..., d].
        log_sd: ln σ, shape [..., d].
        other_mean: m, shape [..., d].
        other_log_sd: ln s, shape [..., d].

    Returns:
        Nats, shape [..., d]; exactly 0 between equal Gaussians.

    Example:
        >>> kl(torch.tensor([3.0]), torch.zeros(1), torch.tensor([1.0]), torch.zeros(1))
        tensor([2.])
    """
    return kl_to_standard((mean - other_mean) * torch.exp(-other_log_sd), log_sd - other_log_sd)
