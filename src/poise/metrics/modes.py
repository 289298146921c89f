"""Which modes of a mixture of Gaussians are found, and how well?"""

import math

import torch
from torch import Tensor

from .check import check_features

DEVIATIONS = 3  # within which a sample is of high quality


def modes(points: Tensor, centers: Tensor, sigma: float) -> dict[str, float]:
    """Count the modes that samples find, the share of samples near one, and how unequal the modes' shares are.

        near ⇔ min_k ‖x − c_k‖ < 3σ;   KL = Σ_k s_k ln(K s_k), s_k the share of near samples whose nearest center is c_k

    A perfect sampler in the plane has a share 1 − e^{−9/2} = 98.9 % near a mode, and a KL of about (K − 1)/2n. One
    sample is enough to find a mode: read the divergence beside the count. It does not see how samples spread within
    3σ, nor copies.

    Args:
        points: samples [n, d], n ≥ 1.
        centers: of the K equally likely modes, [K, d].
        sigma: their deviation in each dimension.

    Returns:
        "modes", how many are found; "high_quality", the share near one; "kl", the divergence of the model's shares from
        equal ones in nats, between 0 and ln K, infinite where no sample is near a mode.

    Raises:
        ValueError: no samples, other dimensions, NaN or infinite.

    Source: Srivastava et al. 2017 (arXiv:1705.07761), section 5.1; Lin et al. 2018 (arXiv:1712.04086), section 4.1.

    Example:
        >>> centers = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
        >>> found = modes(torch.tensor([[0.0, 0.1], [0.1, 0.0], [5.0, 5.0], [0.0, 0.0]]), centers, sigma=0.1)
        >>> found["modes"], found["high_quality"], round(found["kl"], 4)  # one of two: ln 2
        (1.0, 0.75, 0.6931)
    """
    check_features(points, 1, "points")
    check_features(centers, 1, "centers")
    if points.shape[1] != centers.shape[1]:
        raise ValueError(f"points of {points.shape[1]} dimensions have no centers of {centers.shape[1]}")
    distance, which = (points.double()[:, None] - centers.double()).norm(dim=2).min(1)
    near = distance < DEVIATIONS * sigma
    counts = which[near].bincount(minlength=len(centers))
    quality = near.double().mean().item()
    return {"modes": float((counts > 0).sum()), "high_quality": quality, "kl": kl_from_equal(counts)}


def kl_from_equal(counts: Tensor) -> float:
    """Return Σ s_k ln(K s_k) of the shares s = counts/Σ counts, nats; infinite where all counts are 0.

    Shares of a sample of n from equal ones have about (K − 1)/2n, not 0.

    Args:
        counts: how often each of K outcomes came, [K].

    Example:
        >>> kl_from_equal(torch.tensor([5, 5])), round(kl_from_equal(torch.tensor([10, 0])), 4)
        (0.0, 0.6931)
    """
    if not counts.sum():
        return math.inf
    shares = counts.double() / counts.sum()
    return float(torch.special.xlogy(shares, shares * len(shares)).sum())
