"""The Fréchet distance between two sets of features."""

import torch
from torch import Tensor


def frechet(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Return the squared Fréchet distance between Gaussians fitted to real and generated features.

        d² = ‖μ_r − μ_f‖² + tr Σ_r + tr Σ_f − 2 tr (Σ_r Σ_f)^½

    The last trace is the sum of the singular values of X_r X_fᵀ / √((n−1)(m−1)), with X the centered features
    [n, d]: no matrix root is taken, and the cost follows the smaller of samples and dimensions.

    Args:
        real: features [n, d], n ≥ 2.
        fake: features [m, d], m ≥ 2.

    Returns:
        {"frechet": d²}; of two samples from one law about 2d/n + d(d+1)/2n, not 0.

    Raises:
        ValueError: fewer than two samples, or other dimensions.

    Source: Heusel et al. 2017 (arXiv:1706.08500), eq. 6; named after its judge (FID only with Inception's features).

    Example:
        >>> x = torch.eye(4)
        >>> round(frechet(x, x + 3)["frechet"], 9)  # a shift by 3 in four dimensions
        36.0
    """
    if real.dim() != 2 or fake.dim() != 2 or real.shape[1] != fake.shape[1]:
        raise ValueError(f"features must be [n, d] and [m, d], not {list(real.shape)} and {list(fake.shape)}")
    if min(len(real), len(fake)) < 2:
        raise ValueError("a covariance needs at least two samples")
    real, fake = real.double(), fake.double()
    shift = (real.mean(0) - fake.mean(0)).square().sum()
    a, b = (_scaled(features) for features in (real, fake))
    cross = torch.linalg.svdvals(_square(a) @ _square(b).T).sum()
    return {"frechet": (shift + a.square().sum() + b.square().sum() - 2 * cross).item()}


def _scaled(features: Tensor) -> Tensor:
    """Center features and scale them so that XᵀX is their covariance."""
    centered: Tensor = (features - features.mean(0)) / (len(features) - 1) ** 0.5
    return centered


def _square(x: Tensor) -> Tensor:
    """Return a matrix of at most d rows with the same XᵀX (the triangle of x = QR), or x if it has no more."""
    return torch.linalg.qr(x, mode="r").R if x.shape[0] > x.shape[1] else x
