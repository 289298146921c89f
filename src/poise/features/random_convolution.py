"""Random convolutions over time: a judge of series that needs no training."""

import hashlib
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d

from .blocks import in_blocks
from .judge import Judge, Progress, Samples

KERNELS, SEED = 256, 0
LENGTHS, TAPS = (7, 9, 11), 11
VALUES = 1 << 22  # outputs of the kernels at once


class Kernels(NamedTuple):
    """Kernels that share a dilation: weights [k, d, 11], zero beyond a kernel's length, and biases [k]."""

    dilation: int
    weights: Tensor
    biases: Tensor


def random_convolution(center: NDArray[Any] | None = None, scale: NDArray[Any] | None = None) -> Judge:
    """512 features of random convolutions over time (ROCKET); sees order, levels, spread and ties between columns.

    Args:
        center: what to subtract from series, [d]: means of the training data; None leaves series that are standardized.
        scale: what to divide by, [d]: deviations of the training data.
    """
    version = "1"
    if center is not None or scale is not None:
        parts = [np.zeros(0) if part is None else np.asarray(part, np.float64) for part in (center, scale)]
        version += " " + hashlib.sha256(b";".join(part.tobytes() for part in parts)).hexdigest()[:16]
    extract = partial(_extract, 0.0 if center is None else center, 1.0 if scale is None else scale)
    return Judge("random-convolution", "series", "FD-random-convolution", version, extract)


def random_convolution_features(series: Samples, progress: Progress | None = None) -> Tensor:
    """Return for each of 256 fixed random kernels how often its output is positive, and its largest output.

        y_t = b + Σ_j Σ_i w_ij x_j(t + i δ),   features: mean over t of [y_t > 0], and max_t y_t

    Kernels have 7, 9 or 11 taps, a dilation δ of 1, 2, 4, ... up to where they span the series, and read a random
    subset of the columns. Their weights have norm 1; those of every other kernel sum to 0, so that it sees changes
    alone, and the rest see levels too. Beyond its ends, a series counts as 0.

    Missing values (NaN) are read as the last value observed before them in the column, before the first one as that,
    in a column that was never observed as 0. Steps after the last in which anything was observed are not counted, so
    that series of unequal lengths can be filled up with NaN. Kernels depend on T and d: compare series of one shape.

    Args:
        series: [n, T, d], standardized by statistics of the training data: it is not done here, since it would hide
            wrong levels and spreads.
        progress: told series done and their number.

    Returns:
        Features, float32 [n, 512]; first the shares, then the maxima. NaN for a series without any value.

    Source: Dempster et al. 2020 (arXiv:1910.13051), section 3; powers of 2 as dilations after Dempster et al. 2021
        (arXiv:2012.08791). Own: kernels that see levels, and the treatment of missing values.

    Example:
        >>> random_convolution_features(np.zeros((2, 20, 3))).shape
        torch.Size([2, 512])
    """
    steps, columns = series.shape[1:]
    kernels = _kernels(steps, columns)
    most = max(len(some.biases) for some in kernels)
    block = max(1, VALUES // (steps * max(most, columns * TAPS)))
    return in_blocks(series, min(block, 256), partial(_features, kernels), progress)


def _extract(
    center: NDArray[Any] | float, scale: NDArray[Any] | float, series: Samples, progress: Progress | None
) -> Tensor:
    return random_convolution_features((series - center) / scale, progress)


def _features(kernels: list[Kernels], series: Samples) -> Tensor:
    values, lengths = _held(series)
    x = torch.from_numpy(values).transpose(1, 2)
    beyond = torch.arange(x.shape[2]) >= torch.from_numpy(lengths)[:, None, None]
    shares, largest = [], []
    for dilation, weights, biases in kernels:
        y = conv1d(x, weights, biases, padding=dilation * (TAPS // 2), dilation=dilation).masked_fill_(beyond, -np.inf)
        shares.append((y > 0).sum(2) / torch.from_numpy(lengths)[:, None])
        largest.append(y.amax(2))
    return torch.cat([*shares, *largest], 1)


def _held(series: Samples) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Fill gaps with what was observed last, and zeros after the end; return that and the lengths.

    Example:
        >>> values, lengths = _held(np.array([[[np.nan], [2.0], [np.nan], [3.0], [np.nan]]]))
        >>> values.flatten().tolist(), lengths.tolist()
        ([2.0, 2.0, 2.0, 3.0, 0.0], [4])
    """
    observed, step = ~np.isnan(series), np.arange(series.shape[1])[:, None]
    lengths = np.where(observed.any(2), step.T + 1, 0).max(1)
    first = observed.argmax(1)[:, None]
    last = np.maximum(np.maximum.accumulate(np.where(observed, step, 0), axis=1), first)
    values = np.nan_to_num(np.take_along_axis(series, last, axis=1), nan=0.0, posinf=np.inf, neginf=-np.inf)
    values[step[:, 0] >= lengths[:, None]] = 0
    return values.astype(np.float32), lengths


@cache
def _kernels(steps: int, columns: int) -> list[Kernels]:
    """Draw the kernels for series [T, d]: always the same ones."""
    generator = torch.Generator().manual_seed(SEED)
    by_dilation: dict[int, list[Tensor]] = {}
    for number in range(KERNELS):
        length = LENGTHS[int(torch.randint(len(LENGTHS), (), generator=generator))]
        most = np.log2(max(1.0, (steps - 1) / (length - 1)))  # a kernel that spans the series
        dilation = 2 ** int(torch.rand((), generator=generator) * (int(most) + 1))
        some = int(2 ** (torch.rand((), generator=generator) * np.log2(min(columns, length) + 1)))
        chosen = torch.randperm(columns, generator=generator)[:some]
        weights = torch.randn(some, length, generator=generator)
        weights = weights - weights.mean() if number % 2 else weights
        kernel, edge = torch.zeros(columns, TAPS), (TAPS - length) // 2
        kernel[chosen, edge : edge + length] = weights / weights.norm()
        by_dilation.setdefault(dilation, []).append(kernel)
    biases = torch.rand(KERNELS, generator=generator).mul(2).sub(1).split([len(some) for some in by_dilation.values()])
    return [
        Kernels(dilation, torch.stack(weights), bias)
        for (dilation, weights), bias in zip(by_dilation.items(), biases, strict=True)
    ]
