"""How many different samples can a generator make? The birthday paradox tells from the pairs that coincide."""

import math

import torch
from torch import Tensor

from .check import check_features, check_pair
from .neighbors import nearest


def birthday(real: Tensor, fake: Tensor, quantile: float = 0.01, rows: int = 1024) -> dict[str, float]:
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
        rows: how many samples are compared with all others at once; what bounds the memory.

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
    threshold = torch.quantile(nearest(real, real, itself=True)[0].flatten(), quantile).item()
    found, pairs = near_pairs(fake.double(), threshold, rows), len(fake) * (len(fake) - 1) / 2
    low, high = poisson_interval(found)
    support, least, most = (pairs / count if count else math.inf for count in (found, high, low))
    return {"support": support, "low": least, "high": most, "duplicates": float(found), "threshold": threshold}


def near_pairs(x: Tensor, threshold: float, rows: int = 1024) -> int:
    """Count the pairs i < j with ‖x_i − x_j‖ ≤ threshold, exactly.

    A product of matrices finds the distances; those that its rounding leaves in doubt are computed again.

    Args:
        x: points [n, d], float64.
        threshold: of the distance.
        rows: how many points are compared with all others at once.

    Example:
        >>> near_pairs(torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64), 1.0)
        1
    """
    x = x - x.mean(0)
    squares, limit, count = x.square().sum(1), threshold**2, 0
    doubt = 1e-13 * math.sqrt(x.shape[1]) * 4 * (squares.max().item() + limit)  # far more than rounding makes
    for start in range(0, len(x), rows):
        block, others = x[start : start + rows], x[start:]
        far = squares[start : start + rows, None] + squares[None, start:] - 2 * block @ others.T
        far = far.masked_fill(torch.ones_like(far, dtype=torch.bool).tril(), torch.inf)  # each pair once
        count += int((far < limit - doubt).sum())
        i, j = ((far - limit).abs() <= doubt).nonzero(as_tuple=True)
        for a, b in zip(i.split(rows), j.split(rows), strict=True):
            count += int(((block[a] - others[b]).square().sum(1).sqrt() <= threshold).sum())
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
