"""What SGD becomes with momentum."""

from collections.abc import Mapping
from math import cos, sin
from typing import Any

from torch import Tensor

from .elementwise import Form


class Momentum(Form):
    """Steps that keep a share of the last one: Polyak's or, looking ahead, Nesterov's.

        b ← βb + g;   w ← w − lr · b   (Polyak 1964),   w ← w − lr · (g + βb)   (Nesterov)

    Source: Sutskever et al. 2013, section 2, in the form of Bengio et al. 2013 (arXiv:1212.0901, section 3.5) that
    evaluates the gradient at the weights themselves.
    """

    states = ("momentum",)

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr, β, λ, and the shares of gradient and momentum in the move."""
        beta = group["momentum"]
        shares = (1.0, beta) if group["nesterov"] else (0.0, 1.0)
        return group["lr"], beta, group["weight_decay"], *shares

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        (b,) = state
        lr, beta, decay, share_g, share_b = numbers
        g = g + decay * w
        b = beta * b + g
        return w - lr * (share_g * g + share_b * b), b


class ComplexMomentum(Form):
    """Momentum with a complex β = |β|·e^{iφ}, which damps the rotation that games add to a gradient.

        b ← βb − g  (complex);   w ← w + lr · Re b

    Source: Lorraine et al. 2022 (arXiv:2102.08431), algorithm 1.
    """

    states = ("real", "imaginary")

    @staticmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return lr, Re β, Im β and λ."""
        size, angle = group["momentum"], group["angle"]
        return group["lr"], size * cos(angle), size * sin(angle), group["weight_decay"]

    @staticmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Apply the formula."""
        re, im = state
        lr, beta_re, beta_im, decay = numbers
        g = g + decay * w
        new_re = beta_re * re - beta_im * im - g
        return w + lr * new_re, new_re, beta_im * re + beta_re * im
