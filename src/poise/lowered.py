"""A player's matrices in half precision, cast once a step in one pass over its flat buffer.

Under autocast every layer casts its own weights, and every weight's gradient is cast back and added by itself: for
networks of large matrices on a CPU that costs as much memory traffic as the products. Here the flat buffer is cast
in one pass and the layers read their views of the result.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .optim import Flat

MATRICES = (nn.Linear, nn.modules.conv._ConvNd)  # what autocast computes in half precision


class Lowered:
    """Stands in for a player's matrices while a loss is computed under autocast.

    The loss and its gradient are what autocast alone gives, bit for bit.

    Args:
        flat: the player.
        dtype: of the matrices.

    Attributes:
        stale: whether the weights have moved since they were cast.
        inputs: the leaves whose gradients a backward pass must find: matrices in half precision, the rest as it is.

    Example:
        >>> flat = Flat(nn.Linear(3, 1, bias=False))
        >>> lowered = Lowered(flat)
        >>> with lowered.applied():
        ...     y = flat.module(torch.ones(1, 3, dtype=torch.bfloat16)).sum()
        >>> y.backward(inputs=lowered.inputs)
        >>> lowered.collect()
        >>> flat.module.weight.grad
        tensor([[1., 1., 1.]])
    """

    def __init__(self, flat: Flat, dtype: torch.dtype = torch.bfloat16) -> None:
        self._flat, self.stale = flat, True
        self._buffer = torch.zeros_like(flat.vector.data, dtype=dtype)
        halves = dict(zip(map(id, flat.parameters), flat.views(self._buffer), strict=True))
        self._uses: list[tuple[nn.Module, str, Tensor]] = []
        self._leaves: dict[int, Tensor] = {}
        for module in flat.module.modules():
            if isinstance(module, MATRICES):
                for name, parameter in module.named_parameters(recurse=False):
                    if id(parameter) in halves:
                        leaf = self._leaves.setdefault(id(parameter), halves[id(parameter)].detach().requires_grad_())
                        self._uses.append((module, name, leaf))
        self.inputs = [self._leaves.get(id(parameter), parameter) for parameter in flat.parameters]
        views = dict(zip(map(id, flat.parameters), flat.views(flat.gradient), strict=True))  # of the gradient
        self._matrices = [(leaf, views.pop(key)) for key, leaf in self._leaves.items()]
        self._others = list(views.values())

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the context, the layers compute with the cast weights."""
        if self.stale:  # and only then: an earlier loss of this step may still be differentiated
            self._buffer.copy_(self._flat.vector.detach())
            self.stale = False
        own = [module._parameters[name] for module, name, _ in self._uses]
        try:
            for module, name, leaf in self._uses:
                module._parameters[name] = leaf  # type: ignore[assignment]  # no nn.Parameter, but a leaf
            yield
        finally:
            for (module, name, _), parameter in zip(self._uses, own, strict=True):
                module._parameters[name] = parameter

    def clear(self) -> None:
        """Set the player's gradients to zero, but for those of matrices, which `collect` overwrites."""
        for view in self._others:
            view.zero_()

    def collect(self, add: bool = False) -> None:
        """Write the gradients that a backward pass left in half precision into the player's flat gradient, or add."""
        for leaf, view in self._matrices:
            if not add:
                view.copy_(leaf.grad) if leaf.grad is not None else view.zero_()
            elif leaf.grad is not None:
                view.add_(leaf.grad)
            leaf.grad = None
