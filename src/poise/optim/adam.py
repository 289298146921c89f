"""Adam (Kingma & Ba 2015)."""

import torch
from torch import nn

FUSED_DEVICES = ("cpu", "cuda", "mps")


def adam(
    vector: nn.Parameter,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> torch.optim.Optimizer:
    """Adam with bias correction, over one flat vector in one fused pass.

        m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  w ← w − lr · m̂ / (√v̂ + ε),
        m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ), with √v̂ computed as √v / √(1−β₂ᵗ).

    torch's fused kernel does the arithmetic: over a single contiguous vector it is one pass over memory, and
    the weights and gradients have the same strides by construction, which that kernel silently relies on.

    Args:
        vector: weights, shape [length], with their gradients in `vector.grad`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, outside the root.

    Source: arXiv:1412.6980, algorithm 1.

    Example:
        >>> w = nn.Parameter(torch.zeros(2))
        >>> w.grad = torch.tensor([3.0, -0.1])
        >>> optimizer = adam(w, lr=0.5)
        >>> _ = optimizer.step()
        >>> w.detach()
        tensor([-0.5000,  0.5000])
    """
    return torch.optim.Adam([vector], lr, betas, eps, fused=vector.device.type in FUSED_DEVICES)
