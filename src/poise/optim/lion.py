"""Steps of one size."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise


class Lion(Elementwise):
    """Lion (Chen et al. 2023): the sign of a running mean, found by a search among programs.

        w ← w − lr · (sign(β₁m + (1−β₁)g) + λw);  m ← β₂m + (1−β₂)g

    Every weight moves by lr, so lr should be 3 to 10 times smaller than Adam's. It keeps one state, Adam two.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ for the move and β₂ for what is remembered.
        weight_decay: λ.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:2302.06675, algorithm 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(3))
        >>> w.grad = torch.tensor([3.0, -0.1, 0.0])
        >>> _ = Lion([w], lr=0.5).step()
        >>> w.detach()
        tensor([-0.5000,  0.5000,  0.0000])
    """

    states = ("mean",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr, β₁, 1−β₁, β₂, 1−β₂ and λ."""
        b1, b2 = group["betas"]
        return group["lr"], b1, 1 - b1, b2, 1 - b2, group["weight_decay"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        (m,) = state
        lr, b1, new1, b2, new2, decay = numbers
        return w - lr * (torch.sign(b1 * m + new1 * g) + decay * w), b2 * m + new2 * g
