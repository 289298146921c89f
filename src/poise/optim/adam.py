"""Adam with bias correction."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class Adam(Elementwise):
    """Adam (Kingma & Ba 2015): means of the gradient and its square, both corrected for their start at zero.

        m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  w ← w − lr · m̂ / (√v̂ + ε),
        m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ), with √v̂ computed as √v / √(1−β₂ᵗ), as torch does.

    Weight decay is added to the gradient, g ← g + λw; see `AdamW` for the other kind. With a constant gradient every
    step has length lr.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, outside the root.
        weight_decay: λ.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:1412.6980, algorithm 1.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(2))
        >>> w.grad = torch.tensor([3.0, -0.1])
        >>> _ = Adam([w], lr=0.5).step()
        >>> w.detach()
        tensor([-0.5000,  0.5000])
    """

    states = ("mean", "square")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr/(1−β₁ᵗ), β₁, 1−β₁, β₂, 1−β₂, 1/√(1−β₂ᵗ), ε and λ."""
        b1, b2 = group["betas"]
        step = group["lr"] / (1 - b1**t)
        return step, b1, 1 - b1, b2, 1 - b2, 1 / sqrt(1 - b2**t), group["eps"], group["weight_decay"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, v = state
        step, b1, new1, b2, new2, correction, eps, decay = numbers
        g = g + decay * w
        m = b1 * m + new1 * g
        v = b2 * v + new2 * (g * g)
        return w - step * m / (root(v) * correction + eps), m, v
