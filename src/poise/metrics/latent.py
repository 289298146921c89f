"""What the latents of a VAE carry: three numbers that mean something only together.

All are functions of the posteriors N(mean, sd²) of a whole data set, one row a sample, and are computed in float64.
"""

import math

import torch
from torch import Tensor

from ..gaussian import kl_to_standard, log_density, mixture_log_density, reparameterize

ROOM = 2**20  # numbers in a block: 8 MB; larger ones were slower


def kl_per_dimension(mean: Tensor, log_sd: Tensor) -> Tensor:
    """Return E_x KL(q(z_j|x) ‖ N(0, 1)) of each latent dimension; 0 is a dimension that says nothing.

    Args:
        mean: shape [n, d].
        log_sd: shape [n, d].

    Returns:
        Nats, shape [d], float64.

    Example:
        >>> kl_per_dimension(torch.tensor([[0.0, 1.0], [0.0, -1.0]]), torch.zeros(2, 2))
        tensor([0.0000, 0.5000], dtype=torch.float64)
    """
    return kl_to_standard(mean.double(), log_sd.double()).mean(0)


def active_units(mean: Tensor, threshold: float = 0.01) -> int:
    """Return how many latents change with the data: #{j : Var_x E_q[z_j] > threshold}.

    Args:
        mean: shape [n, d], n ≥ 2.
        threshold: of the variance.

    Raises:
        ValueError: fewer than two samples.

    Source: Burda et al. 2016 (arXiv:1509.00519), section 5.

    Example:
        >>> active_units(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
        1
    """
    if len(mean) < 2:
        raise ValueError("active units need at least two samples")
    return int((mean.double().var(0) > threshold).sum())


def mutual_information(mean: Tensor, log_sd: Tensor, generator: torch.Generator) -> float:
    """Estimate I_q(x; z), what a latent tells of which sample it came from, with one draw z_i ~ q(z|x_i) a sample.

        I ≈ (1/n) Σ_i [ log q(z_i|x_i) − log q(z_i) ],   q(z) = (1/n) Σ_m q(z|x_m)

    It is unbiased for the n samples taken as all there are, and 0 to rounding when their posteriors are equal. As an
    estimate for the law behind them it is too low: it cannot exceed ln n, and is near it wherever the true value is not
    well below. Compare it at equal n only.

    Args:
        mean: shape [n, d].
        log_sd: shape [n, d].
        generator: draws z.

    Returns:
        Nats, at most ln n.

    Source: He et al. 2019 (arXiv:1901.05534), after Hoffman & Johnson 2016 ("ELBO surgery").

    Example:
        >>> apart = 100.0 * torch.arange(4).unsqueeze(1)  # each z names its sample
        >>> round(mutual_information(apart, torch.zeros(4, 1), torch.Generator().manual_seed(0)), 4)  # ln 4
        1.3863
    """
    mean, log_sd = mean.double(), log_sd.double()
    eps = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=torch.float64)
    z = reparameterize(mean, log_sd, eps)
    rows = max(1, ROOM // mean.numel())
    equal = mean.new_full((len(mean),), -math.log(len(mean)))
    marginal = torch.cat([mixture_log_density(block, equal, mean, log_sd) for block in z.split(rows)])
    return (log_density(z, mean, log_sd).sum(-1) - marginal).mean().item()
