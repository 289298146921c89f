"""Bend the game's vector field across its rotation."""

from collections.abc import Mapping

from ..field import Vectors, combine, detached, dot
from ..game import Loss
from ..play import Play
from .rule import Rule


class Symplectic(Rule):
    """Symplectic gradient adjustment: undo the rotation of the game's vector field (Balduzzi et al. 2018).

        w_{t+1} = w_t − η (F + λ AᵀF),   A = ½(J − Jᵀ), so AᵀF = ½(JᵀF − JF)

    With `align`, λ's sign follows whether the field points towards a stable or an unstable fixed point:
    λ ← λ · sign(⟨F, JᵀF⟩⟨AᵀF, JᵀF⟩/d + ε), d the number of weights, ε = .1. On the bilinear game it is the same as
    consensus. An optimizer other than gradient descent takes the bracket for its gradient.

    Args:
        weight: λ.
        align: choose the sign.

    Source: Balduzzi et al. 2018 (arXiv:1802.05642), algorithm 1 and section 3.5.

    Example:
        >>> Symplectic().second_order
        True
    """

    second_order = True

    def __init__(self, weight: float = 1.0, align: bool = True) -> None:
        self._weight, self._align = weight, align

    def step(self, play: Play) -> Mapping[str, Loss]:
        """Play one step."""
        field = play.field()
        here = detached(field.values)
        pulled, pushed = field.pull(here), field.push(here)
        adjustment = {p: [(a - b) / 2 for a, b in zip(pulled[p], pushed[p], strict=True)] for p in pulled}
        weight = self._weight * (alignment(here, adjustment, pulled) if self._align else 1.0)
        play.use(combine(here, weight, adjustment))
        play.move(*play.players)
        return field.losses


def alignment(field: Vectors, adjustment: Vectors, pulled: Vectors, eps: float = 0.1) -> float:
    """Return sign(⟨F, JᵀF⟩⟨AᵀF, JᵀF⟩/d + ε), with d the number of weights.

    Example:
        >>> import torch
        >>> one, two = {"x": [torch.ones(2)]}, {"x": [-torch.ones(2)]}
        >>> alignment(one, one, one), alignment(one, two, one)
        (1.0, -1.0)
    """
    weights = sum(v.numel() for values in field.values() for v in values)
    product = dot(field, pulled) * dot(adjustment, pulled) / weights
    return 1.0 if product.item() + eps > 0 else -1.0
