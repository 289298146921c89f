"""All players move at once."""

from collections.abc import Mapping

from ..game import Loss, Play


class Simultaneous:
    """Every player's gradient is taken at the same weights, then all move.

        w_{t+1} = w_t − η F(w_t),   F(w) = (∇_x L_x, ∇_y L_y, ...)

    On the bilinear game min_x max_y xy it diverges: each step multiplies the distance to the solution by
    √(1 + η²).

    Args:
        steps: must give every player one step, which is what "simultaneous" means.

    Raises:
        ValueError: a player would take several steps.

    Source: Mescheder et al. 2017 (arXiv:1705.10461), section 3.

    Example:
        >>> Simultaneous().batches
        1
    """

    batches = 1

    def __init__(self, steps: Mapping[str, int] | None = None) -> None:
        if steps and set(steps.values()) != {1}:
            raise ValueError("all players move once; use the alternating rule for several steps of one")

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        losses = play.gradients(*play.players)
        play.move(*play.players)
        return losses
