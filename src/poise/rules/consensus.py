"""Descend on the length of the game's vector field as well."""

from collections.abc import Mapping

from ..errors import PoiseError
from ..field import combine
from ..game import Loss
from ..play import Play
from .rule import Rule


class Consensus(Rule):
    """All players also agree to shorten the game's vector field (Mescheder et al. 2017).

        w_{t+1} = w_t − η (F + γ ∇½‖F‖²),   ∇½‖F‖² = JᵀF,

    with F all players' gradients together. On the bilinear game ρ² = (1 − ηγ)² + η², which converges for
    η < 2γ/(1 + γ²). An optimizer other than gradient descent takes the bracket for its gradient. Costs a second
    backward pass through the gradients.

    Args:
        weight: γ.

    Raises:
        PoiseError: a negative weight.

    Source: Mescheder et al. 2017 (arXiv:1705.10461), eq. 8 and algorithm 1; there γ = 10 for images.

    Example:
        >>> Consensus(0.1).second_order
        True
    """

    second_order = True

    def __init__(self, weight: float = 1.0) -> None:
        if weight < 0:
            raise PoiseError(f"the weight of consensus is {weight}; give a number of at least 0")
        self._weight = weight

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        field = play.field()
        shortening = field.pull({player: [v.detach() for v in values] for player, values in field.values.items()})
        play.use(combine(field.values, self._weight, shortening))
        play.move(*play.players)
        return field.losses
