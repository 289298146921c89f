"""Players move one after another."""

from collections.abc import Mapping

from ..game import Loss
from ..play import Play
from .rule import Rule


class Alternating(Rule):
    """Each player moves in turn, n steps each, and the next one sees it (Goodfellow et al. 2014).

        y_{t+1} = y_t − η ∇_y L_y(x_t, y_t),   x_{t+1} = x_t − η ∇_x L_x(x_t, y_{t+1})

    On the bilinear game min_x max_y xy it cycles for η < 2 and conserves x² − ηxy + y² (x moving first). Every step
    within a turn is on a new batch.

    Args:
        turns: how many steps each player takes in its turn; one where nothing is said.
        share: the part of the training, from its start, in which that holds; afterwards all players move once, and at
            once.

    Source: Goodfellow et al. 2014 (arXiv:1406.2661), algorithm 1; a share: He et al. 2019 (arXiv:1901.05534).

    Example:
        >>> rule = Alternating({"discriminator": 5, "generator": 1}, share=0.5)
        >>> rule.batches_at(0.2), rule.batches_at(0.7)
        (5, 1)
    """

    def __init__(self, turns: Mapping[str, int] | None = None, share: float = 1.0) -> None:
        self._turns, self._share = dict(turns or {}), share
        self.batches = max(self._turns.values(), default=1)

    def batches_at(self, progress: float) -> int:
        """Return how many batches a step needs at this point of the training."""
        return self.batches if self._in_turns(progress) else 1

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step: every player's turn, in order of play."""
        if not self._in_turns(play.progress):
            together = play.gradients(*play.players)
            play.move(*play.players)
            return together
        losses: dict[str, Loss] = {}
        for player in play.players:
            # whoever takes fewer steps plays the last batches, where a shared sample is still fresh
            for batch in range(self.batches - self._turns.get(player, 1), self.batches):
                losses |= play.gradients(player, batch=batch)
                play.move(player)
        return losses

    def _in_turns(self, progress: float) -> bool:
        return self._share == 1 or progress < self._share
