"""Games so small that every step can be seen and computed by hand: two players, solved at the origin."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..config import GanConfig
from ..errors import PoiseError, suggestion
from ..game import Batch, Game, Loss
from ..rng import Rng
from .gan import Gan

Numbers = float | NDArray[np.float64]


class Point(nn.Module):
    """A player that is nothing but its numbers, in float64."""

    def __init__(self, value: Numbers) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.from_numpy(np.atleast_1d(np.array(value, dtype=np.float64))))


class Quadratic(Game):
    """min_x max_y ½xᵀAx + xᵀBy − ½yᵀCy: the players' coupling B, and each one's own curvature.

    Its vector field is linear, F(x, y) = M(x, y) with M = [[A, B], [−Bᵀ, C]]. Coupling turns, curvature pulls inwards.

    Args:
        a: A, a number or a matrix.
        b: B.
        c: C.
        x: where the first player starts, a number or a vector.
        y: where the second one does.

    Source: Mescheder et al. 2017 (arXiv:1705.10461), section 3, for what M says about convergence.

    Example:
        >>> game = Quadratic(2.0, 1.0, 0.0, x=3.0, y=5.0)
        >>> game.loss("x", Batch(torch.zeros(1, 1)), Rng(0)).total.item()
        24.0
    """

    players = ("x", "y")
    zero_sum = True

    def __init__(self, a: Numbers, b: Numbers, c: Numbers, x: Numbers = 1.0, y: Numbers = 1.0) -> None:
        super().__init__()
        self.a, self.b, self.c = (torch.from_numpy(np.atleast_2d(np.array(m, dtype=np.float64))) for m in (a, b, c))
        self.x, self.y = Point(x), Point(y)

    def loss(self, player: str, batch: Batch, rng: Rng) -> Loss:
        """Return the payoff to x, or minus it to y; there are no data."""
        x, y = self.x.value, self.y.value
        payoff = x @ self.a @ x / 2 + x @ self.b @ y - y @ self.c @ y / 2
        return Loss(payoff if player == "x" else -payoff)

    def sample(self, n: int, rng: Rng) -> Tensor:
        """Return where the players are, n times."""
        return torch.cat([self.x.value, self.y.value]).expand(n, -1)


class Constant(Point):
    """The Dirac-GAN's generator: every sample is θ."""

    def forward(self, z: Tensor) -> Tensor:
        """Return θ for each row of the noise."""
        return self.value.expand(len(z), 1)


class Slope(Point):
    """The Dirac-GAN's discriminator: D(x) = ψx."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of samples [n, 1]."""
        return (self.value * x).squeeze(1)


def bilinear(x: float = 1.0, y: float = 1.0) -> Quadratic:
    """min_x max_y xy: nothing but coupling.

    Example:
        >>> bilinear(2.0, 3.0).loss("y", Batch(torch.zeros(1, 1)), Rng(0)).total.item()
        -6.0
    """
    return Quadratic(0.0, 1.0, 0.0, x, y)


def quadratic(x: float = 1.0, y: float = 1.0) -> Quadratic:
    """min_x max_y ¼x² + xy − ⅒y²: coupling, and a weaker curvature of each player's own."""
    return Quadratic(0.5, 1.0, 0.2, x, y)


def dirac_gan(psi: float = 1.0, theta: float = 1.0, gamma: float = 0.0, loss: str = "minimax") -> Gan:
    """The Dirac-GAN: D(x) = ψx tells θ, the one sample there is, from 0, the one datum (Mescheder et al. 2018).

    Near its solution F ≈ M(ψ, θ) with M = [[γ, ½], [−½, 0]].

    Args:
        psi: where the discriminator starts.
        theta: where the generator starts.
        gamma: weight of R1, the penalty γψ²/2 on the discriminator's slope.
        loss: an adversarial loss by its name.

    Source: Mescheder et al. 2018 (arXiv:1801.04406), definition 2.1.

    Example:
        >>> round(dirac_gan(0.0, 1.0).loss("discriminator", Batch(torch.zeros(1, 1)), Rng(0)).total.item(), 4)  # 2 ln 2
        1.3863
    """
    penalties = ("r1",) if gamma else ()
    config = GanConfig(latent=1, loss=loss, penalties=penalties, gamma=gamma)  # type: ignore[arg-type]
    return Gan(Constant(theta), Slope(psi), config)


class Make(Protocol):
    """From where both players start, in order of play, to the game."""

    def __call__(self, first: float, second: float, /) -> Game:
        """Make it."""


PLANE: Mapping[str, Make] = {"bilinear": bilinear, "quadratic": quadratic, "dirac-gan": dirac_gan}


def build(name: str, start: tuple[float, float], gamma: float = 0.0) -> Game:
    """Make a game of the plane.

    Args:
        name: bilinear, quadratic or dirac-gan.
        start: where both players start, in order of play.
        gamma: weight of the Dirac-GAN's R1 penalty.

    Raises:
        PoiseError: no such game, or a penalty on one that has none.

    Example:
        >>> build("dirac-gan", (1.0, 0.5)).players
        ('discriminator', 'generator')
    """
    if name not in PLANE:
        raise PoiseError(f"no game {name!r}; {suggestion(name, PLANE)}")
    if not gamma:
        return PLANE[name](*start)
    if name != "dirac-gan":
        raise PoiseError(f"--gamma is a penalty of dirac-gan, not of {name}; leave it out")
    if gamma < 0:
        raise PoiseError(f"--gamma is {gamma}; give a number of at least 0")
    return dirac_gan(*start, gamma)
