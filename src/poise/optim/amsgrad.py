"""Adam whose step sizes never grow."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .adam import Adam
from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class AMSGrad(Elementwise):
    """AMSGrad (Reddi et al. 2018): Adam divided by the largest mean square so far, to mend its proof.

        m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  u ← max(u, v);  w ← w − lr · m̂ / (√û + ε),
        m̂ = m/(1−β₁ᵗ), û = u/(1−β₂ᵗ); the corrections are torch's, the paper has none.

    Weight decay is added to the gradient, g ← g + λw.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, outside the root.
        weight_decay: λ.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:1904.09237, algorithm 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(2))
        >>> w.grad = torch.tensor([3.0, -0.1])
        >>> _ = AMSGrad([w], lr=0.5).step()
        >>> w.detach()
        tensor([-0.5000,  0.5000])
    """

    states = ("mean", "square", "largest")

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
        """Return Adam's."""
        return Adam.numbers(group, t)

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, v, u = state
        step, b1, new1, b2, new2, correction, eps, decay = numbers
        g = g + decay * w
        m = b1 * m + new1 * g
        v = b2 * v + new2 * (g * g)
        u = torch.maximum(u, v)
        return w - step * m / (root(u) * correction + eps), m, v, u
