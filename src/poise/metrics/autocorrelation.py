"""How series resemble themselves some steps later, and their features each other."""

import torch
from torch import Tensor

ROUNDING = 1e-12  # of the mean: what is nearer to it than this does not differ from it


def autocorrelation(x: Tensor, lags: int) -> Tensor:
    """Return the autocorrelation of each feature over all pairs of steps of all sequences.

        r_k = mean over pairs (x_t − m)(x_{t+k} − m) / mean (x_t − m)²,   m the mean of all values of a feature

    One mean for all sequences: with a mean of each, short sequences would seem to forget sooner than they do.

    Args:
        x: shape [n, T, d]; NaN where nothing was observed and beyond a sequence's end.
        lags: the greatest k, below T.

    Returns:
        r_0 ... r_lags, float64 [lags + 1, d]. r_0 is 1. A feature that never changes has r_k = 0, and so have lags at
        which no pair was observed.

    Raises:
        ValueError: `lags` is not below T.

    Example:
        >>> waves = torch.tensor([1.0, -1.0]).repeat(50).view(1, 100, 1)
        >>> autocorrelation(waves, 2).flatten()
        tensor([ 1., -1.,  1.], dtype=torch.float64)
    """
    _check_lag(x, lags)
    gaps, there = _centered(x)
    found = []
    for lag in range(lags + 1):
        pairs = (there[:, : x.shape[1] - lag] & there[:, lag:]).sum((0, 1))
        found.append((gaps[:, : x.shape[1] - lag] * gaps[:, lag:]).sum((0, 1)) / pairs.clamp(min=1))
    products = torch.stack(found)
    r = torch.where(products[0] > 0, products / products[0], 0.0)
    r[0] = 1.0
    return r


def autocorrelation_difference(real: Tensor, fake: Tensor, lags: int) -> float:
    """Return the mean of |r_k(real) − r_k(fake)| over features and lags 1 to `lags`, between 0 and 2.

    Args:
        real: as for `autocorrelation`.
        fake: as for `autocorrelation`.
        lags: the greatest, 1 or more.

    Example:
        >>> waves = torch.tensor([1.0, -1.0]).repeat(50).view(1, 100, 1)
        >>> autocorrelation_difference(waves, torch.zeros(1, 100, 1), lags=2)
        1.0
    """
    difference = autocorrelation(real, lags) - autocorrelation(fake, lags).to(real.device)
    return difference[1:].abs().mean().item()


def cross_correlation(x: Tensor, lag: int = 0) -> Tensor:
    """Return the correlation of each feature with each `lag` steps later, over the pairs of which both were observed.

    At lag 0 the order of steps does not enter: look at `autocorrelation` and at other lags too.

    Args:
        x: shape [n, T, d]; NaN where nothing was observed and beyond a sequence's end.
        lag: below T.

    Returns:
        float64 [d, d], r_ij of feature i with j later; 1 on the diagonal at lag 0; 0 for a feature that never changes.

    Raises:
        ValueError: `lag` is not below T.

    Example:
        >>> cross_correlation(torch.tensor([[[1.0, -2.0], [3.0, -6.0]]]))[0]
        tensor([ 1., -1.], dtype=torch.float64)
    """
    _check_lag(x, lag)
    gaps, there = _centered(x)
    first, then = (gaps[:, part].flatten(0, 1) for part in (slice(x.shape[1] - lag), slice(lag, None)))
    seen, seen_then = (there[:, part].flatten(0, 1).double() for part in (slice(x.shape[1] - lag), slice(lag, None)))
    scale = ((first.square().T @ seen_then) * (seen.T @ then.square())).sqrt()  # squares where the other was observed
    r = torch.where(scale > 0, first.T @ then / scale, 0.0)
    if lag == 0:
        r.fill_diagonal_(1.0)
    return r


def cross_correlation_difference(real: Tensor, fake: Tensor) -> float:
    """Return the mean of |r_ij(real) − r_ij(fake)| over pairs of two features, between 0 and 2; 0 for one feature.

    Args:
        real: as for `cross_correlation`.
        fake: as for `cross_correlation`.

    Example:
        >>> alike = torch.arange(6.0).view(1, 6, 1)
        >>> round(cross_correlation_difference(torch.cat([alike, alike], 2), torch.cat([alike, -alike], 2)), 9)
        2.0
    """
    difference = (cross_correlation(real) - cross_correlation(fake).to(real.device)).abs()
    features = len(difference)
    return (difference.sum() / max(1, features * (features - 1))).item()


def lead_lag_difference(real: Tensor, fake: Tensor, lags: int) -> float:
    """Return the mean of |r_ij(real) − r_ij(fake)| over pairs of two features and lags 1 to `lags`; 0 for one feature.

    Unlike the other correlations it sees which feature comes first, and so the direction of time.

    Args:
        real: as for `cross_correlation`.
        fake: as for `cross_correlation`.
        lags: the greatest, 1 or more.

    Example:
        >>> first = torch.sin(0.5 * torch.arange(60.0)).view(1, 60, 1)
        >>> both = torch.cat([first[:, 1:], first[:, :-1]], 2)  # the second follows the first
        >>> lead_lag_difference(both, both, 1), lead_lag_difference(both, both.flip(1), 1) > 0.3
        (0.0, True)
    """
    apart = ~torch.eye(real.shape[2], dtype=torch.bool, device=real.device)
    differences = [cross_correlation(real, k) - cross_correlation(fake, k).to(real.device) for k in range(1, lags + 1)]
    return (torch.stack(differences)[:, apart].abs().sum() / max(1, lags * int(apart.sum()))).item()


def _check_lag(x: Tensor, lag: int) -> None:
    if not 0 <= lag < x.shape[1]:
        raise ValueError(f"sequences of {x.shape[1]} steps have no pairs that are {lag} steps apart")


def _centered(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return values less their feature's mean, 0 where nothing was observed; and where something was."""
    there = ~torch.isnan(x)
    values = torch.where(there, x, 0.0).double()
    mean = values.sum((0, 1)) / there.sum((0, 1)).clamp(min=1)
    gaps = torch.where(there, values - mean, 0.0)
    return torch.where(gaps.abs() > ROUNDING * mean.abs(), gaps, 0.0), there
