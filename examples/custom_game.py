"""A game of one's own: two numbers, one of which wants their product small and the other large.

Moving at once, the players leave the solution; taking turns, they circle it for ever; looking a half step ahead, they
find it. Run it:

    python examples/custom_game.py
"""

from functools import partial

import torch
from torch import Tensor, nn

from poise.game import Batch, Game, Loss
from poise.loop import by_steps, fit
from poise.optim import SGD, Flat
from poise.rng import Rng
from poise.rules import Alternating, Extragradient, Rule, Simultaneous
from poise.training import Training


class Tug(Game):
    """min over x, max over y, of x · y."""

    players = ("x", "y")

    def __init__(self) -> None:
        super().__init__()
        self.x, self.y = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        for player in (self.x, self.y):
            nn.init.ones_(player.weight)

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return x·y for x, and −x·y for y."""
        product = (self.x.weight * self.y.weight).sum()
        return Loss(product if player == "x" else -product)

    def sample(self, n: int, rng: Rng) -> Tensor:
        """Return where the players are, n times."""
        return torch.cat([self.x.weight, self.y.weight], 1).expand(n, 2)


def distance_after(rule: Rule, steps: int) -> float:
    """Train by gradient descent of step size .1 and return the distance to the solution (0, 0)."""

    training = Training(Tug(), rule, dict.fromkeys(("x", "y"), partial(SGD, lr=0.1)))
    nothing = [(torch.zeros(1), None)] * steps  # this game needs no data
    fit(training, nothing, progress=by_steps(steps))
    flats: list[Flat] = list(training.flats.values())
    return float(torch.cat([flat.vector.detach()[:1] for flat in flats]).norm())


if __name__ == "__main__":
    for rule in (Simultaneous(), Alternating(), Extragradient()):
        print(f"{type(rule).__name__:<14}{distance_after(rule, steps=200):.3f}")
