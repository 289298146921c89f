"""Move to the equilibrium of the local game instead of down the gradient."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..errors import PoiseError
from ..field import Field
from ..game import Game, Loss
from ..optim import SGD, Adam
from ..optim.kernel import root
from ..play import Play, Seat
from .rule import Rule, needs_two, setting

Vector = list[Tensor]  # one tensor for each parameter of a player


class Competitive(Rule):
    """Both players move to the Nash equilibrium of the game's bilinear approximation (Schäfer & Anandkumar 2019).

    For x minimizing and y maximizing f, with step sizes A_x and A_y (numbers, or one for each weight):

        Δx = −A_x^½ (I + A_x^½ D_xy A_y D_yx A_x^½)⁻¹ A_x^½ (∇_x f + D_xy A_y ∇_y f),
        Δy = A_y (∇_y f + D_yx Δx),

    the inverse by conjugate gradients on products with the mixed second derivatives, and Δy the best answer to Δx.
    With optimizer `sgd` the step sizes are the learning rates: competitive gradient descent, on the bilinear game
    ρ² = 1/(1 + η²) for every η. With `adam` (β₁ = 0) they are lr/(√v̂ + ε): adaptive competitive gradient descent.

    Args:
        tolerance: the residual, relative to the right side, at which conjugate gradients stop.
        iterations: at most so many of them, each of two products.

    Source: Schäfer & Anandkumar 2019 (arXiv:1905.12103), eq. 4; adaptive: Schäfer et al. 2020 (arXiv:1910.05852),
    algorithm 2.

    Example:
        >>> Competitive().second_order
        True
    """

    second_order = True

    def __init__(self, tolerance: float = 1e-6, iterations: int = 20) -> None:
        self._tolerance, self._iterations = tolerance, iterations
        self._squares: dict[str, Tensor] = {}

    def check(self, game: Game, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Check that the game is zero-sum, and that the optimizers are step sizes and nothing more."""
        needs_two("competitive", game)
        if not game.zero_sum:
            raise PoiseError(
                "the competitive rule needs a zero-sum game; use --loss minimax or wasserstein, "
                "and no penalty on generated samples"
            )
        for player, optimizer in optimizers.items():
            plain = isinstance(optimizer, SGD) and not setting(optimizer, "momentum")
            adaptive = isinstance(optimizer, Adam) and setting(optimizer, "betas")[0] == 0
            if not (plain or adaptive) or setting(optimizer, "weight_decay"):
                raise PoiseError(
                    f"the competitive rule takes only step sizes from the {player}'s optimizer; "
                    "use sgd without momentum, or adam with --beta1 0, and no weight decay"
                )

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        field = play.field()
        x, y = play.players
        gradient_x, gradient_y = ([v.detach() for v in field.values[player]] for player in (x, y))
        root_x, root_y = (self._root_sizes(play.seats[player], player, field, play.step) for player in (x, y))

        def size_y(v: Vector) -> Vector:
            return times(root_y, times(root_y, v))

        def curvature(v: Vector) -> Vector:
            inner = field.mixed({x: times(root_x, v)}, y)
            outer = field.mixed({y: size_y(inner)}, x)
            return [a - b for a, b in zip(v, times(root_x, outer), strict=True)]

        # with F = (∇_x f, −∇_y f): D_xy v = −∂(F_y·v)/∂x and D_yx u = ∂(F_x·u)/∂y
        right = [a + b for a, b in zip(gradient_x, field.mixed({y: size_y(gradient_y)}, x), strict=True)]
        solution = conjugate_gradients(curvature, times(root_x, right), self._tolerance, self._iterations)
        change_x = [-v for v in times(root_x, solution)]
        answer = [a - b for a, b in zip(field.mixed({x: change_x}, y), gradient_y, strict=True)]
        play.shift({x: change_x, y: size_y(answer)})
        return field.losses

    def state_dict(self) -> dict[str, Tensor]:
        """Return the running means of squared gradients, where there are any."""
        return dict(self._squares)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take them up."""
        self._squares = {player: square.clone() for player, square in state.items()}

    def _root_sizes(self, seat: Seat, player: str, field: Field, step: int) -> Vector:
        """Return A^½ for each parameter, after taking the gradient into the mean of squares if there is one."""
        lr = setting(seat.optimizer, "lr")
        values = field.values[player]
        if isinstance(seat.optimizer, SGD):
            return [v.new_tensor(lr**0.5) for v in values]
        decay, eps = setting(seat.optimizer, "betas")[1], setting(seat.optimizer, "eps")
        square = self._squares.setdefault(player, torch.zeros_like(seat.flat.vector.detach()))
        for own, v in zip(seat.flat.views(square), values, strict=True):
            own.mul_(decay).addcmul_(v.detach(), v.detach(), value=1 - decay)
        sizes = lr / (root(square / (1 - decay**step)) + eps)
        return seat.flat.views(root(sizes))


def times(sizes: Vector, v: Vector) -> Vector:
    """Return the product, parameter by parameter."""
    return [a * b for a, b in zip(sizes, v, strict=True)]


def conjugate_gradients(matrix: Callable[[Vector], Vector], right: Vector, tolerance: float, iterations: int) -> Vector:
    """Solve Mz = r for a symmetric positive definite M given by its products.

    Args:
        matrix: v → Mv.
        right: r.
        tolerance: stop when ‖Mz − r‖ ≤ tolerance · ‖r‖.
        iterations: or after so many.

    Source: Hestenes & Stiefel 1952.

    Example:
        >>> (z,) = conjugate_gradients(lambda v: [2 * v[0]], [torch.tensor([4.0])], 1e-6, 10)
        >>> z
        tensor([2.])
    """
    z, residual = [torch.zeros_like(r) for r in right], list(right)
    direction, length = residual, inner_product(residual, residual)
    enough = tolerance**2 * length
    for _ in range(iterations):
        if length <= enough:
            break
        image = matrix(direction)
        curvature = inner_product(direction, image)
        if not curvature > 0:  # the direction has underflowed
            break
        step = length / curvature
        z = [a + step * b for a, b in zip(z, direction, strict=True)]
        residual = [a - step * b for a, b in zip(residual, image, strict=True)]
        before, length = length, inner_product(residual, residual)
        direction = [a + length / before * b for a, b in zip(residual, direction, strict=True)]
    return z


def inner_product(a: Vector, b: Vector) -> Tensor:
    """Return ⟨a, b⟩."""
    return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)]).sum()
