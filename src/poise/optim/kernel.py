"""One pass over memory for a whole step: gradient scale, state, move, and average together.

An optimizer gives its formula as a function of tensors, without a thought for memory. Here it becomes a kernel that
updates weights and state in place, in one of three ways with the same results: over blocks that fit in a processor's
cache, with nothing but torch's own operations; compiled ahead of time (`compiler`); or by torch.compile, on a GPU.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

BLOCK = 2**16  # elements: large enough for two threads, small enough for a cache (docs/optimizers.md)
Kernel = Callable[[Tensor, Sequence[Tensor]], None]


class Formula(Protocol):
    """An optimizer as a function of one weight and its gradient, whatever their number."""

    def __call__(
        self, w: Tensor, g: Tensor, state: tuple[Tensor, ...], numbers: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        """Return the new weights and then the new state."""
        ...


@dataclass(frozen=True)
class Variant:
    """What else happens in the pass.

    Attributes:
        saves: the weights of before are written to a vector of their own (the half step of extragradient).
        returns: the step starts from saved weights, not from the current ones (the full step that follows).
        averages: the moving average takes the new weights in.
    """

    saves: bool = False
    returns: bool = False
    averages: bool = False

    def __str__(self) -> str:
        parts = [name for name in ("saves", "returns", "averages") if getattr(self, name)]
        return "-".join(parts) or "plain"


def root(x: Tensor) -> Tensor:
    """Return √x correctly rounded, with slope 0 at 0.

    torch's own square root on CPU may be off by the last bit, unlike the instruction that compilers use; through
    float64 it is exact. The slope matters where one differentiates through a step (unrolled games).

    Example:
        >>> root(torch.tensor([2.0]))
        tensor([1.4142])
    """
    if torch.compiler.is_compiling():
        return x.sqrt()
    if x.requires_grad:
        positive = x > 0
        return torch.where(positive, x, 1.0).sqrt() * positive
    return x.double().sqrt().to(x.dtype)


def in_place(formula: Formula, variant: Variant) -> Kernel:
    """Turn a formula into a kernel over `numbers` and tensors: weights, gradients, state, saved weights, average.

    Args:
        formula: the optimizer.
        variant: what else happens; saved weights and average are only there if it needs them.

    Returns:
        A function of numbers [3 + k] (gradient scale, average's share kept, its complement, and the formula's own)
        and of the tensors, all of one shape. The arithmetic is that of the numbers' type.
    """

    def kernel(numbers: Tensor, tensors: Sequence[Tensor]) -> None:
        w, g, state = tensors[0], tensors[1], list(tensors[2:])
        average = state.pop() if variant.averages else None
        saved = state.pop() if variant.saves or variant.returns else w
        start = saved if variant.returns else w
        scale, keep, take, *own = numbers.unbind(0)
        kind = numbers.dtype
        new, *new_state = formula(start.to(kind), g.to(kind) * scale, tuple(state), tuple(own))
        if average is not None:
            average.copy_(keep * average.to(kind) + take * new)
        if variant.saves:
            # `take` is 1 in a half step, which never averages; torch's compiler would let a mere copy follow the move
            saved.copy_(take * w.to(kind))
        w.copy_(new)
        for old, value in zip(state, new_state, strict=True):
            old.copy_(value)

    return kernel


def in_blocks(kernel: Kernel) -> Kernel:
    """Run a kernel of torch operations block by block, so that what they hand to each other stays in cache."""

    def run(numbers: Tensor, tensors: Sequence[Tensor]) -> None:
        first = tensors[0]
        if first.dim() != 1 or len(first) <= BLOCK or first.device.type != "cpu":
            return kernel(numbers, tensors)
        length = len(first)
        for start in range(0, length, BLOCK):
            size = min(BLOCK, length - start)
            kernel(numbers, [tensor.narrow(0, start, size) for tensor in tensors])

    return run
