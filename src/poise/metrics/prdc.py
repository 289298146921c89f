"""Precision, recall, density and coverage: whose balls samples lie in."""

from typing import NamedTuple

import torch
from torch import Tensor

from .check import check_pair
from .distance_bounds import Frame, Placed, differences, full_precision
from .neighbors import Neighbors, radii, radii_leaving_out

MANY = 2**16  # undecided pairs of a block from which on it is cheaper to multiply again in float64


@torch.no_grad()
def prdc(real: Tensor, fake: Tensor, k: int = 5, *, real_radii: Tensor | None = None) -> dict[str, float]:
    """Return improved precision and recall, density and coverage, from balls that reach to the k-th neighbor.

        precision = share of fake samples in some real sample's ball      recall = share of real ones in some fake one's
        density = mean number of real balls around a fake sample / k      coverage = share of real balls with a fake one

    Balls are closed, so that a copy of a real sample always counts. Precision and density see implausible samples,
    recall and coverage missing modes. None sees copying, and what they say is said by the judge: over pixels, precision
    praises blur. One outlier's large ball raises precision and recall; density and coverage stand it better.

    Every pair is decided as its distance in float64 decides it. Memory beyond the inputs: float32 copies, and blocks.

    Args:
        real: features [n, d], n > k.
        fake: features [m, d], m > k.
        k: neighbors; 5 in Naeem et al., 3 in Kynkäänniemi et al.
        real_radii: `radii(real, k)`, [n], if known already.

    Returns:
        {"precision", "recall", "density", "coverage"}; of equal laws E density = 1 and
        E coverage = 1 − Π_{i=1..k} (n−i)/(n+m−i).

    Raises:
        ValueError: fewer than k + 1 samples, radii of another length, other dimensions, or NaN or infinite features.

    Source: Kynkäänniemi et al. 2019 (arXiv:1904.06991), eqs. 1 and 2; Naeem et al. 2020 (arXiv:2002.09797), eqs. 4, 5.

    Example:
        >>> x = torch.arange(8.0).unsqueeze(1)
        >>> prdc(x, x[:4], k=1)  # half of the data is missing, and what is there is right
        {'precision': 1.0, 'recall': 0.625, 'density': 2.75, 'coverage': 0.625}
    """
    check_pair(real, fake, k + 1)
    if real_radii is not None and len(real_radii) != len(real):
        raise ValueError(f"there must be one radius for each of {len(real)} real samples, not {len(real_radii)}")
    r = radii(real, k) if real_radii is None else real_radii.double()
    return _scores(real, fake, r.unsqueeze(0), radii(fake, k).unsqueeze(0), k)[0]


@torch.no_grad()
def prdc_leaving_out(
    real: Tensor,
    fake: Tensor,
    blocks: int,
    k: int = 5,
    *,
    real_neighbors: Neighbors | None = None,
    fake_neighbors: Neighbors | None = None,
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Return what `prdc` gives, and what it gives without each block of samples: distances are computed once for all.

    Args:
        real: features [n, d].
        fake: features [m, d].
        blocks: how many; sample i of either set is in block i mod `blocks`. At least k + 1 samples must be left.
        k: neighbors.
        real_neighbors: `nearest(real, real, w, itself=True)` for some w ≥ k, if known already.
        fake_neighbors: likewise.

    Returns:
        The scores of all samples, and for each block those of the others.

    Raises:
        ValueError: as `prdc`.

    Example:
        >>> x = torch.arange(8.0).unsqueeze(1)
        >>> whole, without = prdc_leaving_out(x, x[:4], blocks=2, k=1)
        >>> whole == prdc(x, x[:4], k=1), without[0] == prdc(x[1::2], x[1:4:2], k=1)
        (True, True)
    """
    check_pair(real, fake, k + 1)
    check_pair(real[::blocks], fake[::blocks], 1)
    r = radii_leaving_out(real, k, blocks, real_neighbors)
    s = radii_leaving_out(fake, k, blocks, fake_neighbors)
    whole, *without = _scores(real, fake, r, s, k)
    return whole, without


def _scores(real: Tensor, fake: Tensor, r: Tensor, s: Tensor, k: int) -> list[dict[str, float]]:
    """Return the scores for each row of radii of real and of fake balls, [v, n] and [v, m]; NaN: no such sample."""
    there_real, there_fake = ~r.isnan(), ~s.isnan()
    around = torch.zeros(s.shape, dtype=torch.float32, device=fake.device)  # counts, exact up to 2^24
    covered, recalled = (torch.zeros(r.shape, dtype=torch.bool, device=real.device) for _ in range(2))
    frame = Frame(real, fake, torch.float32)
    placed_real, placed_fake = frame.place(real), frame.place(fake)
    with full_precision(real.device):
        for i, x in placed_real.blocks():
            for j, y in placed_fake.blocks():
                bounds = Bounds.of(frame, x, y)
                for v in range(len(r)):
                    in_real, in_fake = _inside(bounds, (real[i], fake[j]), (r[v, i], s[v, j]))
                    counted = in_real.float()
                    around[v, j] += counted.sum(0)
                    covered[v, i] |= counted @ there_fake[v, j].float() > 0
                    recalled[v, i] |= in_fake.any(1)
    return [
        {
            "precision": (around[v] > 0)[there_fake[v]].double().mean().item(),
            "recall": recalled[v][there_real[v]].double().mean().item(),
            "density": (around[v][there_fake[v]].double().mean() / k).item(),
            "coverage": covered[v][there_real[v]].double().mean().item(),
        }
        for v in range(len(r))
    ]


class Bounds(NamedTuple):
    """Between which the squared distances of pairs lie, [n, m], in units of a frame."""

    frame: Frame
    lower: Tensor
    upper: Tensor

    @classmethod
    def of(cls, frame: Frame, x: Placed, y: Placed) -> "Bounds":
        """Multiply two blocks."""
        lower = frame.lower(x, y)
        return cls(frame, lower, lower + frame.width(x, y))


def _inside(bounds: Bounds, features: tuple[Tensor, Tensor], balls: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return whether each fake sample lies in each real ball, and each real sample in each fake ball, bool [n, m]."""
    frame, lower, upper = bounds
    squares = [(ball * frame.scale).square().to(frame.dtype) for ball in balls]
    reach = squares[0].unsqueeze(1), squares[1]
    in_real, in_fake = upper <= reach[0], upper <= reach[1]
    undecided = ((lower <= reach[0]) != in_real) | ((lower <= reach[1]) != in_fake)
    a, b = undecided.nonzero(as_tuple=True)
    if len(a) > MANY and frame.dtype != torch.float64:
        finer = Frame(*features, torch.float64)
        return _inside(Bounds.of(finer, *map(finer.place, features)), features, balls)
    distance = differences(features[0], a, features[1], b)
    in_real[a, b], in_fake[a, b] = distance <= balls[0][a], distance <= balls[1][b]
    return in_real, in_fake
