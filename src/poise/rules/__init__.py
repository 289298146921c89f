"""Who moves when, and at which point the gradient is taken."""

from collections.abc import Mapping
from typing import Protocol

from ..game import Loss, Play
from .alternating import Alternating
from .simultaneous import Simultaneous


class Rule(Protocol):
    """How one step of a game is played.

    Attributes:
        batches: how many batches a step needs.
    """

    batches: int

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Ask the play for gradients and moves; return each player's last loss."""
        ...


RULES: dict[str, type[Alternating] | type[Simultaneous]] = {
    "simultaneous": Simultaneous,
    "alternating": Alternating,
}

__all__ = ["RULES", "Alternating", "Rule", "Simultaneous"]
