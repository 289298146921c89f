"""Are generated samples nearer to training data than other data are?"""

import math

import torch
from torch import Tensor

from .check import check_features
from .kmeans import cells, kmeans
from .neighbors import Neighbors, nearest

MOST = 10_000  # training samples that cells are cut from: more make no better ones
LEAST = 20  # samples of each kind in a cell: with fewer, z is far from normal


def ct_score(
    train: Tensor,
    test: Tensor,
    fake: Tensor,
    generator: torch.Generator,
    regions: int = 5,
    *,
    found: Neighbors | None = None,
) -> dict[str, float]:
    """Compare the distances of generated and of test samples to training data, cell by cell of the training data.

        C_T = Σ_π P(π) Z_π / Σ_π P(π),   Z_π = (U − nm/2) / √(nm(n + m + 1)/12),

    P(π) the share of test samples in a cell π, which k-means cuts from 10,000 training samples at most, U the number
    of pairs of a generated and a test sample in π of which the generated one is farther from the training samples in
    π, ties counting half (the deviation is corrected for them). Cells with fewer than 20 generated or test samples are
    left out.

    Much below 0 it says that samples copy training data, much above that they lie off the data. Of equal laws it is 0
    on average, with a deviation of √(Σ P²)/Σ P, at most 1. A generator that copies some data and misses others can
    score 0 within a cell. Blur in pixels reads as copying, because it brings samples nearer to all of the data: of
    held-out garments C_T was −.2, of the same ones blurred −6.7. Give features of a network.

    Args:
        train: features [l, d], l ≥ regions.
        test: features [n, d] of data of the same law that was not trained on, n ≥ 20.
        fake: features [m, d], m ≥ 20.
        generator: draws the first centers of the cells; on the device of `train`.
        regions: how many cells.
        found: `nearest(fake, train, k)` for some k, if known already.

    Returns:
        "ct", C_T; "ct_lowest", the least Z_π, where copying is worst; "ct_cells", how many cells were compared.

    Raises:
        ValueError: too few samples, no cell with enough of them, other dimensions, NaN or infinite.

    Source: Meehan, Chaudhuri & Dasgupta 2020 (arXiv:2004.05675), section 3.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> train, test = torch.randn(500, 2, generator=generator), torch.randn(100, 2, generator=generator)
        >>> ct_score(train, test, train[:100] + 1e-3, generator, regions=2)["ct"] < -5
        True
    """
    check_features(train, regions, "training features")
    check_features(test, LEAST, "test features")
    check_features(fake, LEAST, "generated features")
    if not train.shape[1] == test.shape[1] == fake.shape[1]:
        raise ValueError(f"dimensions must be equal, not {train.shape[1]}, {test.shape[1]} and {fake.shape[1]}")
    centers = kmeans(train[:: -(-len(train) // MOST)], regions, generator)
    homes = cells(train, centers)
    near, near_test = _within(train, homes, fake, centers, found), _within(train, homes, test, centers)
    weights, scores = [], []
    for cell in range(regions):
        q, p = (distances[place == cell] for distances, place in (near, near_test))
        if min(len(p), len(q)) >= LEAST and q.isfinite().all():
            weights.append(len(p))
            scores.append(mann_whitney(q, p))
    if not scores:
        raise ValueError(f"no cell holds {LEAST} generated and {LEAST} test samples; give more of them or fewer cells")
    mean = math.fsum(w * z for w, z in zip(weights, scores, strict=True)) / sum(weights)
    return {"ct": mean, "ct_lowest": min(scores), "ct_cells": float(len(scores))}


def _within(
    train: Tensor, homes: Tensor, x: Tensor, centers: Tensor, found: Neighbors | None = None
) -> tuple[Tensor, Tensor]:
    """Return the distance from each sample to the nearest training sample of its cell, and which cell that is."""
    places = cells(x, centers)
    distances = torch.full((len(x),), torch.inf, dtype=torch.float64, device=x.device)
    settled = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    if found is not None:  # the nearest of all lies nearly always in the same cell, and is then the nearest there
        settled = homes[found[1][:, 0]] == places
        distances[settled] = found[0][settled, 0]
    for cell in range(len(centers)):
        rows, inside = ((places == cell) & ~settled).nonzero().squeeze(1), train[homes == cell]
        if len(rows) and len(inside):
            distances[rows] = nearest(x[rows], inside)[0].squeeze(1)
    return distances, places


def mann_whitney(a: Tensor, b: Tensor) -> float:
    """Return the standard score of the number of pairs with a_i > b_j, ties counting half; 0 if all are tied.

    Args:
        a: numbers [m].
        b: numbers [n].

    Source: Mann & Whitney 1947.

    Example:
        >>> round(mann_whitney(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])), 4)  # −3/√3
        -1.7321
    """
    m, n = len(a), len(b)
    ordered = b.sort().values
    less, most = (torch.searchsorted(ordered, a, right=right) for right in (False, True))
    wins = (less + most).sum().item() / 2
    ties = torch.cat([a, b]).unique(return_counts=True)[1].double()
    total = m + n
    variance = m * n / 12 * (total + 1 - ((ties**3 - ties).sum().item()) / (total * (total - 1)))
    return (wins - m * n / 2) / math.sqrt(variance) if variance > 0 else 0.0
