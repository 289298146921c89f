"""Adam without the correction of its start."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise
from .kernel import root


class TextbookAdam(Elementwise):
    """Adam as textbooks print it (after Kingma & Ba 2015): running means, not corrected for their start.

        m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  w ← w − lr · m / (√v + ε)

    With a constant gradient, step t has length lr·(1−β₁ᵗ)/√(1−β₂ᵗ): for the usual β 3.2 lr at first, 6.6 lr at step 12,
    and lr only after thousands. That is what the correction in `Adam` removes.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        betas: β₁ and β₂, decay of the first and second moment.
        eps: ε, outside the root.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: arXiv:1412.6980, algorithm 1 without m̂ and v̂; its section 3 derives what they correct.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.zeros(1))
        >>> w.grad = torch.tensor([3.0])
        >>> _ = TextbookAdam([w], lr=1.0).step()
        >>> w.detach()  # 0.1 / √0.001
        tensor([-3.1623])
    """

    states = ("mean", "square")

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
        """Return lr, β₁, 1−β₁, β₂, 1−β₂ and ε."""
        b1, b2 = group["betas"]
        return group["lr"], b1, 1 - b1, b2, 1 - b2, group["eps"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        m, v = state
        lr, b1, new1, b2, new2, eps = numbers
        m = b1 * m + new1 * g
        v = b2 * v + new2 * (g * g)
        return w - lr * m / (root(v) + eps), m, v
