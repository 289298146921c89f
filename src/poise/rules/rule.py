"""What every rule is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import PoiseError
from ..game import Game, Loss
from ..play import Play


class Rule(ABC):
    """How one step of a game is played: who moves when, and at which point the gradient is taken.

    Attributes:
        batches: how many batches a step needs, at most.
        every: how many steps lie between weights that are worth averaging.
        second_order: whether it differentiates gradients; such a rule computes in full precision.
    """

    batches: int = 1
    every: int = 1
    second_order: bool = False

    @abstractmethod
    def step(self, play: Play) -> Mapping[str, Loss]:
        """Ask the play for gradients and moves; return each player's last loss."""

    def batches_at(self, progress: float) -> int:
        """Return how many batches a step needs at this point of the training (0 to 1)."""
        return self.batches

    def check(self, game: Game, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Check, before training, that this rule can play this game with these optimizers.

        Raises:
            PoiseError: it cannot; the message says what would.
        """
        return

    def state_dict(self) -> dict[str, Tensor]:
        """Return what must be kept between steps, by name."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up a `state_dict`."""
        return


def needs_two(rule: str, game: Game) -> None:
    """Check that a game has two players.

    Raises:
        PoiseError: it has not.
    """
    if len(game.players) != 2:
        raise PoiseError(f"the {rule} rule needs a game of two players, not {len(game.players)}; use simultaneous")


def setting(optimizer: torch.optim.Optimizer, name: str) -> Any:
    """Return a setting of an optimizer's first group."""
    return optimizer.param_groups[0].get(name)
