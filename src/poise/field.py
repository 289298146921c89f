"""The vector field of a game, and products with its Jacobian, for rules that look at the second order."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .game import Loss

Vectors = dict[str, list[Tensor]]  # for each player one tensor for each of its parameters


class Field:
    """F = (∇ₓL_x, ∇_yL_y, ...) at the current weights, differentiable; J is its Jacobian.

    Args:
        losses: each player's loss, with its graph.
        weights: each player's parameters.

    Attributes:
        losses: each player's loss, detached.
        values: F.
        products: how often a loss was differentiated again for `pull`, `mixed` and `push`.

    Example:
        >>> x, y = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0))
        >>> field = Field({"x": Loss(x * y), "y": Loss(-x * y)}, {"x": [x], "y": [y]})
        >>> [v.item() for vectors in field.values.values() for v in vectors]
        [3.0, -2.0]
        >>> J_transposed = field.pull({"x": [torch.tensor(1.0)], "y": [torch.tensor(5.0)]})
        >>> [v.item() for vectors in J_transposed.values() for v in vectors]
        [-5.0, 1.0]
    """

    def __init__(self, losses: Mapping[str, Loss], weights: Mapping[str, Sequence[nn.Parameter]]) -> None:
        self._weights = {player: list(parameters) for player, parameters in weights.items()}
        self.values: Vectors = {
            player: gradients(losses[player].total, own, differentiable=True) for player, own in self._weights.items()
        }
        self.losses = {player: loss.detached() for player, loss in losses.items()}
        self.products = 0

    def pull(self, vectors: Vectors, differentiable: bool = False) -> Vectors:
        """Return Jᵀv."""
        return {player: self.mixed(vectors, player, differentiable) for player in self._weights}

    def mixed(self, vectors: Vectors, player: str, differentiable: bool = False) -> list[Tensor]:
        """Return one player's part of Jᵀv, Σ ∂(F_p · v_p)/∂w_player over the players p in `vectors`."""
        product = dot({p: self.values[p] for p in vectors}, vectors)
        self.products += 1
        return gradients(product, self._weights[player], differentiable)

    def push(self, vectors: Vectors) -> Vectors:
        """Return Jv, as the derivative of Jᵀu, which is linear in u, in the direction v."""
        dummies = {
            player: [torch.zeros_like(v).requires_grad_() for v in values] for player, values in self.values.items()
        }
        pulled = self.pull(dummies, differentiable=True)
        product = dot(pulled, vectors)
        self.products += len(dummies)
        return {player: gradients(product, dummy, keep=True) for player, dummy in dummies.items()}


def gradients(value: Tensor, inputs: Sequence[Tensor], differentiable: bool = False, keep: bool = True) -> list[Tensor]:
    """Return ∂value/∂input for each input; zeros where there is no dependence."""
    if not value.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    found = torch.autograd.grad(
        value, list(inputs), create_graph=differentiable, retain_graph=keep or differentiable, allow_unused=True
    )
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


def dot(a: Vectors, b: Vectors) -> Tensor:
    """Return the inner product of two vectors of the same players."""
    parts = [(x * y).sum() for player in a for x, y in zip(a[player], b[player], strict=True)]
    return torch.stack(parts).sum()


def combine(a: Vectors, share: float | Tensor, b: Vectors) -> Vectors:
    """Return a + share · b."""
    return {p: [x + share * y for x, y in zip(a[p], b[p], strict=True)] for p in a}


def detached(vectors: Vectors) -> Vectors:
    """Return the same numbers without their graph."""
    return {player: [v.detach() for v in values] for player, values in vectors.items()}
