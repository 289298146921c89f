"""How many different samples can a generator make? The birthday paradox tells from the pairs that coincide."""

import math

import torch
from torch import Tensor

from .check import check_features, check_pair
from .distance_bounds import Frame, differences, full_precision
from .neighbors import radii


def birthday(
    real: Tensor, fake: Tensor, quantile: float = 0.01, *, real_nearest: Tensor | None = None
) -> dict[str, float]:
    """Estimate the size of the support of generated samples, S, from D, how many pairs of them are near-duplicates.

        E D = n(n − 1)/2S  ⇒  S ≈ n(n − 1)/2D

    It holds where S outcomes are equally likely; otherwise it estimates 1/Σ p², as if the outcomes were so many. Then
    half of all batches of 1.177 √S samples hold a duplicate, which is the form in which the test was published, with a
    person to tell what a duplicate is. Here a pair is one when it is not farther apart than a share `quantile` of the
    real samples are from their nearest other one. So m real samples have a support of about m/quantile themselves, and
    a generator is short of diversity when its own is well below that.

    It sees a generator that repeats itself. It does not see whether samples look right nor whether they copy training
    data. Over pixels, noise on repeated samples hides them, and blur, which brings samples nearer to each other, reads
    as repetition.

    Args:
        real: features [m, d], m ≥ 2 and at least 1/quantile.
        fake: features [n, d], n ≥ 2.
        quantile: of the real samples' distances to their nearest other one, which is the threshold.
        real_nearest: `radii(real, 1)`, [m], if known already.

    Returns:
        "support", S; "low" and "high", between which it lies with 95 % confidence if D is Poisson; "duplicates", D;
        "threshold", the greatest distance of a duplicate. Where there is none, "support" and "high" are infinite and
        "low" is all that is known.

    Raises:
        ValueError: too few samples, other dimensions, NaN or infinite.

    Source: Arora, Risteski & Zhang 2018 (arXiv:1706.08224), section 2; the interval: Garwood 1936.

    Example:
        >>> real = torch.arange(100.0).unsqueeze(1)
        >>> found = birthday(real, 10 * real[:20].repeat(2, 1))  # 20 outcomes, each twice
        >>> found["duplicates"], found["support"]  # 20 of 780 pairs
        (20.0, 39.0)
    """
    check_pair(real, fake, 2)
    check_features(real, math.ceil(1 / quantile), "real features")
    threshold = torch.quantile(radii(real, 1) if real_nearest is None else real_nearest, quantile).item()
    found, pairs = near_pairs(fake, threshold), len(fake) * (len(fake) - 1) / 2
    low, high = poisson_interval(found)
    support, least, most = (pairs / count if count else math.inf for count in (found, high, low))
    return {"support": support, "low": least, "high": most, "duplicates": float(found), "threshold": threshold}


def near_pairs(x: Tensor, threshold: float) -> int:
    """Count the pairs i < j with ‖x_i − x_j‖ ≤ threshold, exactly.

    A product of matrices in float32 bounds the distances; those that the bounds leave in doubt are taken in float64.

    Args:
        x: points [n, d].
        threshold: of the distance.

    Example:
        >>> near_pairs(torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64), 1.0)
        1
    """
    frame, count = Frame(x, x, torch.float32), 0
    placed, limit = frame.place(x), (threshold * frame.scale) ** 2
    with full_precision(x.device):
        for i, block in placed.blocks():
            for j, others in placed.blocks():
                if j.start < i.start:
                    continue
                lower = frame.lower(block, others)
                if i == j:
                    lower.masked_fill_(torch.ones_like(lower, dtype=torch.bool).tril(), torch.inf)  # each pair once
                near = lower + frame.width(block, others) <= limit
                count += int(near.sum())
                a, b = ((lower <= limit) & ~near).nonzero(as_tuple=True)
                count += int((differences(x[i], a, x[j], b) <= threshold).sum())
    return count


def poisson_interval(count: int, level: float = 0.05) -> tuple[float, float]:
    """Return the means of Poisson laws between which lies, with confidence 1 − level, that of one which gave `count`.

    Of a mean λ, P(D ≥ count) is level/2 at the lower end and P(D ≤ count) is level/2 at the upper end.

    Example:
        >>> low, high = poisson_interval(0)
        >>> low, round(high, 4)  # −ln .025
        (0.0, 3.6889)
    """
    low = 0.0 if count == 0 else _mean_at(count, level / 2)  # P(D ≥ count) = P(count, λ), the gamma law's
    return low, _mean_at(count + 1, 1 - level / 2)


def _mean_at(shape: int, share: float) -> float:
    """Solve P(shape, λ) = share, the regularized incomplete gamma function, by bisection."""
    low, high = 0.0, shape + 10 * math.sqrt(shape) + 10
    a = torch.tensor(float(shape), dtype=torch.float64)
    for _ in range(100):
        middle = (low + high) / 2
        below = torch.special.gammainc(a, torch.tensor(middle, dtype=torch.float64)).item() < share
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2
