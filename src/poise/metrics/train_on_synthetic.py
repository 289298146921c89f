"""Does a forecaster that learned from samples forecast data as well as one that learned from data?"""

from typing import NamedTuple

import torch
from torch import Tensor

from .inputs import check_series, location

LAGS = 12  # steps that a forecast is made from, and steps ahead, at most
UNITS = 256
TINY = 1e-12  # of an error: less is rounding, and so is the ratio of what is less
ROWS = 20_000  # pairs of past and future that are learned from, at most
RIDGES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of a mean square
LEAST = 10
HELD = 5  # every fifth sequence chooses the ridge


def train_on_synthetic(real: Tensor, fake: Tensor, test: Tensor, *, seed: int = 0) -> dict[str, float]:
    """Train one forecaster on samples and one on data, and compare their errors on data that neither has seen.

        [x_{t+1} ... x_{t+L}] = W [1, u, tanh(Au + b)],   u = [x_{t−L+1} ... x_t],   L = min(12, T/3)

    W by ridge regression over all t, with the ridge that does best on a fifth of the sequences; A and b are random: 256
    units, the same for both, without which nothing but linear dependence would count, and which weigh a value less the
    longer ago it was. L steps ahead and not one, because the next value of a slow series is nearly the last one,
    whoever says so.

    It sees order in time (shuffled, flat), dynamics that are off, noise, and sets that repeat a few sequences. It does
    not see a wrong share of what is forecast equally well, nor whether samples copy data; and of data that cannot be
    forecast it says nothing: both errors are then 1 or more.

    Args:
        real: data to train on, [n, T, d], n ≥ 10; NaN where nothing was observed or beyond a sequence's end.
        fake: generated sequences [m, T, d], m ≥ 10, likewise; as many as `real`, or the larger set has an advantage.
        test: other data [k, T, d], likewise.
        seed: of A and b, and of which pairs are learned from where there are more than 20,000.

    Returns:
        {"tstr": mean squared error over steps ahead and features, in variances of `real`, after training on `fake`;
        "trtr": after training on `real`; "tstr_ratio": of the first to the second, 1 where samples are as good}.

    Raises:
        ValueError: too few sequences or steps, other features, or a feature never observed.

    Source: Esteban et al. 2017 (arXiv:1706.02633), section 4.2; random units: Huang et al. 2006.

    Example:
        >>> phase = torch.linspace(0, 6, 90).view(90, 1, 1)
        >>> x = torch.sin(0.5 * torch.arange(24).view(1, 24, 1) + phase)
        >>> scores = train_on_synthetic(x[::3], x[1::3], x[2::3])
        >>> scores["trtr"] < 0.01, scores["tstr_ratio"] < 2
        (True, True)
        >>> train_on_synthetic(x[::3], x[1::3].flip(2)[:, torch.randperm(24)], x[2::3])["tstr"] > 0.3
        True
    """
    check_series(real, fake, LEAST)
    check_series(real, test, LEAST)
    lags = min(LAGS, min(x.shape[1] for x in (real, fake, test)) // 3)
    if lags < 1:
        raise ValueError("a forecaster needs sequences of three steps or more")
    center, scale = location(real.flatten(0, 1))
    generator = torch.Generator().manual_seed(seed)
    units = _units(lags, real.shape[2], generator)

    def pairs(x: Tensor) -> Pairs:
        return _pairs((x.double() - center) / scale, lags, units, generator)

    held = pairs(test)
    trtr, tstr = (_error(_fit(*map(pairs, _halves(part))), held) for part in (real, fake))
    return {"tstr": tstr, "trtr": trtr, "tstr_ratio": (tstr + TINY) / (trtr + TINY)}


class Pairs(NamedTuple):
    """Inputs [n, i], outputs [n, o] with 0 where nothing was observed, and where something was."""

    inputs: Tensor
    outputs: Tensor
    observed: Tensor


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what W is fitted to, and what its ridge is chosen by."""
    held = torch.arange(len(x)) % HELD == HELD - 1
    return x[~held], x[held]


def _units(lags: int, features: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return Aᵀ [lags · features, units] and b [units]."""
    ago = torch.arange(lags, 0, -1).repeat_interleave(features).unsqueeze(1)
    normal = torch.randn(lags * features + 1, UNITS, generator=generator, dtype=torch.float64)
    return normal[:-1] / ago / features**0.5, normal[-1]


def _pairs(x: Tensor, lags: int, units: tuple[Tensor, Tensor], generator: torch.Generator) -> Pairs:
    """Return pasts of standardized sequences and what came after; what is missing in a past counts as the mean."""
    begins = x.shape[1] - 2 * lags + 1
    chosen = torch.randperm(len(x) * begins, generator=generator)[:ROWS].unsqueeze(1)
    windows = x[chosen // begins, chosen % begins + torch.arange(2 * lags)]  # [n, 2 lags, d]
    past, future = (part.flatten(1) for part in windows.split(lags, 1))
    past = past.nan_to_num(0.0)
    hidden = torch.tanh(torch.addmm(units[1], past, units[0]))
    inputs = torch.cat([torch.ones(len(past), 1, dtype=past.dtype), past, hidden], 1)
    return Pairs(inputs, future.nan_to_num(0.0), ~future.isnan())


def _fit(train: Pairs, chosen: Pairs) -> Tensor:
    """Return W [i, o] of the ridge that does best on `chosen`."""
    found = [_ridge(train, ridge) for ridge in RIDGES]
    return min(found, key=lambda w: _error(w, chosen))


def _ridge(pairs: Pairs, ridge: float) -> Tensor:
    """Return the regression of each output over the rows in which it was observed; those of the same rows at once."""
    w = torch.zeros(pairs.inputs.shape[1], pairs.outputs.shape[1], dtype=torch.float64)
    patterns, of = pairs.observed.unique(dim=1, return_inverse=True)
    penalty = torch.eye(len(w), dtype=w.dtype)
    penalty[0, 0] = 1e-9  # the mean is free
    for number, rows in enumerate(patterns.T):
        x, columns = pairs.inputs[rows], of == number
        gram = x.T @ x + ridge * max(1, len(x)) * penalty
        w[:, columns] = torch.linalg.solve(gram, x.T @ pairs.outputs[rows][:, columns])
    return w


def _error(w: Tensor, pairs: Pairs) -> float:
    """Return the mean square of what was observed less what was forecast."""
    errors = (pairs.inputs @ w - pairs.outputs).square() * pairs.observed
    return (errors.sum() / pairs.observed.sum().clamp(min=1)).item()
