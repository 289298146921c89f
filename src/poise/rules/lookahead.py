"""k steps forward, one step back."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..errors import PoiseError
from ..game import Game, Loss
from ..play import Play
from .rule import Rule


class Lookahead(Rule):
    """Every k steps of another rule, all players go back part of the way (Zhang 2019; for games Chavdarova 2021).

        w̃ ← w̃ + α(w − w̃),   w ← w̃   after each k steps of the inner rule,

    with w̃ the slow weights, of all players at once. On the bilinear game it turns the outward spiral of simultaneous
    descent into an inward one where |1 − α + α(1 + iη)ᵏ| < 1, for small η when α < 1 − 1/k. Averages take the slow
    weights in.

    Args:
        inner: the rule between.
        k: its steps.
        alpha: α.

    Raises:
        PoiseError: k below 1 or α outside (0, 1].

    Source: Zhang et al. 2019 (arXiv:1907.08610), algorithm 1; Chavdarova et al. 2021 (arXiv:2006.14567), algorithm 1.

    Example:
        >>> from poise.rules import Alternating
        >>> Lookahead(Alternating({"discriminator": 2}), k=6).batches
        2
    """

    def __init__(self, inner: Rule, k: int = 5, alpha: float = 0.5) -> None:
        if k < 1 or not 0 < alpha <= 1:
            raise PoiseError(f"lookahead with k = {k} and alpha = {alpha}; give k from 1 on, and alpha in (0, 1]")
        self._inner, self._alpha = inner, alpha
        self.batches, self.every, self.second_order = inner.batches, k, inner.second_order
        self._slow: dict[str, Tensor] = {}

    def check(self, game: Game, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Check what the inner rule asks for."""
        self._inner.check(game, optimizers)

    def batches_at(self, progress: float) -> int:
        """Return how many batches the inner rule needs at this point of the training."""
        return self._inner.batches_at(progress)

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step of the inner rule, and go back if it was the k-th."""
        for player in play.players:
            if player not in self._slow:
                self._slow[player] = play.seats[player].flat.vector.detach().clone()
        losses = self._inner.step(play)
        if play.step % self.every == 0:
            for player, slow in self._slow.items():
                fast = play.seats[player].flat.vector.detach()
                fast.copy_(slow.lerp_(fast, self._alpha))
        return losses

    def state_dict(self) -> dict[str, Tensor]:
        """Return the slow weights, and the inner rule's state."""
        slow = {f"slow.{player}": vector for player, vector in self._slow.items()}
        return slow | {f"inner.{name}": tensor for name, tensor in self._inner.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take both up."""

        def under(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): t.clone() for name, t in state.items() if name.startswith(prefix)}

        self._slow = under("slow.")
        self._inner.load_state_dict(under("inner."))
