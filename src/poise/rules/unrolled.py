"""Let one player look through the next moves of the other."""

from collections.abc import Mapping

import torch

from ..errors import PoiseError
from ..field import gradients
from ..game import Game, Loss
from ..optim import Elementwise
from ..optim.virtual import Virtual
from ..play import Play
from .rule import Rule, needs_two


class Unrolled(Rule):
    """The second player's gradient runs through k coming steps of the first (unrolled GANs, Metz et al. 2017).

        φ⁰ = φ, φⁱ⁺¹ = φⁱ − η ∇_φ L_φ(θ, φⁱ);   θ_{t+1} = θ_t − η ∇_θ L_θ(θ, φᵏ(θ)),   φ_{t+1} = φ¹

    The steps looked through are those of the first player's own optimizer, its state included, on the same batch; the
    derivative runs through them as well. On the bilinear game, x looking through k steps of y, the step is
    x ← x − η(y + 2kηx). A step costs k gradients and the way back through them.

    Args:
        depth: k.

    Raises:
        PoiseError: k below 1.

    Source: Metz et al. 2017 (arXiv:1611.02163), eq. 7 to 10.

    Example:
        >>> Unrolled(5).second_order
        True
    """

    second_order = True

    def __init__(self, depth: int = 5) -> None:
        if depth < 1:
            raise PoiseError(f"unrolled with {depth} steps; give at least 1")
        self._depth = depth

    def check(self, game: Game, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Check that there are two players, the first with an optimizer that can be differentiated."""
        needs_two("unrolled", game)
        first = game.players[0]
        if not isinstance(optimizers[first], Elementwise):
            name = type(optimizers[first]).__name__
            raise PoiseError(
                f"the unrolled rule differentiates the {first}'s steps, which {name} does not allow; use sgd or adam"
            )

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        first, second = play.players
        ahead = Virtual(play.seats[first].optimizer, play.seats[first].flat)
        for i in range(self._depth):
            loss = play.loss_at(first, first, ahead.weights)
            values = gradients(loss.total, ahead.weights, differentiable=True)
            if i == 0:
                losses = {first: loss.detached()}
                play.use({first: values})
            ahead.move(values)
        seen = play.loss_at(second, first, ahead.weights)
        play.use({second: gradients(seen.total, play.seats[second].flat.parameters, keep=False)})
        play.move(first, second)
        return losses | {second: seen.detached()}
