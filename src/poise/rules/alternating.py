"""Players move one after another."""

from collections.abc import Mapping

from ..game import Loss, Play


class Alternating:
    """Each player moves in turn and the next one sees it; a player may take several steps, each on a new batch.

        y_{t+1} = y_t − η ∇_y L_y(x_t, y_t),   x_{t+1} = x_t − η ∇_x L_x(x_t, y_{t+1})

    On the bilinear game min_x max_y xy it cycles for η < 2 and conserves x² − ηxy + y² (x moving first).

    Args:
        steps: how many steps each player takes in its turn; one where nothing is said.

    Source: Goodfellow et al. 2014 (arXiv:1406.2661), algorithm 1.

    Example:
        >>> Alternating({"discriminator": 5, "generator": 1}).batches
        5
    """

    def __init__(self, steps: Mapping[str, int] | None = None) -> None:
        self._steps = dict(steps or {})
        self.batches = max(self._steps.values(), default=1)

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step: every player's turn, in order of play."""
        losses: dict[str, Loss] = {}
        for player in play.players:
            # whoever takes fewer steps plays the last batches, where a shared sample is still fresh
            for batch in range(self.batches - self._steps.get(player, 1), self.batches):
                losses |= play.gradients(player, batch=batch)
                play.move(player)
        return losses
