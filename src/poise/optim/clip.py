"""Limits on gradients: by norm, by unit, by what was usual so far.

A clip looks at all gradients of a step and returns a factor for them, which costs one reduction; the multiplication
happens within the optimizer's pass.
"""

from bisect import insort
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .flat import Vector

Pair = tuple[Tensor, Tensor]  # weights and their gradient, of one shape


class Clip(Protocol):
    """What an optimizer's `clip` must be."""

    def __call__(self, pairs: Sequence[Pair]) -> Tensor | None:
        """Return a factor for all gradients (a scalar), or change them in place and return None."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what must be kept between runs, as plain numbers."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a `state_dict`."""
        ...


def total_norm(pairs: Sequence[Pair]) -> Tensor:
    """Return ‖g‖₂ over all gradients together.

    Example:
        >>> total_norm([(torch.zeros(2), torch.tensor([3.0, 0.0])), (torch.zeros(1), torch.tensor([4.0]))])
        tensor(5.)
    """
    return torch.nn.utils.get_total_norm([g for _, g in pairs])


class ClipNorm:
    """Scale the gradient down to a norm: g ← g · min(1, c/‖g‖₂).

    Args:
        limit: c.

    Source: Pascanu et al. 2013 (arXiv:1211.5063), algorithm 1.

    Example:
        >>> ClipNorm(1.0)([(torch.zeros(2), torch.tensor([3.0, 4.0]))])
        tensor(0.2000)
    """

    def __init__(self, limit: float = 1.0) -> None:
        if not limit > 0:
            raise ValueError(f"the limit of clipping is {limit}; give a number above 0")
        self.limit = limit

    def __call__(self, pairs: Sequence[Pair]) -> Tensor:
        """Return the factor."""
        return (self.limit / total_norm(pairs)).clamp(max=1.0)

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take up."""


class ClipUnits:
    """Scale down the gradient of each unit to a share of that unit's weights (adaptive gradient clipping).

        gᵢ ← gᵢ · min(1, λ · max(‖wᵢ‖, ε) / ‖gᵢ‖)

    for every unit i, that is every row of a matrix, every filter of a convolution; a vector is one unit.

    Args:
        limit: λ.
        eps: ε, so that weights starting at zero can grow.

    Source: Brock et al. 2021 (arXiv:2102.06171), eq. 3.

    Example:
        >>> w, g = torch.eye(2), torch.tensor([[3.0, 4.0], [0.0, 0.1]])
        >>> ClipUnits(0.5)([(w, g)])
        >>> g
        tensor([[0.3000, 0.4000],
                [0.0000, 0.1000]])
    """

    def __init__(self, limit: float = 0.01, eps: float = 1e-3) -> None:
        if not limit > 0:
            raise ValueError(f"the limit of clipping is {limit}; give a number above 0")
        self.limit, self.eps = limit, eps

    def __call__(self, pairs: Sequence[Pair]) -> None:
        """Change the gradients in place."""
        for w, g in pairs:
            parts = zip(w.views(w.detach()), w.views(g), strict=True) if isinstance(w, Vector) else [(w.detach(), g)]
            for weights, gradient in parts:
                allowed = self.limit * _unit_norms(weights).clamp(min=self.eps)
                gradient.mul_((allowed / _unit_norms(gradient)).clamp(max=1.0).nan_to_num(nan=1.0))

    def state_dict(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take up."""


def _unit_norms(x: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(x, dim=None if x.dim() < 2 else tuple(range(1, x.dim())), keepdim=True)
    return norms


class ClipPercentile(ClipNorm):
    """Scale the gradient down to the p-th percentile of all norms so far (AutoClip), this one included.

    Args:
        percentile: p, from 0 to 100.

    Source: Seetharaman et al. 2020 (arXiv:2007.14469), eq. 2; there p = 10.

    Example:
        >>> clip = ClipPercentile(50)
        >>> for norm in (1.0, 3.0):
        ...     factor = clip([(torch.zeros(1), torch.tensor([norm]))])
        >>> factor  # the median of 1 and 3 is 2
        tensor(0.6667)
    """

    def __init__(self, percentile: float = 10.0) -> None:
        if not 0 <= percentile <= 100:
            raise ValueError(f"the percentile of clipping is {percentile}; give a number from 0 to 100")
        self.percentile = percentile
        self._norms: list[float] = []  # sorted

    def __call__(self, pairs: Sequence[Pair]) -> Tensor:
        """Return the factor, and remember the norm."""
        norm = total_norm(pairs)
        if torch.isfinite(norm):
            insort(self._norms, norm.item())
        if not self._norms:
            return torch.ones_like(norm)
        return (self._limit() / norm).clamp(max=1.0).nan_to_num(nan=1.0)  # 0/0: nothing to scale

    def _limit(self) -> float:
        place = self.percentile / 100 * (len(self._norms) - 1)  # linear between neighbors, as numpy's default
        low = int(place)
        high = min(low + 1, len(self._norms) - 1)
        return self._norms[low] + (place - low) * (self._norms[high] - self._norms[low])

    def state_dict(self) -> dict[str, Any]:
        """The norms so far, sorted."""
        return {"norms": list(self._norms)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the norms."""
        self._norms = list(state["norms"])
