"""All players move at once."""

from collections.abc import Mapping

from ..game import Loss
from ..play import Play
from .rule import Rule


class Simultaneous(Rule):
    """Every player's gradient is taken at the same weights, then all move (Mescheder et al. 2017).

        w_{t+1} = w_t − η F(w_t),   F(w) = (∇_x L_x, ∇_y L_y, ...)

    On the bilinear game min_x max_y xy it diverges: each step multiplies the distance to the solution by
    √(1 + η²), and with a learning rate for each player (two time scales) still by √(1 + η_x η_y).

    Source: Mescheder et al. 2017 (arXiv:1705.10461), section 3; two time scales: Heusel et al. 2017 (arXiv:1706.08500).

    Example:
        >>> Simultaneous().batches
        1
    """

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        losses = play.gradients(*play.players)
        play.move(*play.players)
        return losses
