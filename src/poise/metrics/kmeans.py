"""Cells of a space: k-means."""

import torch
from torch import Tensor


def kmeans(x: Tensor, k: int, generator: torch.Generator, steps: int = 30, rows: int = 4096) -> Tensor:
    """Return k centers of points, a local minimum of Σ_i min_j ‖x_i − c_j‖² or what `steps` moves towards it reach.

    The first centers are drawn by k-means++, each with a probability in proportion to its squared distance from those
    before. Then points go to their nearest center and centers to the mean of their points, until no point changes
    places. A center that loses all its points stays where it is.

    Args:
        x: points [n, d], n ≥ k.
        k: how many centers.
        generator: draws the first centers; on the device of x.
        steps: the most moves.
        rows: how many points are compared with the centers at once; what bounds the memory.

    Returns:
        Centers, float64 [k, d].

    Raises:
        ValueError: fewer points than centers.

    Source: Lloyd 1982; Arthur & Vassilvitskii 2007.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
        >>> kmeans(x, 2, torch.Generator().manual_seed(0)).flatten().sort().values
        tensor([ 0.5000, 10.5000], dtype=torch.float64)
    """
    if len(x) < k:
        raise ValueError(f"{k} cells need at least {k} samples, not {len(x)}")
    x = x.double()
    middle = x.mean(0)  # distances are computed around it, because far from 0 their digits cancel
    x = x - middle
    return settle(x, _spread(x, k, generator), steps, rows) + middle


def settle(x: Tensor, centers: Tensor, steps: int, rows: int = 4096) -> Tensor:
    """Return centers after moving each to the mean of its points, until no point changes places or `steps` times.

    Args:
        x: points [n, d], float64.
        centers: where they begin, [k, d], float64.
        steps: the most moves.
        rows: how many points are compared with the centers at once; what bounds the memory.

    Source: Lloyd 1982.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [10.0]], dtype=torch.float64)
        >>> settle(x, x[:2], steps=10).flatten()
        tensor([ 0.5000, 10.0000], dtype=torch.float64)
    """
    places = None
    for _ in range(steps):
        before, places = places, _places(x, centers, rows)
        if before is not None and torch.equal(before, places):
            break
        counts = places.bincount(minlength=len(centers)).unsqueeze(1)
        sums = torch.zeros_like(centers).index_add_(0, places, x)
        centers = torch.where(counts > 0, sums / counts.clamp(min=1), centers)
    return centers


def cells(x: Tensor, centers: Tensor, rows: int = 4096) -> Tensor:
    """Return the index of the center nearest to each point.

    Args:
        x: points [n, d].
        centers: [k, d], float64.
        rows: how many points are compared with the centers at once; what bounds the memory.

    Returns:
        int64 [n].

    Example:
        >>> cells(torch.tensor([[0.0], [9.0]]), torch.tensor([[1.0], [10.0]], dtype=torch.float64))
        tensor([0, 1])
    """
    middle = centers.mean(0)
    return torch.cat([_places(block.double() - middle, centers - middle, rows) for block in x.split(rows)])


def _places(x: Tensor, centers: Tensor, rows: int) -> Tensor:
    """Return the index of the center nearest to each point; both lie around 0, in float64."""
    half = centers.square().sum(1) / 2  # ‖x − c‖² = ‖x‖² − 2 (x·c − ‖c‖²/2): the nearest is where that is greatest
    return torch.cat([(block @ centers.T - half).argmax(1) for block in x.split(rows)])


def _spread(x: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Draw the first centers."""
    first = torch.randint(len(x), (1,), generator=generator, device=x.device)
    chosen, nearest = [x[first]], torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)
    squares = x.square().sum(1)
    for _ in range(k - 1):
        last = chosen[-1]
        found = squares - 2 * (x @ last.T).squeeze(1) + last.square().sum()
        nearest = torch.minimum(nearest, found.clamp(min=0))
        ends = nearest.cumsum(0)
        u = torch.rand(1, generator=generator, device=x.device, dtype=x.dtype) * ends[-1]
        # where all points are centers already any will do
        chosen.append(x[torch.searchsorted(ends, u, right=True).clamp(max=len(x) - 1)])
    return torch.cat(chosen)
