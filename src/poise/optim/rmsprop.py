"""Gradients divided by their size."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class RMSprop(Elementwise):
    """RMSprop (Tieleman & Hinton 2012): the gradient divided by the root of its running mean square.

        v ← αv + (1−α)g²;  w ← w − lr · g / (√v + ε)

    It has no momentum, which suits games. Weight decay is added to the gradient.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size; the default 1e-3 is Hinton's, torch's is 1e-2.
        alpha: α, decay of the mean square.
        eps: ε, outside the root.
        weight_decay: λ in g ← g + λw.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: Tieleman & Hinton 2012, Neural Networks for Machine Learning, lecture 6.5 (there α = 0.9); ε as in torch.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.tensor([3.0])
        >>> _ = RMSprop([w], lr=0.5).step()
        >>> w.detach()  # lr / √(1 − α)
        tensor([-5.0000])
    """

    states = ("square",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr, α, 1−α, ε and λ."""
        return group["lr"], group["alpha"], 1 - group["alpha"], group["eps"], group["weight_decay"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        (v,) = state
        lr, alpha, new, eps, decay = numbers
        g = g + decay * w
        v = alpha * v + new * (g * g)
        return w - lr * g / (root(v) + eps), v
