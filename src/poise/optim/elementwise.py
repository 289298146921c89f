"""The frame of all elementwise optimizers: from a formula for one weight to one pass over all of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import Base, Move, arithmetic
from .compiler import WORTH, Best, Order, find
from .kernel import Variant, in_place


class Form(ABC):
    """The mathematics of a step.

    Attributes:
        states: the names of the state tensors, which are zero at first.
    """

    states: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    @abstractmethod
    def numbers(group: Mapping[str, Any], t: int) -> tuple[float, ...]:
        """Return the scalars of a group's step number t (from 1), computed in double precision."""

    @staticmethod
    @abstractmethod
    def move(w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the new weights, then the new state; all tensors have one shape, numbers are scalars."""


class Elementwise(Base, Form):
    """An optimizer that moves each weight by its own gradient and state alone.

    A subclass gives the mathematics (see `Form`); everything else is here and in `Base`. Over a `Flat`'s vector the
    step is one pass over memory for the whole network; over plain parameters the same, one by one.

    Weights in half precision are moved in float32 arithmetic and keep their state in float32.
    """

    def form(self, group: Mapping[str, Any]) -> type[Form]:
        """Return the mathematics that serve a group: this class's, unless the group's settings change that."""
        return type(self)

    def _move_all(self, moves: Sequence[Move], scale: float, factor: Tensor | None, half: bool) -> None:
        worth = sum(p.numel() for _, p, _ in moves) >= WORTH
        shared: dict[tuple[object, ...], tuple[Best, Tensor]] = {}  # parameters of one group share numbers and kernel
        for group, p, g in moves:
            form = self.form(group)
            t, average = self._begin(p, form), None if half else self._averages.get(p)
            variant = Variant(half, not half and "saved" in self.state[p], average is not None)
            key = (id(group), t, variant, p.dtype, p.device, average)
            if key not in shared:
                keep = average.advance() if average is not None else 0.0
                numbers = (scale, keep, 1.0 - keep, *form.numbers(group, t))
                shared[key] = _kernel(form, p, variant, len(numbers) - 3), _as_tensor(numbers, p, factor)
            kernel, values = shared[key]
            vectors = _flattened(tensors := self._tensors(p, g, form, variant))
            if vectors is None:
                in_place(form.move, variant)(values, tensors)
            else:
                kernel(values, vectors, worth)
            if variant.returns:
                del self.state[p]["saved"]

    def _save(self, p: Tensor) -> None:
        self.state[p]["saved"] = self._room(p)  # the pass writes it

    def _tensors(self, p: Tensor, g: Tensor, form: type[Form], variant: Variant) -> list[Tensor]:
        """Return what a kernel takes, in its order."""
        state = self.state[p]
        tensors = [p, g, *(state[name] for name in form.states)]
        if variant.saves or variant.returns:
            tensors.append(state["saved"])
        if variant.averages:
            tensors.append(self._averages[p].vector)
        return tensors

    def _begin(self, p: Tensor, form: type[Form]) -> int:
        """Make what state is missing, and count; return the number of this step."""
        state = self.state[p]
        for name in form.states:
            if name not in state:
                state[name] = torch.zeros_like(p, dtype=arithmetic(p))
        state["step"] = state.get("step", 0) + 1
        step: int = state["step"]
        return step


def _kernel(form: type[Form], p: Tensor, variant: Variant, numbers: int) -> Best:
    owner, kinds = f"{form.__module__}:{form.__qualname__}", (_short(p.dtype), _short(arithmetic(p)))
    return find(Order(owner, len(form.states), numbers, variant, kinds), form.move, p.device.type)


def _as_tensor(numbers: tuple[float, ...], p: Tensor, factor: Tensor | None) -> Tensor:
    values = torch.tensor(numbers, dtype=arithmetic(p), device=p.device)
    if factor is not None:
        values[0] *= factor
    return values


def _flattened(tensors: list[Tensor]) -> list[Tensor] | None:
    """Return vectors over the same memory, in its order; None where there are gaps or several orders."""
    first = tensors[0]
    if first.dim() == 1 and first.is_contiguous():
        return tensors
    if any(t.stride() != first.stride() for t in tensors) or torch.empty_like(first).stride() != first.stride():
        return None
    return [t.detach().as_strided((t.numel(),), (1,)) for t in tensors]


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
