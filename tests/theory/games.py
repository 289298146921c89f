"""Playing the games of the plane, whose every step is known in closed form."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from poise.game import Batch, Game
from poise.optim import SGD
from poise.rules import Rule
from poise.training import Training

Matrix = NDArray[np.float64]
GameAt = Callable[[float, float], Game]


def positions(game: Game, rule: Rule, rates: dict[str, float], steps: int) -> list[tuple[float, ...]]:
    """Play by gradient descent; return the players' positions before the first and after each step."""
    training = Training(game, rule, {player: partial(SGD, lr=rate) for player, rate in rates.items()})
    path = [_positions(game)]
    for _ in range(steps):
        training.play([Batch(torch.zeros(1, 1, dtype=torch.float64))], progress=0.0)
        path.append(_positions(game))
    return path


def _positions(game: Game) -> tuple[float, ...]:
    return tuple(next(game.get_submodule(player).parameters()).item() for player in game.players)


def step_matrix(game_at: GameAt, rule: Callable[[], Rule], rate: float, steps: int = 1, scale: float = 1e-6) -> Matrix:
    """What some steps do to a point near the origin, as a matrix, from the images of two short vectors."""
    columns = []
    for start in ((scale, 0.0), (0.0, scale)):
        game = game_at(*start)
        columns.append(np.array(positions(game, rule(), dict.fromkeys(game.players, rate), steps)[-1]) / scale)
    return np.stack(columns, 1)


def radius(matrix: Matrix) -> float:
    """Return the spectral radius."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())
