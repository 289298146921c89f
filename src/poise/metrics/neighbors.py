"""Nearest neighbors, as differences in float64 give them, at the speed of products in float32."""

import torch
from torch import Tensor

from .check import check_features
from .distance_bounds import Frame, differences, full_precision

SPARE = 6  # candidates beyond k
ROOMY = 3  # times k: with a fifth of the samples left out, k of so many neighbors are nearly always left

Neighbors = tuple[Tensor, Tensor]  # distances, ascending, and indices


@torch.no_grad()
def nearest(queries: Tensor, points: Tensor, k: int = 1, *, itself: bool = False) -> Neighbors:
    """Return the k nearest points of each query by the distance √Σ_i (x_i − y_i)², taken in float64.

    Candidates are those of the smallest lower bounds, from products in float32. A query is settled when its k-th
    candidate is nearer than the bound of every other point; the rest is searched in float64, then by differences.

    Memory beyond the inputs: float32 copies of both, and blocks. Time: one product of the matrices, half of one with
    `itself`; more where points lie together thousands of times more closely than all of them do.

    Args:
        queries: [q, d].
        points: [p, d].
        k: how many, at most p, or p − 1 with `itself`.
        itself: queries are the points, and a row's own index is left out (its exact copies are not).

    Returns:
        Distances, float64 [q, k], ascending, and indices [q, k]; which of equally far points is named is left open.

    Raises:
        ValueError: too few points for k, other dimensions, or NaN or infinite features.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [3.0]])
        >>> distances, indices = nearest(x, x, itself=True)
        >>> distances.flatten().tolist(), indices.flatten().tolist()
        ([1.0, 1.0, 2.0], [1, 0, 1])
    """
    _check(queries, points, k, itself)
    distances = torch.full((len(queries), k), torch.inf, dtype=torch.float64, device=queries.device)
    indices = torch.zeros(len(queries), k, dtype=torch.long, device=queries.device)
    unsettled = torch.arange(len(queries), device=queries.device)
    for dtype in (torch.float32, torch.float64):
        candidates, beyond = _candidates(queries, unsettled, points, k + SPARE + itself, dtype, itself)
        i = unsettled.unsqueeze(1).expand_as(candidates)
        found = differences(queries, i.flatten(), points, candidates.flatten()).view(candidates.shape)
        if itself:
            found[candidates == i] = torch.inf
        distances[unsettled], order = found.topk(k, largest=False)
        indices[unsettled] = candidates.gather(1, order)
        unsettled = unsettled[distances[unsettled, -1] > beyond]
        if not len(unsettled):
            return distances, indices
    every = torch.arange(len(points), device=points.device)
    for row in unsettled.tolist():
        found = differences(queries, torch.full_like(every, row), points, every)
        if itself:
            found[row] = torch.inf
        distances[row], indices[row] = found.topk(k, largest=False)
    return distances, indices


def radii(features: Tensor, k: int) -> Tensor:
    """Return the distance from each sample to its k-th nearest other sample, float64 [n].

    Raises:
        ValueError: fewer than k + 1 samples, or NaN or infinite features.

    Example:
        >>> radii(torch.tensor([[0.0], [1.0], [3.0]]), 2)
        tensor([3., 2., 3.], dtype=torch.float64)
    """
    return nearest(features, features, k, itself=True)[0][:, -1].clone()


def radii_leaving_out(features: Tensor, k: int, blocks: int, neighbors: Neighbors | None = None) -> Tensor:
    """Return the distance to the k-th nearest other sample, of all samples and without each block of them.

    Args:
        features: [n, d].
        k: which neighbor.
        blocks: how many; sample i is in block i mod `blocks`.
        neighbors: `nearest(features, features, w, itself=True)` for some w ≥ k, if known already.

    Returns:
        Float64 [1 + blocks, n]; NaN for the samples of the block that is left out.

    Raises:
        ValueError: fewer than k + 1 samples are left, or NaN or infinite features.

    Example:
        >>> radii_leaving_out(torch.tensor([[0.0], [1.0], [3.0], [7.0]]), 1, 2)
        tensor([[1., 1., 2., 4.],
                [nan, 6., nan, 6.],
                [3., nan, 3., nan]], dtype=torch.float64)
    """
    n = len(features)
    if neighbors is None:
        neighbors = nearest(features, features, min(n - 1, ROOMY * k), itself=True)
    distances, indices = neighbors
    rows = torch.arange(n, device=features.device)
    found = [distances[:, k - 1]]
    for block in range(blocks):
        ranks = (indices % blocks != block).cumsum(1)
        at = (ranks < k).sum(1)
        few = at == indices.shape[1]  # the k-th lies farther off than all that are known
        radius = distances.gather(1, at.clamp(max=indices.shape[1] - 1).unsqueeze(1)).squeeze(1)
        radius[rows % blocks == block] = torch.nan
        some = rows[few & (rows % blocks != block)]
        if len(some):
            left = features[rows % blocks != block]
            radius[some] = nearest(features[some], left, k + 1)[0][:, -1]  # the nearest is the sample itself, at 0
        found.append(radius)
    return torch.stack(found)


def _candidates(
    queries: Tensor, rows: Tensor, points: Tensor, width: int, dtype: torch.dtype, itself: bool
) -> tuple[Tensor, Tensor]:
    """Return the points of the smallest bounds, [rows, width], and a distance that no other point is nearer than."""
    frame = Frame(points, queries, dtype)
    width = min(width, len(points))
    y = frame.place(points)
    mirrored = itself and len(rows) == len(points)  # then the block (j, i) is the transpose of (i, j)
    x = y if mirrored else frame.place(queries, None if len(rows) == len(queries) else rows)
    bounds = torch.full((len(rows), width), torch.inf, dtype=dtype, device=points.device)
    indices = torch.zeros(len(rows), width, dtype=torch.long, device=points.device)

    def keep(some: slice, block: Tensor, start: int) -> None:
        best, column = block.topk(min(width, block.shape[1]), largest=False)
        both = torch.cat([bounds[some], best], 1), torch.cat([indices[some], column + start], 1)
        bounds[some], order = both[0].topk(width, largest=False)
        indices[some] = both[1].gather(1, order)

    with full_precision(points.device):
        for i, some in x.blocks():
            for j, others in y.blocks():
                if mirrored and j.start < i.start:
                    continue
                block = frame.lower(some, others)
                keep(i, block, j.start)
                if mirrored and j.start > i.start:
                    keep(j, block.T.contiguous(), i.start)
    beyond = bounds[:, -1].double().clamp(min=0).sqrt() / frame.scale
    return indices, beyond if len(points) > width else torch.full_like(beyond, torch.inf)


def _check(queries: Tensor, points: Tensor, k: int, itself: bool) -> None:
    if k < 1:
        raise ValueError(f"a neighbor's rank k must be at least 1, not {k}")
    if queries.dim() == 2 and points.dim() == 2 and queries.shape[1] != points.shape[1]:
        raise ValueError(f"queries and points must have equal dimensions, not {queries.shape[1]} and {points.shape[1]}")
    if itself and len(queries) != len(points):
        raise ValueError("with itself=True the queries must be the points")
    check_features(queries, 1, "queries")
    check_features(points, k + itself, f"points for {k} neighbors")
