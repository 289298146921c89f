"""Features to test metrics on, and metrics as slow and plain as they can be written."""

import torch
from torch import Tensor


def draw(n: int, d: int, seed: int, spread: float = 1.0, shift: float = 0.0) -> Tensor:
    """Return n samples of N(shift, spread²), float32 [n, d]."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * spread + shift


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Return all distances in float64, [n, m]."""
    return (x.double().unsqueeze(1) - y.double()).square().sum(-1).sqrt()


def others(x: Tensor) -> Tensor:
    """Return all distances, with infinity where a sample meets itself."""
    return distances(x, x).fill_diagonal_(torch.inf)


def plain_prdc(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    """Return precision, recall, density and coverage by their definitions."""
    r, s = (others(x).sort(1).values[:, k - 1] for x in (real, fake))
    between = distances(real, fake)
    in_real, in_fake = between <= r.unsqueeze(1), between <= s
    return {
        "precision": in_real.any(0).double().mean().item(),
        "recall": in_fake.any(1).double().mean().item(),
        "density": in_real.double().sum(0).mean().item() / k,
        "coverage": in_real.any(1).double().mean().item(),
    }


def plain_mmd(x: Tensor, y: Tensor) -> float:
    """Return the unbiased squared maximum mean discrepancy, pair by pair."""
    x, y, d = x.double(), y.double(), x.shape[1]
    within = [
        sum(float((a @ b / d + 1) ** 3) for i, a in enumerate(z) for j, b in enumerate(z) if i != j)
        / (len(z) * (len(z) - 1))
        for z in (x, y)
    ]
    between = sum(float((a @ b / d + 1) ** 3) for a in x for b in y) / (len(x) * len(y))
    return sum(within) - 2 * between
