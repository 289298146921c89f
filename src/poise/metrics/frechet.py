"""The Fréchet distance between two sets of features, at their sizes and as if they were infinite."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .check import check_features, check_pair
from .nuclear import nuclear_norm

PARTS, QUANTILE = 8, 2.365  # of samples, for the interval; Student's t with seven degrees of freedom at .975
EXACT = 1e-9  # what the fast trace may err by, as a share of the traces of both covariances
RIDGE = 1e-10  # share of the mean variance that is added to variances, so that a covariance has a Cholesky factor


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of features; the covariance by a factor, because its square root is what is needed.

    Attributes:
        mean: float64 [d].
        factor: F with FᵀF = Σ, float64 [min(n, d), d].
        count: n.
    """

    mean: Tensor
    factor: Tensor
    count: int

    @property
    def covariance(self) -> Tensor:
        """Σ [d, d], divided by n − 1."""
        return self.factor.T @ self.factor


def moments(features: Tensor) -> Moments:
    """Return mean and covariance of features, in float64; keep those of real data to compare many models with them.

    The factor is the centered features over √(n−1), or, of more samples than dimensions, the triangle R of their QR,
    taken block by block: nothing of the size of the features is copied, and no precision is lost to a square.

    Args:
        features: [n, d], n ≥ 2; constant ones and n ≤ d are allowed.

    Raises:
        ValueError: fewer than two samples, or NaN or infinite features.

    Example:
        >>> moments(torch.tensor([[0.0, 1.0], [2.0, 1.0]])).covariance
        tensor([[2., 0.],
                [0., 0.]], dtype=torch.float64)
    """
    check_features(features, 2)
    n, d = features.shape
    blocks = features.split(max(4 * d, 4096))
    mean = torch.stack([block.double().sum(0) for block in blocks]).sum(0) / n
    factor = mean.new_empty(0, d)
    for block in blocks:
        factor = torch.cat([factor, (block.double() - mean) / (n - 1) ** 0.5])
        if len(factor) > d:
            factor = torch.linalg.qr(factor, mode="r").R
    return Moments(mean, factor, n)


def distance(a: Moments, b: Moments, tolerance: float = EXACT) -> float:
    """Return ‖μ_a − μ_b‖² + tr Σ_a + tr Σ_b − 2 tr (Σ_a Σ_b)^½, right to a share `tolerance` of the traces.

    Raises:
        ValueError: other dimensions.

    Example:
        >>> a, b = moments(torch.eye(3)), moments(2 * torch.eye(3))
        >>> round(distance(a, b), 9)  # covariances 1 : 4
        1.333333333
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"features must have as many dimensions, not {len(a.mean)} and {len(b.mean)}")
    shift = (a.mean - b.mean).square().sum()
    spread = a.factor.square().sum() + b.factor.square().sum()
    return max(0.0, (shift + spread).item() - 2 * nuclear_norm(a.factor @ b.factor.T, tolerance * spread.item() / 2))


def frechet(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Return the squared Fréchet distance between Gaussians fitted to real and generated features.

        d² = ‖μ_r − μ_f‖² + tr Σ_r + tr Σ_f − 2 tr (Σ_r Σ_f)^½

    It sees means and covariances of features, so both bad and missing samples; it does not see more than two moments,
    nor which of the two it was, nor copies of the data. It falls with the number of samples: compare at equal n and m.

    Args:
        real: features [n, d], n ≥ 2.
        fake: features [m, d], m ≥ 2.

    Returns:
        {"frechet": d²}; of two samples of n from N(0, I) about 2d/n + d(d+1)/2n, not 0.

    Raises:
        ValueError: fewer than two samples, other dimensions, or NaN or infinite features.

    Source: Heusel et al. 2017 (arXiv:1706.08500), eq. 6; named after its judge (FID only with Inception's features).

    Example:
        >>> x = torch.eye(4)
        >>> round(frechet(x, x + 3)["frechet"], 9)  # a shift by 3 in four dimensions
        36.0
    """
    check_pair(real, fake, 2)
    return {"frechet": distance(moments(real), moments(fake))}


def frechet_leaving_out(real: Tensor, fake: Tensor, blocks: int) -> list[dict[str, float]]:
    """Return the squared Fréchet distance without each block of samples, by products of features within blocks.

    A few times quicker than `frechet` of the samples that are left, because the products of one block serve all, and
    right to about 1e-5 of the traces: enough to tell how far the distance would move with other samples.

    Args:
        real: features [n, d], of which more than one must be left.
        fake: features [m, d], likewise.
        blocks: how many; sample i of either set is in block i mod `blocks`.

    Raises:
        ValueError: too few samples, other dimensions, or NaN or infinite features.

    Example:
        >>> x = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> without = frechet_leaving_out(x, x + 1, 4)  # a shift by 1 in three dimensions
        >>> [round(scores["frechet"], 4) for scores in without]
        [3.0, 3.0, 3.0, 3.0]
    """
    check_pair(real[::blocks], fake[::blocks], 2)
    check_pair(real, fake, 2)
    pairs = zip(_moments_leaving_out(real, blocks), _moments_leaving_out(fake, blocks), strict=True)
    return [{"frechet": distance(a, b, tolerance=1e-5)} for a, b in pairs]


def _moments_leaving_out(features: Tensor, blocks: int) -> Iterator[Moments]:
    """Yield moments without each block; the factor by Cholesky, from the scatter around the middle of all."""
    n, d = features.shape
    middle = features.double().mean(0)
    parts = [features[block::blocks].double() - middle for block in range(blocks)]
    sums, scatters = [part.sum(0) for part in parts], [part.T @ part for part in parts]
    total, scatter = torch.stack(sums).sum(0), torch.stack(scatters).sum(0)
    for block in range(blocks):
        count = n - len(parts[block])
        shift = (total - sums[block]) / count
        covariance = (scatter - scatters[block] - count * torch.outer(shift, shift)) / (count - 1)
        ridge = RIDGE * covariance.diagonal().mean().clamp(min=torch.finfo(torch.float64).tiny)
        factor = torch.linalg.cholesky(covariance + ridge * torch.eye(d, dtype=torch.float64, device=features.device))
        yield Moments(middle + shift, factor.T, count)


def frechet_infinity(
    real: Tensor, fake: Tensor, *, generator: torch.Generator, whole: float | None = None
) -> dict[str, float]:
    """Estimate the squared Fréchet distance of infinitely many real and generated samples.

    To first order the distance of samples is too high by c/n, so by twice as much in halves of both sets:

        d²_∞ ≈ 2 d²(all) − ½ [d²(first halves) + d²(second halves)]

    It sees what the Fréchet distance sees, and may be below 0 for equal laws. What is left of the bias is of order
    1/n²: with fewer samples than dimensions that may be much unless most features go together.

    Args:
        real: features [n, d], n ≥ 16.
        fake: features [m, d], m ≥ 16; n and m may differ.
        generator: shuffles the samples; on the CPU.
        whole: `frechet(real, fake)["frechet"]`, if known already.

    Returns:
        {"frechet_infinity", "low", "high"}: the interval holds the truth 95 times in 100 or more often. It comes from
        how much the distances of eight eighths of both sets differ, mean ± 2.365 sd/√8.

    Raises:
        ValueError: fewer than sixteen samples, other dimensions, or NaN or infinite features.

    Source: after Chong & Forsyth 2020 (arXiv:1911.07023), who fit a line in 1/m to subsets of the generated samples.

    Example:
        >>> draw = torch.Generator().manual_seed(0)
        >>> real, fake = torch.randn(2, 500, 4, generator=draw) + torch.tensor([0.0, 1.0]).view(2, 1, 1)
        >>> found = frechet_infinity(real, fake, generator=draw)
        >>> found["low"] < 4 < found["high"]  # ‖Δμ‖²
        True
    """
    check_pair(real, fake, 2 * PARTS)
    real, fake = (x[torch.randperm(len(x), generator=generator).to(x.device)] for x in (real, fake))
    whole = _distances(real, fake, 1)[0] if whole is None else whole
    halves, eighths = (_distances(real, fake, parts) for parts in (2, PARTS))
    estimate = 2 * whole - statistics.mean(halves)
    error = QUANTILE * statistics.stdev(eighths) / PARTS**0.5
    return {"frechet_infinity": estimate, "low": estimate - error, "high": estimate + error}


def _distances(real: Tensor, fake: Tensor, parts: int) -> list[float]:
    pairs = zip(real.tensor_split(parts), fake.tensor_split(parts), strict=True)
    return [distance(moments(a), moments(b)) for a, b in pairs]
