"""The kernel distance between two sets of features (KID where the judge is Inception)."""

import math

import torch
from torch import Tensor

from .check import check_pair

BLOCK = 1024  # rows and columns of a block of the kernel: 8 MB


def kid(
    real: Tensor, fake: Tensor, *, subsets: int = 100, size: int = 1000, generator: torch.Generator
) -> dict[str, float]:
    """Return the mean over random subsets of the unbiased squared maximum mean discrepancy, as papers report it.

        MMD² = E k(x, x') + E k(y, y') − 2 E k(x, y),   x ≠ x', y ≠ y',   k(x, y) = (x·y/d + 1)³

    It sees means, covariances and third moments, and is as right for few samples as for many: the mean is 0 for equal
    laws, and values below 0 are chance. It does not see copying. Features' scale matters: compare under one judge only.

    Args:
        real: features [n, d].
        fake: features [m, d].
        subsets: how many.
        size: of each, at most half of n and of m.
        generator: draws subsets, without replacement within one; on the CPU.

    Returns:
        {"kid", "kid_error"}: the second is a standard error over new samples, √(s²/B + s² a/(1 − a)), with s² the
        variance over B subsets, each of which holds a share a of the samples. Papers give s instead.

    Raises:
        ValueError: fewer than 2 · size samples, fewer than two subsets, other dimensions, or NaN or infinite features.

    Source: Bińkowski et al. 2018 (arXiv:1801.01401), section 3; Gretton et al. 2012, eq. 3.

    Example:
        >>> draw = torch.Generator().manual_seed(0)
        >>> real, fake = torch.randn(2, 400, 8, generator=draw)
        >>> found = kid(real, fake, subsets=20, size=100, generator=draw)
        >>> abs(found["kid"]) < 3 * found["kid_error"]
        True
    """
    if size < 2 or subsets < 2:
        raise ValueError(f"KID needs at least two subsets of at least two samples, not {subsets} of {size}")
    check_pair(real, fake, 2 * size)
    values = torch.empty(subsets, dtype=torch.float64)
    for at in range(subsets):
        some, others = (x[torch.randperm(len(x), generator=generator)[:size].to(x.device)] for x in (real, fake))
        values[at] = _mmd(some, others)[0]
    variance, share = values.var().item(), size / min(len(real), len(fake))
    return {"kid": values.mean().item(), "kid_error": math.sqrt(variance * (1 / subsets + share / (1 - share)))}


def kid_of_all(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Return the unbiased squared maximum mean discrepancy of all samples at once, which varies least; no chance in it.

    Args:
        real: features [n, d], n ≥ 4.
        fake: features [m, d], m ≥ 4.

    Returns:
        {"kid", "kid_error"}: the second is a standard error from how samples differ in what they contribute,
        2 √(Var_x h(x)/n + Var_y h(y)/m); for nearly equal laws it is rather too large than too small.

    Raises:
        ValueError: fewer than four samples, other dimensions, or NaN or infinite features.

    Source: Gretton et al. 2012, eq. 3.

    Example:
        >>> kid_of_all(torch.eye(4), torch.eye(4) + 1)["kid"] > 0
        True
    """
    check_pair(real, fake, 4)
    value, error = _mmd(real, fake)
    return {"kid": value, "kid_error": error}


def _mmd(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Return MMD² and its standard error to first order."""
    n, m = len(real), len(fake)
    xx, yy, (xy, yx) = _within(real), _within(fake), _between(real, fake)
    value = xx.sum() / (n * (n - 1)) + yy.sum() / (m * (m - 1)) - 2 * xy.sum() / (n * m)
    variance = (xx / (n - 1) - xy / m).var() / n + (yy / (m - 1) - yx / n).var() / m
    return value.item(), 2 * variance.sqrt().item()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    one = torch.addmm(x.new_ones(1, 1, dtype=torch.float64), x.double(), y.double().T, alpha=1 / x.shape[1])
    return one * one * one


def _within(x: Tensor) -> Tensor:
    """Return Σ_j k(x_i, x_j) over the others, float64 [n]; half of the blocks are the transpose of the other half."""
    sums = x.new_zeros(len(x), dtype=torch.float64)
    for i in range(0, len(x), BLOCK):
        for j in range(i, len(x), BLOCK):
            block = _kernel(x[i : i + BLOCK], x[j : j + BLOCK])
            if i == j:
                block.fill_diagonal_(0)
            else:
                sums[j : j + BLOCK] += block.sum(0)
            sums[i : i + BLOCK] += block.sum(1)
    return sums


def _between(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return Σ_j k(x_i, y_j), float64 [n], and Σ_i k(x_i, y_j), float64 [m]."""
    rows, columns = (z.new_zeros(len(z), dtype=torch.float64) for z in (x, y))
    for i in range(0, len(x), BLOCK):
        for j in range(0, len(y), BLOCK):
            block = _kernel(x[i : i + BLOCK], y[j : j + BLOCK])
            rows[i : i + BLOCK] += block.sum(1)
            columns[j : j + BLOCK] += block.sum(0)
    return rows, columns
