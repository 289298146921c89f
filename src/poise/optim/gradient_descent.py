"""Gradient descent on all of the data."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise


class GradientDescent(Elementwise):
    """Gradient descent (Cauchy 1847): straight down the gradient of the loss over all of the data.

        w ← w − lr · g

    For small enough lr the loss falls at every step, to a stationary point; that is the global minimum only if the loss
    is convex. Where the Hessian's largest eigenvalue is λmax it needs lr < 2/λmax; on a quadratic each eigendirection's
    error shrinks by |1 − lr·λ|, best at lr = 2/(λmin + λmax). `Convergence` says when to stop.

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        clip: limits the gradient; see `poise.optim.clip`.

    Source: Nesterov 2004, Introductory Lectures on Convex Optimization, section 1.2.3.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> optimizer = GradientDescent([w], lr=0.25)
        >>> for _ in range(3):
        ...     w.grad = 2 * w.detach()  # of the loss w²
        ...     _ = optimizer.step()
        >>> w.item()
        0.125
    """

    def __init__(self, params: Params, lr: float = 1e-2, clip: Clip | None = None) -> None:
        super().__init__(params, {"lr": lr}, clip)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr."""
        return (group["lr"],)

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        (lr,) = numbers
        return (w - lr * g,)
