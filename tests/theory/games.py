"""Two-player games whose every step is known in closed form."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from poise.config import GanConfig
from poise.game import Batch, Game, Loss
from poise.models.gan import Gan
from poise.optim import SGD
from poise.rng import Rng
from poise.rules import Rule
from poise.training import Training

Matrix = NDArray[np.float64]
GameAt = Callable[[float, float], Game]


class Point(nn.Module):
    """A player that is one number."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor([value], dtype=torch.float64))


class Bilinear(Game):
    """min_x max_y xy."""

    players = ("x", "y")
    zero_sum = True

    def __init__(self, x: float = 1.0, y: float = 1.0) -> None:
        super().__init__()
        self.x, self.y = Point(x), Point(y)

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        product = (self.x.value * self.y.value).sum()
        return Loss(product if player == "x" else -product)

    def sample(self, n: int, rng: Rng) -> Tensor:
        return torch.stack([self.x.value, self.y.value], 1).expand(n, 2)


class Constant(Point):
    """The Dirac-GAN's generator: every sample is θ."""

    def forward(self, z: Tensor) -> Tensor:
        return self.value.expand(len(z), 1)


class Slope(Point):
    """The Dirac-GAN's discriminator: D(x) = ψx."""

    def forward(self, x: Tensor) -> Tensor:
        return (self.value * x).squeeze(1)


def dirac_gan(theta: float, psi: float, gamma: float = 0.0, loss: str = "minimax") -> Gan:
    """The real data are the single point 0; with γ > 0 the discriminator pays R1."""
    penalties = ("r1",) if gamma else ()
    config = GanConfig(latent=1, loss=loss, penalties=penalties, gamma=gamma)  # type: ignore[arg-type]
    return Gan(Constant(theta), Slope(psi), config)


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


class Quadratic(Game):
    """min_x ½xᵀAx + xᵀBy, min_y −xᵀBy + ½yᵀCy; zero-sum, x and y of any number of dimensions."""

    players = ("x", "y")
    zero_sum = True

    def __init__(self, a: Matrix, b: Matrix, c: Matrix, x: Matrix, y: Matrix) -> None:
        super().__init__()
        self.a, self.b, self.c = (torch.from_numpy(m) for m in (a, b, c))
        self.x, self.y = Point(0.0), Point(0.0)
        self.x.value, self.y.value = nn.Parameter(torch.from_numpy(x)), nn.Parameter(torch.from_numpy(y))

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        x, y = self.x.value, self.y.value
        payoff = x @ self.a @ x / 2 + x @ self.b @ y - y @ self.c @ y / 2
        return Loss(payoff if player == "x" else -payoff)

    def sample(self, n: int, rng: Rng) -> Tensor:
        return torch.zeros(n, 1)
