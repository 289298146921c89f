"""Adam that divides a gradient by the past only."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class ADOPT(Elementwise):
    """ADOPT (Taniguchi et al. 2024): Adam divided by earlier gradients only; converges for any β₂.

        u = clip(g / max(√v, ε), ±cₜ);  m ← β₁m + (1−β₁)u;  w ← w − lr · m;  v ← β₂v + (1−β₂)g²,
        cₜ = (t−1)^¼.

    The first step only sets v = g², and moves nothing. The clipping of u is the published final form (clipped ADOPT),
    with the authors' schedule; without it weights whose first gradient is tiny would leap.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, the least divisor.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:2411.02853v3, algorithm 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = ADOPT([w], lr=1.0)
        >>> for _ in range(2):
        ...     w.grad = torch.tensor([3.0])
        ...     _ = optimizer.step()
        >>> w.detach()
        tensor([-0.1000])
    """

    states = ("mean", "square")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.9999),
        eps: float = 1e-6,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr, β₁, 1−β₁, β₂, 1−β₂, ε and cₜ; at the first step β₂ and cₜ are 0."""
        b1, b2 = group["betas"]
        b2 = b2 if t > 1 else 0.0
        return group["lr"], b1, 1 - b1, b2, 1 - b2, group["eps"], (t - 1) ** 0.25

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, v = state
        lr, b1, new1, b2, new2, eps, bound = numbers
        u = g / torch.maximum(root(v), eps)
        u = torch.maximum(torch.minimum(u, bound), -bound)
        m = b1 * m + new1 * u
        return w - lr * m, m, b2 * v + new2 * (g * g)
