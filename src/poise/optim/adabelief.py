"""Adam that trusts a gradient as far as it was expected."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class AdaBelief(Elementwise):
    """AdaBelief (Zhuang et al. 2020): Adam divided by how far gradients stray from their running mean.

        m ← β₁m + (1−β₁)g;  s ← β₂s + (1−β₂)(g−m)² + ε;  w ← w − lr · m̂ / (√ŝ + ε),
        m̂ = m/(1−β₁ᵗ), ŝ = s/(1−β₂ᵗ).

    A constant gradient is believed, and steps grow. ε adds up within s, to ε/(1−β₂), so it must be much smaller than
    Adam's.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the mean and of the squared deviation.
        eps: ε, in s and outside the root; 1e-16 is the authors' package's.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:2010.07468, algorithm 2.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.tensor([3.0])
        >>> _ = AdaBelief([w], lr=0.9).step()
        >>> round(w.item(), 6)  # the deviation from the mean 0.3 is 2.7
        -1.0
    """

    states = ("mean", "deviation")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-16,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr/(1−β₁ᵗ), β₁, 1−β₁, β₂, 1−β₂, 1/√(1−β₂ᵗ) and ε."""
        b1, b2 = group["betas"]
        return group["lr"] / (1 - b1**t), b1, 1 - b1, b2, 1 - b2, 1 / sqrt(1 - b2**t), group["eps"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, s = state
        step, b1, new1, b2, new2, correction, eps = numbers
        m = b1 * m + new1 * g
        surprise = g - m
        s = b2 * s + new2 * (surprise * surprise) + eps
        return w - step * m / (root(s) * correction + eps), m, s
