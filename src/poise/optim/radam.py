"""Adam that waits for its second moment."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class RAdam(Elementwise):
    """Rectified Adam (Liu et al. 2020): Adam whose early steps are small while its second moment is unsure.

        m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;
        w ← w − lr · r · m̂ · √(1−β₂ᵗ) / (√v + ε)  if ρ > 5,  else  w ← w − lr · m̂,
        m̂ = m/(1−β₁ᵗ),  ρ = ρ∞ − 2tβ₂ᵗ/(1−β₂ᵗ),  ρ∞ = 2/(1−β₂) − 1,
        r² = (ρ−4)(ρ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρ).

    The bound 5 is torch's and the authors' code's; their paper has 4. Weight decay is added to the gradient.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, outside the root.
        weight_decay: λ in g ← g + λw.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:1908.03265, algorithm 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.tensor([3.0])
        >>> _ = RAdam([w], lr=0.5).step()
        >>> w.item()  # too early for a second moment
        -1.5
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
        """Return the step size, whether v counts (1 or 0), β₁, 1−β₁, β₂, 1−β₂, ε and λ."""
        b1, b2 = group["betas"]
        most = 2 / (1 - b2) - 1
        rho = most - 2 * t * b2**t / (1 - b2**t)
        step, counts = group["lr"] / (1 - b1**t), 0.0
        if rho > 5:
            step *= sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) * sqrt(1 - b2**t)
            counts = 1.0
        return step, counts, b1, 1 - b1, b2, 1 - b2, group["eps"], group["weight_decay"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, v = state
        step, counts, b1, new1, b2, new2, eps, decay = numbers
        g = g + decay * w
        m = b1 * m + new1 * g
        v = b2 * v + new2 * (g * g)
        return w - step * m / torch.where(counts > 0, root(v) + eps, 1.0), m, v
