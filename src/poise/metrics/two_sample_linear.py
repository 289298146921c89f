"""Can a linear classifier tell features of samples from those of data?"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .check import check_pair
from .inputs import standardized
from .two_sample import LEAST, TwoSample, chance

RIDGES = torch.logspace(-4, 3, 15, dtype=torch.float64)


def two_sample_linear(train: Sequence[Tensor], test: Sequence[Tensor]) -> TwoSample:
    """Fit a ridge regression of labels on features, and return how well its sign tells others apart.

        w = argmin Σ_i (y_i − m − xᵢᵀw / √d)² + λ ‖w‖²,   y = 1 for real, −1 for generated

    Both kinds weigh alike: y is less its mean, and as many of each are taken. λ is the one of 15 from 1e-4 to 1e3 whose
    error is least when each sample is told by all the others (leave-one-out, in closed form). It has no seed, and
    takes a tenth of a second where a recurrent classifier takes seconds.

    It sees what is linear in the features: of features of random convolutions, levels, spread, noise, order in time,
    and a few repeated samples, which lie where the same ones lay in training. It does not see that samples copy data.

    Overlapping pieces of one series must not be on both sides: give pieces of other times to `test` than to `train`.

    Args:
        train: features of real and of generated samples, [n, d] and [m, d], n and m ≥ 10.
        test: features of real and of generated samples that have nothing in common with those.

    Returns:
        The accuracy, and beside it what one in forty classifiers without knowledge exceeds.

    Raises:
        ValueError: fewer than ten samples somewhere, other dimensions, or NaN or infinite features.

    Source: Lopez-Paz & Oquab 2017 (arXiv:1610.06545); the classifier: Dempster et al. 2020 (arXiv:1910.13051).

    Example:
        >>> x = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
        >>> same, other = x.chunk(4), (x + 2).chunk(4)
        >>> two_sample_linear((same[0], same[1]), (same[2], same[3])).told_apart
        False
        >>> two_sample_linear((same[0], other[1]), (same[2], other[3])).told_apart
        True
    """
    for real, fake in (train, test):
        check_pair(real, fake, LEAST)
    check_pair(train[0], test[0], LEAST)
    fewest = min(map(len, train))
    x = torch.cat([part[_spread(len(part), fewest)] for part in train])
    y = torch.ones(2 * fewest, dtype=torch.float64)
    y[fewest:] = -1
    heldout = [standardized(part, like=x) / x.shape[1] ** 0.5 for part in test]
    x = standardized(x, like=x) / x.shape[1] ** 0.5
    w = weights(x, y)
    right = [(heldout[0] @ w > 0).double().mean(), (heldout[1] @ w <= 0).double().mean()]
    return TwoSample((sum(right) / 2).item(), chance(min(map(len, test))))


def weights(x: Tensor, y: Tensor) -> Tensor:
    """Return w = Xᵀ (XXᵀ + λI)⁻¹ y for the ridge λ that predicts best what was left out, [d].

    With H = 11ᵀ/n + XXᵀ (XXᵀ + λI)⁻¹, a sample's residual is (y − Hy)_i / (1 − H_ii) when it is left out.

    Args:
        x: X, of columns of mean 0, [n, d].
        y: of mean 0, [n].
    """
    values, vectors = _spectrum(x)
    ridges = RIDGES.to(values)
    shares = values / (values + ridges.unsqueeze(1))  # [ridges, min(n, d)]
    known = vectors.T @ y
    residuals = y - (shares * known) @ vectors.T
    own = 1 / len(y) + shares @ vectors.square().T
    errors = (residuals / (1 - own).clamp(min=1e-12)).square().mean(1)
    return x.T @ (vectors @ (known / (values + ridges[errors.argmin()])))


def _spectrum(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues of XXᵀ and its eigenvectors [n, min(n, d)], from the smaller of XXᵀ and XᵀX."""
    wide = x.shape[1] >= len(x)
    values, vectors = torch.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = values.clamp(min=0)
    if wide:
        return values, vectors
    there = values > 1e-12 * values[-1]
    return values, x @ vectors * torch.where(there, values, torch.inf).rsqrt()


def _spread(n: int, some: int) -> Tensor:
    return torch.linspace(0, n - 1, some).round().long()
