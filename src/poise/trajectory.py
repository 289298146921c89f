"""How a rule moves through a game of the plane: where it goes, how fast, and what theory says of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from .errors import NonFinite, PoiseError, suggestion
from .field import gradients
from .game import Batch, Game
from .models import plane
from .optim import OPTIMIZERS
from .rng import Rng
from .rules import RULES, Alternating, Lookahead, Rule
from .theory import LOOKAHEAD_STEPS, STEPS, rate
from .training import Training

Points = NDArray[np.float64]  # [n, 2]
Start = tuple[float, float]

PLAIN = ("sgd", "gradient-descent")  # the optimizers that theory is about
FAR, NEAR = 1e6, 1e-12  # times the first distance: beyond the one a path ends, below the other it is rounding
STILL = 0.02  # a path that nears or leaves the solution by a smaller share in all, cycles
SHORT = 20  # fewer steps than these tell nothing


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What a rule did.

    Attributes:
        rule: its name.
        path: where the players were before the first and after each step, in order of play, [steps + 1, 2]; it ends
            early where they went too far.
        theory: ρ, the factor on the distance per step near the solution; None where no closed form is known.

    Example:
        >>> outward = np.array([[1.1**t, 0.0] for t in range(20)])
        >>> found = Trajectory("simultaneous", outward, theory=None)
        >>> round(found.measured, 4), found.verdict
        (1.1, 'diverges')
    """

    rule: str
    path: Points
    theory: float | None

    @property
    def distances(self) -> Points:
        """The distance to the solution before the first and after each step."""
        return np.hypot(self.path[:, 0], self.path[:, 1])

    @property
    def measured(self) -> float:
        """The factor on the distance per step."""
        return float(np.exp(slope(self._points)) ** (1 / self._stride))

    @property
    def verdict(self) -> str:
        """What became of it: "converges", "cycles" or "diverges"."""
        rise = slope(self._points)
        if abs(rise) * len(self._points) < STILL:
            return "cycles"
        return "converges" if rise < 0 else "diverges"

    @property
    def _points(self) -> Points:
        """The path as far as it is more than rounding, and of lookahead only where it looks back."""
        above = self.distances > NEAR * self.distances[0]
        end = len(above) if above.all() else max(2, int(above.argmin()))
        return self.path[: end : self._stride]

    @property
    def _stride(self) -> int:
        return LOOKAHEAD_STEPS if self.rule == "lookahead" and len(self.path) > SHORT else 1


def slope(path: Points) -> float:
    """Return how much the logarithm of the distance to the origin rises from one point of a path to the next.

    On its way around, a path comes and goes. So two ends are compared that lie a whole number of half turns apart:
    within the second half of the path, or within all of it. Where it does not turn so far, a line is fitted.

    Example:
        >>> angles = np.arange(100) / 10
        >>> abs(slope(np.stack([2 * np.cos(angles), np.sin(angles)], 1))) < 1e-4  # an ellipse
        True
    """
    logs, angles = np.log(np.hypot(*path.T)), np.unwrap(np.arctan2(path[:, 1], path[:, 0]))
    ahead = np.abs(angles[-1] - angles)  # how far it is going to turn from each point on
    half = len(path) // 2
    goal = ahead[half] // np.pi * np.pi or ahead[0] // np.pi * np.pi
    if not goal:
        late = logs[half:] if half > 1 else logs
        return float(np.polyfit(np.arange(len(late)), late, 1)[0])
    before = int(np.flatnonzero(ahead[:-1] >= goal)[-1])
    share = (ahead[before] - goal) / (ahead[before] - ahead[before + 1])  # of the step in which the turns begin
    there = logs[before] + share * (logs[before + 1] - logs[before])
    return float((logs[-1] - there) / (len(logs) - 1 - before - share))


def follow(
    game: str,
    rules: Sequence[str],
    *,
    optimizer: str = "sgd",
    lr: float = 0.1,
    steps: int = 200,
    start: Start = (1.0, 1.0),
    gamma: float = 0.0,
) -> list[Trajectory]:
    """Play a game of the plane by several rules.

    Args:
        game: bilinear, quadratic or dirac-gan.
        rules: their names; each has its default options, and lookahead looks ahead of the alternating rule.
        optimizer: of both players.
        lr: its learning rate.
        steps: how many.
        start: where both players start, in order of play.
        gamma: weight of the Dirac-GAN's R1 penalty.

    Raises:
        PoiseError: no such game, rule or optimizer, a rule that does not go with them, or a senseless number.

    Example:
        >>> [found] = follow("bilinear", ["extragradient"], steps=50)
        >>> found.verdict, round(found.measured**2, 4), round(found.theory**2, 4)
        ('converges', 0.9901, 0.9901)
    """
    _check(rules, optimizer, lr, steps, start)
    make = partial(OPTIMIZERS[optimizer], lr=lr)
    m, theirs = linearized(plane.build(game, (0.0, 0.0), gamma))
    found = []
    for name in dict.fromkeys(rules):
        played = plane.build(game, start, gamma)
        training = Training(played, make_rule(name), dict.fromkeys(played.players, make))
        options = {"theirs": theirs} if name == "unrolled" else {}
        known = rate(name, m, lr, **options) if optimizer in PLAIN and name in STEPS else None
        found.append(Trajectory(name, _walk(training, steps), known))
    return found


def make_rule(name: str) -> Rule:
    """Return a rule with its default options."""
    return Lookahead(Alternating()) if name == "lookahead" else RULES[name]()


def linearized(game: Game) -> tuple[NDArray[np.float64], float]:
    """Return M, the Jacobian of the game's vector field where it stands, and the second loss's curvature in x.

    Example:
        >>> m, theirs = linearized(plane.quadratic())
        >>> m, theirs
        (array([[ 0.5,  1. ], [-1. ,  0.2]]), -0.5)
    """
    weights = [p for player in game.players for p in game.get_submodule(player).parameters()]
    hessians = []
    for player in game.players:
        slopes = gradients(game.loss(player, _nothing(), Rng(0)).total, weights, differentiable=True)
        hessians.append(torch.stack([torch.cat(gradients(slope.sum(), weights)) for slope in slopes]).numpy())
    first, second = hessians
    return np.stack([first[0], second[1]]), float(second[0, 0])


def forces(game: str, points: Points, gamma: float = 0.0) -> Points:
    """Return −F at each point: which way each player is drawn.

    Example:
        >>> forces("bilinear", np.array([[1.0, 2.0]]))
        array([[-2., 1.]])
    """
    found = []
    for first, second in points:
        here = plane.build(game, (first, second), gamma)
        own = [(player, list(here.get_submodule(player).parameters())) for player in here.players]
        found.append([-gradients(here.loss(p, _nothing(), Rng(0)).total, weights)[0].item() for p, weights in own])
    return np.array(found) + 0.0  # no −0


def _walk(training: Training, steps: int) -> Points:
    """Play until the end, or until the players are far away."""
    path = [_position(training)]
    limit = FAR * np.hypot(*path[0])
    for _ in range(steps):
        try:
            training.play([_nothing()], progress=0.0)
        except NonFinite:
            break
        here = _position(training)
        if not np.hypot(*here) < limit:
            break
        path.append(here)
    if len(path) < 2:
        raise PoiseError("the first step leads out of sight; lower --lr")
    return np.array(path)


def _position(training: Training) -> tuple[float, float]:
    first, second = (training.flats[player].parameters[0].item() for player in training.game.players)
    return first, second


def _nothing() -> Batch:
    """Return a batch for games without data; the Dirac-GAN's datum is this 0."""
    return Batch(torch.zeros(1, 1, dtype=torch.float64))


def _check(rules: Sequence[str], optimizer: str, lr: float, steps: int, start: Start) -> None:
    for name in rules or [""]:
        if name not in RULES:
            raise PoiseError(f"no rule {name!r}; {suggestion(name, RULES)}")
    if optimizer not in OPTIMIZERS:
        raise PoiseError(f"no optimizer {optimizer!r}; {suggestion(optimizer, OPTIMIZERS)}")
    if not 0 < lr < np.inf:
        raise PoiseError(f"--lr is {lr}; give a number above 0")
    if steps < SHORT:
        raise PoiseError(f"--steps is {steps}; give at least {SHORT}, for fewer do not show where it goes")
    if not np.isfinite(start).all() or start == (0, 0):
        raise PoiseError(f"--start is {start[0]:g},{start[1]:g}; start at two numbers that are not the solution 0,0")
