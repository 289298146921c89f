"""How far a sample of forecasts is from what came: the continuous ranked probability score."""

import torch
from torch import Tensor


def crps(samples: Tensor, y: Tensor) -> Tensor:
    """Estimate E|X − y| − ½ E|X − X′| without bias from draws of X; lower is better, and a sure forecast's is |X − y|.

        1/S Σ_i |x_i − y| − 1/(S(S−1)) Σ_i (2i − S − 1) x_(i),   x_(1) ≤ ... ≤ x_(S)

    It is proper: on average no forecast scores better than the law that y is drawn from. Sorting makes the sum over
    pairs O(S log S).

    Args:
        samples: draws of X, shape [S, ...], S ≥ 2.
        y: what came, shape [...]; NaN where nothing was observed.

    Returns:
        In units of y, float64 [...]; NaN where y is. Being unbiased, it may be negative.

    Raises:
        ValueError: fewer than two samples.

    Source: Gneiting & Raftery 2007, eq. 21; the fair estimator: Ferro 2014.

    Example:
        >>> crps(torch.tensor([0.0, 2.0]), torch.tensor(3.0))  # (3 + 1)/2 − ½ · 2
        tensor(1., dtype=torch.float64)
    """
    count = len(samples)
    if count < 2:
        raise ValueError("the score needs at least two samples")
    gaps = (samples.double() - y.double()).sort(0).values
    ranks = 2 * torch.arange(1, count + 1, dtype=torch.float64, device=gaps.device) - count - 1
    spread = torch.tensordot(ranks, gaps, dims=1) / (count * (count - 1))
    score: Tensor = gaps.abs().mean(0) - spread
    return score
