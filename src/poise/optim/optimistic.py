"""Steps that expect the next gradient to change as the last one did."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class OptimisticSGD(Elementwise):
    """Optimistic descent (Daskalakis et al. 2018): two steps down this gradient, one back along the last.

        w ← w − 2lr · gₜ + lr · gₜ₋₁,   g₀ = g₁

    In games it converges where gradient descent circles, at the price of one gradient. It takes the weights where past
    extragradient takes its half-step weights (Popov 1980).

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:1711.00141, section 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = OptimisticSGD([w], lr=1.0)
        >>> for gradient in (3.0, 2.0):
        ...     w.grad = torch.tensor([gradient])
        ...     _ = optimizer.step()
        >>> w.item()  # −3, then −2·2 + 3
        -4.0
    """

    states = ("direction",)

    def __init__(self, params: Params, lr: float = 1e-2, clip: Clip | None = None) -> None:
        super().__init__(params, {"lr": lr}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return the lengths of the step ahead and of the step back."""
        return _lengths(group["lr"], t)

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        (last,) = state
        ahead, back = numbers
        return w - ahead * g + back * last, g


class OptimisticAdam(Elementwise):
    """Optimistic Adam (Daskalakis et al. 2018): two steps along Adam's direction, one back along its last.

        m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  dₜ = m̂ / (√v̂ + ε);
        w ← w − 2lr · dₜ + lr · dₜ₋₁,   d₀ = d₁,   m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, outside the root.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:1711.00141, algorithm 1.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(2))
        >>> w.grad = torch.tensor([3.0, -0.1])
        >>> _ = OptimisticAdam([w], lr=0.5).step()
        >>> w.detach()
        tensor([-0.5000,  0.5000])
    """

    states = ("mean", "square", "direction")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return the lengths ahead and back, 1/(1−β₁ᵗ), 1/√(1−β₂ᵗ), β₁, 1−β₁, β₂, 1−β₂ and ε."""
        b1, b2 = group["betas"]
        corrections = 1 / (1 - b1**t), 1 / sqrt(1 - b2**t)
        return *_lengths(group["lr"], t), *corrections, b1, 1 - b1, b2, 1 - b2, group["eps"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, v, last = state
        ahead, back, correction1, correction2, b1, new1, b2, new2, eps = numbers
        m = b1 * m + new1 * g
        v = b2 * v + new2 * (g * g)
        d = m * correction1 / (root(v) * correction2 + eps)
        return w - ahead * d + back * last, m, v, d


def _lengths(lr: float, t: int) -> tuple[float, float]:
    """Return 2lr and lr; at the first step lr and 0, which is the same with d₀ = d₁."""
    return (2 * lr, lr) if t > 1 else (lr, 0.0)
