"""Adam with decoupled weight decay."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class AdamW(Elementwise):
    """AdamW (Loshchilov & Hutter 2019): Adam with a weight decay that the squared gradients do not rescale.

        m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  w ← (1 − lr·λ)w − lr · m̂ / (√v̂ + ε),
        m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ), with √v̂ computed as √v / 1/√(1−β₂ᵗ), as torch does.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, outside the root.
        weight_decay: λ.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:1711.05101, algorithm 2; the decay is multiplied by lr, as in torch.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.ones(2))
        >>> w.grad = torch.tensor([0.0, 5.0])
        >>> _ = AdamW([w], lr=0.5, weight_decay=0.2).step()
        >>> w.detach()  # 1 − 0.1, and once more less lr
        tensor([0.9000, 0.4000])
    """

    states = ("mean", "square")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr/(1−β₁ᵗ), β₁, 1−β₁, β₂, 1−β₂, 1/√(1−β₂ᵗ), ε and 1 − lr·λ."""
        lr, (b1, b2) = group["lr"], group["betas"]
        kept = 1 - lr * group["weight_decay"]
        return lr / (1 - b1**t), b1, 1 - b1, b2, 1 - b2, 1 / sqrt(1 - b2**t), group["eps"], kept

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, v = state
        step, b1, new1, b2, new2, correction, eps, kept = numbers
        m = b1 * m + new1 * g
        v = b2 * v + new2 * (g * g)
        return kept * w - step * m / (root(v) * correction + eps), m, v
