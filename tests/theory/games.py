"""Two-player games whose every step is known in closed form."""

import torch
from torch import Tensor, nn

from poise.config import GanConfig
from poise.game import Batch, Game, Loss
from poise.models.gan import Gan
from poise.rng import Rng
from poise.rules import Rule
from poise.training import Training


class Point(nn.Module):
    """A player that is one number."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor([value], dtype=torch.float64))


class Bilinear(Game):
    """min_x max_y xy."""

    players = ("x", "y")

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
    optimizers = {player: lambda vector, lr=lr: torch.optim.SGD([vector], lr=lr) for player, lr in rates.items()}
    training = Training(game, rule, optimizers)
    path = [_positions(game)]
    for _ in range(steps):
        training.play([Batch(torch.zeros(1, 1, dtype=torch.float64))], progress=0.0)
        path.append(_positions(game))
    return path


def _positions(game: Game) -> tuple[float, ...]:
    return tuple(next(game.get_submodule(player).parameters()).item() for player in game.players)


def radius(game_at: object, rule: Rule, rate: float, scale: float = 1e-6) -> float:
    """Spectral radius of one step at the origin, from the images of two short vectors."""
    columns = []
    for start in ((scale, 0.0), (0.0, scale)):
        game = game_at(*start)  # type: ignore[operator]
        end = positions(game, rule, dict.fromkeys(game.players, rate), 1)[1]
        columns.append(torch.tensor(end, dtype=torch.float64) / scale)
    return float(torch.linalg.eigvals(torch.stack(columns, 1)).abs().max())
