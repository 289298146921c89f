"""The likelihood of data under a latent-variable model, by importance sampling from its posterior."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..gaussian import log_density, reparameterize


@torch.no_grad()
def negative_log_likelihood(
    x: Tensor,
    posterior: Callable[[Tensor], tuple[Tensor, Tensor]],
    log_joint: Callable[[Tensor, Tensor], Tensor],
    draws: int,
    generator: torch.Generator,
    rows: int = 4096,
) -> Tensor:
    """Estimate −log p(x) of each sample, −log (1/k) Σ_i p(x, z_i)/q(z_i|x) with z_i ~ q(z|x).

    In expectation it is an upper bound that falls to the truth with k, too high by about Var(w)/2k, w the weights
    divided by their mean. Weights are summed in float64. Which draws are made depends on `rows` too.

    Args:
        x: shape [n, ...].
        posterior: from x [m, ...] to mean and log_sd of a diagonal Gaussian, [m, d].
        log_joint: from x [m, ...] and z [m, d] to log p(x|z) + log p(z), nats, [m].
        draws: k.
        generator: draws z.
        rows: how many pairs of x and z the model sees at once; what bounds the memory.

    Returns:
        Nats, shape [n], float64, on the scale of p(x|z).

    Source: Burda et al. 2016 (arXiv:1509.00519), section 5.

    Example:
        >>> normal = torch.distributions.Normal(0.0, 1.0)  # x|z ~ N(z, 1): z|x ~ N(x/2, ½), x ~ N(0, 2)
        >>> nll = negative_log_likelihood(
        ...     torch.zeros(1, 1),
        ...     posterior=lambda x: (x / 2, torch.full_like(x, -math.log(2) / 2)),
        ...     log_joint=lambda x, z: (normal.log_prob(x - z) + normal.log_prob(z)).sum(1),
        ...     draws=10,
        ...     generator=torch.Generator().manual_seed(0),
        ... )
        >>> round(nll.item(), 4), round(math.log(4 * math.pi) / 2, 4)
        (1.2655, 1.2655)
    """
    points, at_once = max(1, rows // draws), min(rows, draws)
    estimates = []
    for some in x.split(points):
        mean, log_sd = posterior(some)
        total = torch.full((len(some),), -math.inf, dtype=torch.float64, device=x.device)
        for start in range(0, draws, at_once):
            k = min(at_once, draws - start)
            log_w = _log_weights(some, mean, log_sd, log_joint, k, generator)
            total = torch.logaddexp(total, log_w.logsumexp(0))
        estimates.append(math.log(draws) - total)
    return torch.cat(estimates)


def _log_weights(
    x: Tensor,
    mean: Tensor,
    log_sd: Tensor,
    log_joint: Callable[[Tensor, Tensor], Tensor],
    draws: int,
    generator: torch.Generator,
) -> Tensor:
    """Return log p(x, z) − log q(z|x) at fresh draws of z, shape [draws, n], float64."""
    eps = torch.randn(draws, *mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    z = reparameterize(mean, log_sd, eps)
    log_q = log_density(z.double(), mean.double(), log_sd.double()).sum(-1)
    repeated = x.expand(draws, *x.shape).flatten(0, 1)
    return log_joint(repeated, z.flatten(0, 1)).double().view(draws, len(x)) - log_q


def with_standard_error(values: Tensor) -> tuple[float, float]:
    """Return the mean over samples and its standard error, sd/√n.

    Args:
        values: shape [n], n ≥ 2.

    Raises:
        ValueError: fewer than two samples.

    Example:
        >>> with_standard_error(torch.tensor([1.0, 3.0]))
        (2.0, 1.0)
    """
    if len(values) < 2:
        raise ValueError("a standard error needs at least two samples")
    values = values.double()
    return values.mean().item(), (values.std() / math.sqrt(len(values))).item()


def per_step(values: Tensor, steps: Tensor) -> tuple[float, float]:
    """Return Σ values/Σ steps over sequences and its standard error, √(n/(n−1) Σ (v_i − r s_i)²)/Σ s.

    Args:
        values: of each sequence, shape [n], n ≥ 2.
        steps: of each sequence, shape [n].

    Raises:
        ValueError: fewer than two sequences.

    Source: the ratio estimator, Cochran 1977, eq. 6.5.

    Example:
        >>> per_step(torch.tensor([2.0, 6.0]), torch.tensor([1, 3]))  # two a step, whatever the length
        (2.0, 0.0)
    """
    if len(values) < 2:
        raise ValueError("a standard error needs at least two sequences")
    values, steps = values.double(), steps.double()
    ratio = values.sum() / steps.sum()
    gaps = (values - ratio * steps).square().sum() * len(values) / (len(values) - 1)
    return ratio.item(), (gaps.sqrt() / steps.sum()).item()
