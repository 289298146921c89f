"""The maximum mean discrepancy of two sets of features, and whether chance explains it."""

import torch
from torch import Tensor

from .check import check_pair
from .inputs import standardized

LEAST = 4  # samples of each kind


def mmd(real: Tensor, fake: Tensor, *, permutations: int = 500, generator: torch.Generator) -> dict[str, float]:
    """Return the squared maximum mean discrepancy of a Gaussian kernel, unbiased, and its p-value by permutation.

        MMD² = Σ_{i≠j} k(x_i, x_j) / n(n−1) + Σ_{i≠j} k(y_i, y_j) / m(m−1) − 2 Σ_ij k(x_i, y_j) / nm
        k(a, b) = exp(−‖a − b‖² / 2h),   h the median of all ‖a − b‖² of two samples

    Features are standardized with all samples together, so that who is real changes neither them nor h, and labels can
    be dealt anew: p = (1 + how many of the dealt are as large) / (1 + all dealt).

    It sees every difference of laws of the features, given enough samples: of series, with features of random
    convolutions, order in time, levels, spread, noise, and samples that repeat a few. It does not see that samples copy
    data. p is too small where samples are not independent, as overlapping pieces of one series are not.

    Args:
        real: features [n, d], n ≥ 4.
        fake: features [m, d], m ≥ 4.
        permutations: how often labels are dealt anew.
        generator: of the deals, on the CPU.

    Returns:
        {"mmd": MMD², 0 on average for equal laws and then also negative; "mmd_chance": what one deal in twenty exceeds;
        "mmd_p": p}.

    Raises:
        ValueError: too few samples, other dimensions, or NaN or infinite features.

    Source: Gretton et al. 2012, "A kernel two-sample test", eq. 3.

    Example:
        >>> draw = torch.Generator().manual_seed(0)
        >>> x, y = torch.randn(2, 25, 3, generator=draw)
        >>> mmd(x, y, generator=draw)["mmd_p"] > 0.05, round(mmd(x, y + 2, generator=draw)["mmd_p"], 3)
        (True, 0.002)
    """
    check_pair(real, fake, LEAST)
    every = torch.cat([real, fake])
    every = standardized(every, like=every)
    k = _kernel(every)
    deals = torch.stack([torch.randperm(len(every), generator=generator) for _ in range(permutations)])
    labels = torch.cat([torch.arange(len(every)).unsqueeze(0), deals]) < len(real)
    observed, *dealt = _discrepancies(k, labels.T.to(k)).tolist()
    as_large = sum(value >= observed for value in dealt)
    chance = torch.tensor(dealt, dtype=torch.float64).quantile(0.95).item()
    return {"mmd": observed, "mmd_chance": chance, "mmd_p": (1 + as_large) / (1 + permutations)}


def _kernel(x: Tensor) -> Tensor:
    """Return k of all pairs, and 0 of each sample with itself, [n, n]."""
    power = x.square().sum(1)
    squares = (power.unsqueeze(1) + power - 2 * x @ x.T).clamp(min=0)
    apart = ~torch.eye(len(x), dtype=torch.bool, device=x.device)
    width = squares[apart].median().clamp(min=torch.finfo(x.dtype).tiny)
    return torch.exp(-squares / (2 * width)) * apart


def _discrepancies(k: Tensor, labels: Tensor) -> Tensor:
    """Return MMD² of each column of labels [n + m, ways], 1 for one kind and 0 for the other."""
    others = 1 - labels
    sums = k @ labels
    both = k.sum(0) @ others
    n, m = labels.sum(0), others.sum(0)
    across = (sums * others).sum(0)
    return (sums * labels).sum(0) / (n * (n - 1)) + (both - across) / (m * (m - 1)) - 2 * across / (n * m)
