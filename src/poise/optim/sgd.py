"""Stochastic gradient descent."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .base import Params
from .clip import Clip
from .elementwise import Elementwise, Form
from .momentum import ComplexMomentum, Momentum


class SGD(Elementwise):
    """Minibatch gradient descent (Robbins & Monro 1951): down one batch's gradient, with momentum if wanted.

        w ← w − lr · (g + λw)

    With a constant lr it settles in a cloud around a minimum, whose width grows with lr and with the noise of the
    batches; a decaying lr lets it arrive. With momentum β it keeps that share of the last move (`Momentum`). In games a
    negative β helps players who move in turn (Gidel et al. 2019, arXiv:1807.04740), a complex one those who move
    together (`ComplexMomentum`).

    Args:
        params: parameters, groups of them, or a `Flat`.
        lr: step size.
        momentum: β, or |β| if there is an angle; may be negative.
        nesterov: Nesterov's momentum.
        angle: of β in the complex plane, in radians.
        weight_decay: λ.
        clip: limits the gradient; see `poise.optim.clip`.

    Raises:
        ValueError: `nesterov` or `angle` without momentum, or both.

    Source: Robbins & Monro 1951, eq. 6; Bottou, Curtis & Nocedal 2018 (arXiv:1606.04838), algorithm 4.1.

    Example:
        >>> import torch
        >>> w = torch.nn.Parameter(torch.tensor([1.0]))
        >>> w.grad = torch.tensor([2.0])
        >>> _ = SGD([w], lr=0.25).step()
        >>> w.item()
        0.5
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        momentum: float = 0.0,
        nesterov: bool = False,
        angle: float = 0.0,
        weight_decay: float = 0.0,
        clip: Clip | None = None,
    ) -> None:
        if (nesterov or angle) and not momentum:
            raise ValueError("nesterov and angle say which momentum; set momentum too")
        if nesterov and angle:
            raise ValueError("there is no Nesterov's momentum with an angle; choose one of them")
        settings = {"momentum": momentum, "nesterov": nesterov, "angle": angle, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **settings}, clip)

    def form(self, group: Mapping[str, Any]) -> type[Form]:
        """Return the mathematics of the group's momentum; without, no memory is needed for it."""
        if not group["momentum"]:
            return SGD
        return ComplexMomentum if group["angle"] else Momentum

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr and λ."""
        return group["lr"], group["weight_decay"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula without momentum."""
        lr, decay = numbers
        return (w - lr * (g + decay * w),)
