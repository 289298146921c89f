"""Precision, recall, density and coverage: whose balls samples lie in."""

import torch
from torch import Tensor

from .check import check_pair
from .distance_bounds import Frame, Placed, differences, full_precision
from .neighbors import radii

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
    s = radii(fake, k)
    around = torch.zeros(len(fake), dtype=torch.float64, device=fake.device)
    covered, recalled = (torch.zeros(len(real), dtype=torch.bool, device=real.device) for _ in range(2))
    frame = Frame(real, fake, torch.float32)
    placed_real, placed_fake = frame.place(real), frame.place(fake)
    with full_precision(real.device):
        for i, x in placed_real.blocks():
            for j, y in placed_fake.blocks():
                in_real, in_fake = _inside(frame, (x, y), (real[i], fake[j]), (r[i], s[j]))
                around[j] += in_real.float().sum(0)
                covered[i] |= in_real.float().sum(1) > 0
                recalled[i] |= in_fake.float().sum(1) > 0
    return {
        "precision": (around > 0).double().mean().item(),
        "recall": recalled.double().mean().item(),
        "density": (around.mean() / k).item(),
        "coverage": covered.double().mean().item(),
    }


def _inside(
    frame: Frame, placed: tuple[Placed, Placed], features: tuple[Tensor, Tensor], balls: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return whether each fake sample lies in each real ball, and each real sample in each fake ball, bool [n, m]."""
    lower = frame.lower(*placed)
    upper = lower + frame.width(*placed)
    squares = [(ball * frame.scale).square().to(frame.dtype) for ball in balls]
    reach = squares[0].unsqueeze(1), squares[1]
    in_real, in_fake = upper <= reach[0], upper <= reach[1]
    undecided = ((lower <= reach[0]) != in_real) | ((lower <= reach[1]) != in_fake)
    a, b = undecided.nonzero(as_tuple=True)
    if len(a) > MANY and frame.dtype != torch.float64:
        finer = Frame(*features, torch.float64)
        return _inside(finer, (finer.place(features[0]), finer.place(features[1])), features, balls)
    distance = differences(features[0], a, features[1], b)
    in_real[a, b], in_fake[a, b] = distance <= balls[0][a], distance <= balls[1][b]
    return in_real, in_fake
