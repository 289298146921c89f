"""Cheap measures of a few hundred samples: numbers that fall or rise when training goes wrong, whatever the data."""

from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ..metrics.kmeans import cells, settle
from ..metrics.neighbors import nearest as neighbors
from ..rng import Rng

WIDTH = 16  # pixels that images are brought down to
DIMENSIONS = 64  # of an embedding
CELLS, ROUNDS = 16, 10  # parts of data space, and how often their centers are moved
SKETCH = 8  # numbers that stand for many


def embed(x: Tensor) -> Tensor:
    """Return samples as points in which near means alike: images smaller and projected at random, points as they are.

    A random projection keeps distances to about 1/√64 of themselves (Johnson & Lindenstrauss 1984).

    Args:
        x: images [n, c, h, w], or points [n, d].

    Returns:
        Shape [n, at most 64], float32.

    Example:
        >>> embed(torch.zeros(5, 1, 28, 28)).shape, embed(torch.zeros(5, 2)).shape
        (torch.Size([5, 64]), torch.Size([5, 2]))
    """
    x = x.float()
    if x.dim() == 4 and max(x.shape[2:]) > WIDTH:
        x = adaptive_avg_pool2d(x, WIDTH)
    flat = x.flatten(1)
    return flat if flat.shape[1] <= DIMENSIONS else flat @ _projection(flat.shape[1], DIMENSIONS).to(flat.device)


def spread(real: Tensor, fake: Tensor) -> float:
    """Return how far samples lie apart beside real ones: the ratio of root mean square distances; 1 for equal laws.

    It sees a generator whose outputs shrink together, not one that has lost some of many modes.

    Example:
        >>> spread(torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0], [6.0]]))
        0.5
    """
    return (fake.double().var(0).sum() / real.double().var(0).sum()).sqrt().item()


def centers_of(points: Tensor) -> Tensor:
    """Return 16 centers of points, by k-means from points that lie far from each other, [16, d] (fewer of few points).

    Starting far apart, and not at random, gives a small mode that lies alone a cell of its own.

    Example:
        >>> centers_of(torch.tensor([[0.0], [1.0], [9.0]])).flatten()
        tensor([0., 9., 1.], dtype=torch.float64)
    """
    points = points.double()
    centers = points[:1]
    for _ in range(min(CELLS, len(points)) - 1):
        centers = torch.cat([centers, points[torch.cdist(points, centers).min(1).values.argmax()].unsqueeze(0)])
    return settle(points, centers, ROUNDS)


def cells_of(points: Tensor, centers: Tensor) -> Tensor:
    """Return the share of points that lie nearest to each center, float64 [centers].

    Example:
        >>> cells_of(torch.tensor([[0.1], [0.9], [1.2], [1.0]]), torch.tensor([[0.0], [1.0]]))
        tensor([0.2500, 0.7500], dtype=torch.float64)
    """
    return cells(points, centers.double()).bincount(minlength=len(centers)).double() / len(points)


def overlap(real: Tensor, fake: Tensor) -> float:
    """Return Σ min(p, q) of two laws over cells, 1 less their total variation: the share of the data that is covered.

    Args:
        real: shares p of each cell, [cells].
        fake: shares q.

    Source: cells around data, as for NDB (Richardson & Weiss 2018, arXiv:1805.12462).

    Example:
        >>> overlap(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]))
        0.5
    """
    return torch.minimum(real, fake).sum().item()


def nearest(points: Tensor, others: Tensor | None = None) -> Tensor:
    """Return the distance of each point to its nearest other one, or to the nearest of `others`, float64 [n].

    Example:
        >>> nearest(torch.tensor([[0.0], [1.0], [3.0]]))
        tensor([1., 1., 2.], dtype=torch.float64)
    """
    found, _ = neighbors(points, points if others is None else others, itself=others is None)
    return found[:, 0]


def duplicates(real: Tensor, fake: Tensor, share: float = 0.05) -> float:
    """Return how many samples have a neighbor nearer than that of almost every real sample; about `share` when healthy.

    It is a birthday test with a limit on distance that the data set (Arora & Zhang 2017, arXiv:1706.08224).

    Args:
        real: as many as `fake`, or the distances are not comparable.
        fake: shape [n, d].
        share: of the real samples, whose neighbors are nearer.

    Example:
        >>> duplicates(torch.arange(9.0).unsqueeze(1), torch.tensor([[0.0], [0.0], [8.0]]))
        0.6666666666666666
    """
    if len(real) < 2:
        return 0.0  # nobody to be near to
    limit = nearest(real).quantile(share)
    return (nearest(fake) < limit).double().mean().item()


def separation(real: Tensor, fake: Tensor) -> float:
    """Return the chance that a real sample scores above a generated one (ties count half): ½ when they are alike.

    The area under the curve of a discriminator's scores; it means the same for every adversarial loss.

    Args:
        real: scores [n].
        fake: scores [m].

    Example:
        >>> separation(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0]))
        0.875
    """
    pairs = real.double().unsqueeze(1) - fake.double()
    return ((pairs > 0).double() + (pairs == 0).double() / 2).mean().item()


def overfitting(train: Tensor, held_out: Tensor, fake: Tensor) -> float:
    """Return r_v = (E D(train) − E D(held out)) / (E D(train) − E D(fake)): 0 healthy, 1 when held-out looks fake.

    Source: Karras et al. 2020 (arXiv:2006.06676), eq. 1.

    Example:
        >>> overfitting(torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([0.0]))
        0.5
    """
    gap = (train.double().mean() - fake.double().mean()).item()
    return 0.0 if gap <= 0 else (train.double().mean() - held_out.double().mean()).item() / gap


def sketch(values: Tensor) -> Tensor:
    """Return a few numbers whose distances are about those of the many: a random projection, [8].

    So metrics.jsonl remembers where something was, and movements and turns can be told from it.

    Example:
        >>> sketch(torch.ones(1000)).shape
        torch.Size([8])
    """
    flat = values.flatten().double()
    signs = _projection(ceil(flat.numel() / SKETCH) * SKETCH, 1).flatten().sign().double().to(flat.device)
    padded = torch.zeros_like(signs)
    padded[: flat.numel()] = flat
    sums: Tensor = (padded * signs).view(-1, SKETCH).sum(0) / flat.numel() ** 0.5
    return sums


def _projection(wide: int, narrow: int) -> Tensor:
    """Return a matrix of Gaussians over √narrow, always the same."""
    matrix: Tensor = torch.randn(wide, narrow, generator=Rng(0)("projection")) / narrow**0.5
    return matrix
