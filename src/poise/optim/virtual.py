"""Steps of an optimizer that are not taken, only computed, and can be differentiated."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .base import arithmetic
from .elementwise import Elementwise
from .flat import Flat


class Virtual:
    """Where an elementwise optimizer would take the weights, as a function of the gradients on the way.

    The optimizer and the weights stay as they are. Averages and clipping are left out.

    Args:
        optimizer: of Poise, over `flat`'s vector.
        flat: the weights to start from.

    Attributes:
        weights: one tensor for each parameter, at first the parameters themselves.

    Example:
        >>> from poise.optim import SGD
        >>> flat = Flat(torch.nn.Linear(1, 1, bias=False))
        >>> virtual = Virtual(SGD(flat, lr=0.5), flat)
        >>> virtual.move([torch.ones(1, 1)])
        >>> (flat.parameters[0] - virtual.weights[0]).item()
        0.5
    """

    def __init__(self, optimizer: torch.optim.Optimizer, flat: Flat) -> None:
        if not isinstance(optimizer, Elementwise):
            raise TypeError(f"{type(optimizer).__name__} cannot be differentiated; use an optimizer of Poise")
        (self._group,) = optimizer.param_groups
        self._form = optimizer.form(self._group)
        state = optimizer.state.get(flat.vector, {})
        self._steps: int = state.get("step", 0)
        self.weights: Sequence[Tensor] = list(flat.parameters)
        kind = arithmetic(flat.vector)
        vectors = [state.get(name, torch.zeros_like(flat.vector, dtype=kind)) for name in self._form.states]
        # for each parameter its state tensors, copied, because the step that will be taken changes them in place
        self._states = list(zip(*[flat.views(v.detach().clone()) for v in vectors], strict=True))
        self._states = self._states or [() for _ in self.weights]

    def move(self, gradients: Sequence[Tensor]) -> None:
        """Replace the weights by those after one more step along these gradients."""
        self._steps += 1
        kind = arithmetic(self.weights[0])
        numbers = torch.tensor(self._form.numbers(self._group, self._steps), dtype=kind).unbind(0)
        moved = [
            self._form.move(w.to(kind), g.to(kind), state, numbers)
            for w, g, state in zip(self.weights, gradients, self._states, strict=True)
        ]
        self.weights = [new for new, *_ in moved]
        self._states = [tuple(state) for _, *state in moved]
