"""How far apart two samples of numbers are: what it costs to move one onto the other."""

import torch
from torch import Tensor


def wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """Return the Wasserstein-1 distance of each feature's marginals, ∫ |F(x) − G(x)| dx.

    Args:
        real: shape [n, d]; NaN are passed over, but some value must be observed of every feature.
        fake: shape [m, d], likewise.

    Returns:
        In units of x, float64 [d]; 0 only between equal samples.

    Raises:
        ValueError: a feature without a value.

    Source: Vallender 1974.

    Example:
        >>> wasserstein(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]]))
        tensor([2.], dtype=torch.float64)
    """
    pairs = zip(real.double().T, fake.double().T, strict=True)
    return torch.stack([_distance(a[~torch.isnan(a)], b[~torch.isnan(b)]) for a, b in pairs])


def _distance(a: Tensor, b: Tensor) -> Tensor:
    if not len(a) or not len(b):
        raise ValueError("a distance needs at least one value of each feature")
    every = torch.cat([a, b]).sort().values
    f, g = (torch.searchsorted(x.sort().values, every[:-1], right=True).double() / len(x) for x in (a, b))
    return ((f - g).abs() * every.diff()).sum()
