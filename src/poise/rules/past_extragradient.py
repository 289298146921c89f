"""Extragradient at the price of one gradient."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..game import Loss
from ..play import Play
from .rule import Rule


class PastExtragradient(Rule):
    """Extragradient whose half step takes the gradient of the half step before (Popov 1980; Gidel et al. 2019).

        w_{t+½} = w_t − η F(w_{t−½}),   w_{t+1} = w_t − η F(w_{t+½});   F(w_{−½}) = F(w_0)

    With gradient descent this is the optimistic method, w_{t+½} = w_{t−½} − 2ηF(w_{t−½}) + ηF(w_{t−3/2}): on the
    bilinear game ρ² = (1 + √(1 − 4η²))/2 up to η = ½. With any other optimizer inside, its state moves in both
    lines, so that Adam's moments see each gradient twice.

    Source: Popov 1980; Gidel et al. 2019 (arXiv:1802.10551), section 3.2 and algorithm 5.

    Example:
        >>> PastExtragradient().state_dict()
        {}
    """

    def __init__(self) -> None:
        self._past: dict[str, Tensor] = {}

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        if not self._past:
            play.gradients(*play.players)
        for player, past in self._past.items():
            play.seats[player].flat.gradient.copy_(past)
        play.extrapolate(*play.players)
        losses = play.gradients(*play.players)
        for player in play.players:
            gradient = play.seats[player].flat.gradient
            self._past.setdefault(player, torch.empty_like(gradient)).copy_(gradient)
        play.move(*play.players)
        return losses

    def state_dict(self) -> dict[str, Tensor]:
        """Return each player's last gradient."""
        return dict(self._past)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up the gradients."""
        self._past = {player: gradient.clone() for player, gradient in state.items()}
